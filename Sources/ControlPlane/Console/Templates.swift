/// The templates, by the names under which pages and other templates use them.
enum Templates {
    /// All of them.
    static let all: [(name: String, text: String)] = files.map { name, bytes in
        (name: name, text: String(decoding: bytes, as: UTF8.self))
    }

    private static let files: [(name: String, bytes: [UInt8])] = [
        ("audit", PackageResources.audit_mustache),
        ("chart", PackageResources.chart_mustache),
        ("checks", PackageResources.checks_mustache),
        ("decision", PackageResources.decision_mustache),
        ("decision-rows", PackageResources.decision_rows_mustache),
        ("decisions", PackageResources.decisions_mustache),
        ("overview", PackageResources.overview_mustache),
        ("confirm", PackageResources.confirm_mustache),
        ("crumbs", PackageResources.crumbs_mustache),
        ("field", PackageResources.field_mustache),
        ("form", PackageResources.form_mustache),
        ("form-page", PackageResources.form_page_mustache),
        ("layout", PackageResources.layout_mustache),
        ("plain", PackageResources.plain_mustache),
        ("problem", PackageResources.problem_mustache),
        ("problem-text", PackageResources.problem_text_mustache),
        ("token-reading", PackageResources.token_reading_mustache),
        ("workbench", PackageResources.workbench_mustache),
    ]
}
