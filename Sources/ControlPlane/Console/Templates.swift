/// The templates, by the names under which pages and other templates use them.
enum Templates {
    /// All of them.
    static let all: [(name: String, text: String)] = files.map { name, bytes in
        (name: name, text: String(decoding: bytes, as: UTF8.self))
    }

    private static let files: [(name: String, bytes: [UInt8])] = [
        ("account", PackageResources.account_mustache),
        ("admin-tokens", PackageResources.admin_tokens_mustache),
        ("operators", PackageResources.operators_mustache),
        ("shown-once", PackageResources.shown_once_mustache),
        ("sign-in", PackageResources.sign_in_mustache),
        ("audit", PackageResources.audit_mustache),
        ("badge", PackageResources.badge_mustache),
        ("catalog-form", PackageResources.catalog_form_mustache),
        ("chart", PackageResources.chart_mustache),
        ("checks", PackageResources.checks_mustache),
        ("client", PackageResources.client_mustache),
        ("clients", PackageResources.clients_mustache),
        ("collection", PackageResources.collection_mustache),
        ("collections", PackageResources.collections_mustache),
        ("confirm", PackageResources.confirm_mustache),
        ("crumbs", PackageResources.crumbs_mustache),
        ("decision", PackageResources.decision_mustache),
        ("decision-rows", PackageResources.decision_rows_mustache),
        ("decisions", PackageResources.decisions_mustache),
        ("endpoint", PackageResources.endpoint_mustache),
        ("field", PackageResources.field_mustache),
        ("finding", PackageResources.finding_mustache),
        ("form", PackageResources.form_mustache),
        ("form-page", PackageResources.form_page_mustache),
        ("key-pair", PackageResources.key_pair_mustache),
        ("layout", PackageResources.layout_mustache),
        ("moment", PackageResources.moment_mustache),
        ("once", PackageResources.once_mustache),
        ("overview", PackageResources.overview_mustache),
        ("plain", PackageResources.plain_mustache),
        ("problem", PackageResources.problem_mustache),
        ("problem-text", PackageResources.problem_text_mustache),
        ("profile", PackageResources.profile_mustache),
        ("profiles", PackageResources.profiles_mustache),
        ("profile-method", PackageResources.profile_method_mustache),
        ("route-test", PackageResources.route_test_mustache),
        ("settings", PackageResources.settings_mustache),
        ("token-reading", PackageResources.token_reading_mustache),
        ("trial", PackageResources.trial_mustache),
        ("upstream", PackageResources.upstream_mustache),
        ("upstreams", PackageResources.upstreams_mustache),
        ("workbench", PackageResources.workbench_mustache),
    ]
}
