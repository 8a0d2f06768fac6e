import GatewayCore

/// Prints the steps of a plan: `+ client "Acme"`, `~ profile "Acme/web"`, `- key "Acme/web/old"`.
enum PlanPrinter {
    /// One line for each step, and below an update one for each field.
    static func text(_ steps: [DocumentNode], style: TerminalStyle) -> String {
        var text = ""
        for step in steps {
            let kind = (step["kind"]?.value.text ?? "").replacing("_", with: " ")
            let name = step["name"]?.value.text ?? ""
            let line = Printable.text(kind) + (name.isEmpty ? "" : " \"\(Printable.text(name))\"")
            switch step["action"]?.value.text {
            case "create": text += style.green("+ \(line)") + "\n"
            case "delete": text += style.red("- \(line)") + "\n"
            default: text += style.yellow("~ \(line)") + "\n"
            }
            for change in step["changes"]?.elements ?? [] {
                let field = Printable.text(change["field"]?.value.text ?? "")
                text += "    \(field): \(value(change["before"])) → \(value(change["after"]))\n"
            }
        }
        return text
    }

    /// How many steps of each sort there are: `2 to create, 1 to update, 0 to delete`.
    static func counts(_ steps: [DocumentNode]) -> String {
        func count(_ action: String) -> Int { steps.count { $0["action"]?.value.text == action } }
        return "\(count("create")) to create, \(count("update")) to update, \(count("delete")) to delete"
    }

    private static func value(_ node: DocumentNode?) -> String {
        guard let node else { return "(default)" }
        if case .null = node.value { return "(default)" }
        if case .string("(secret)") = node.value { return "(secret)" }
        let text = Printable.text(node.json())
        return text.count > 100 ? text.prefix(100) + "…" : text
    }
}
