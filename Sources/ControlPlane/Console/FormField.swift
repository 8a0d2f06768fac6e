import GatewayCore

/// One field of a form, as the template `field` shows it: label, hint and fault belong together in one place.
struct FormField: Sendable {
    /// What the field is.
    enum Kind: Sendable {
        /// One line; the type is HTML's: `text`, `email`, `number`, `password`, `datetime-local`, `url`.
        case line(type: String)
        /// Several lines; in a typeface for code, or not.
        case area(rows: Int, isCode: Bool)
        /// A box to check.
        case check
        /// One of several.
        case choice([Option])
        /// Any of several.
        case checks([Option])
    }

    /// One of several values.
    struct Option: Sendable {
        let value: String
        let label: String

        init(_ value: String, _ label: String) {
            self.value = value
            self.label = label
        }
    }

    let name: String
    let label: String
    var kind = Kind.line(type: "text")
    /// What is in it; for ``Kind/checks(_:)`` those that are checked.
    var values: [String] = []
    /// What is expected, in a sentence.
    var hint = ""
    /// What is wrong with what was entered.
    var fault = ""
    var isRequired = false
    var placeholder = ""
    /// Whether what was entered never goes back to a page.
    var isSecret = false
    /// HTML's `autocomplete`, so that password managers know what to do.
    var autocomplete = ""

    init(
        _ name: String,
        _ label: String,
        _ kind: Kind = .line(type: "text"),
        value: String = "",
        hint: String = "",
        isRequired: Bool = false,
        placeholder: String = "",
        autocomplete: String = "off"
    ) {
        self.name = name
        self.label = label
        self.kind = kind
        values = value.isEmpty ? [] : [value]
        self.hint = hint
        self.isRequired = isRequired
        self.placeholder = placeholder
        self.autocomplete = autocomplete
        if case .line("password") = kind { isSecret = true }
    }

    /// The field with what was entered in a form that could not be accepted, and what is wrong with it.
    ///
    /// - Parameters:
    ///   - form: what was entered.
    ///   - problem: why it was not accepted.
    ///   - documentField: the field of the API's document that this one fills; of the same name unless given.
    /// - Returns: the field, to be shown again; a secret, a password or a private key is not shown again.
    func entered(_ form: Form, _ problem: ConsoleProblem?, as documentField: String? = nil) -> FormField {
        var field = self
        field.fault = problem?.fault(of: documentField ?? name) ?? ""
        field.values =
            isSecret ? [] : form.all(name).filter { isProse || !PrivateKeyText.isFound(in: $0) }
        return field
    }

    private var isProse: Bool {
        if case .area(_, isCode: false) = kind { return true }
        return false
    }

    /// What the template shows.
    var content: DocumentNode {
        var members: [(String, DocumentValue)] = [
            ("name", .string(name)), ("label", .string(label)), ("hint", .string(hint)),
            ("fault", .string(fault)), ("isRequired", .bool(isRequired)),
            ("placeholder", .string(placeholder)),
            ("autocomplete", .string(autocomplete)), ("value", .string(values.first ?? "")),
            ("describedBy", .string(describedBy)),
        ]
        let kinds = ["isLine", "isArea", "isCheck", "isChoice", "isChecks", "isCode", "isOn"]
        var own: [String: DocumentValue] = [:]
        switch kind {
        case .line(let type): own = ["isLine": .bool(true), "type": .string(type)]
        case .area(let rows, let isCode):
            own = ["isArea": .bool(true), "rows": .integer(Int64(rows)), "isCode": .bool(isCode)]
        case .check: own = ["isCheck": .bool(true), "isOn": .bool(!values.isEmpty)]
        case .choice(let options): own = ["isChoice": .bool(true), "options": content(of: options)]
        case .checks(let options): own = ["isChecks": .bool(true), "options": content(of: options)]
        }
        members += kinds.filter { own[$0] == nil }.map { ($0, .bool(false)) }
        members += own.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        return DocumentNode(object: members)
    }

    private var describedBy: String {
        [hint.isEmpty ? nil : "h-\(name)", fault.isEmpty ? nil : "e-\(name)"].compactMap(\.self)
            .joined(separator: " ")
    }

    private func content(of options: [Option]) -> DocumentValue {
        // What is there and was not among the options is one besides: a form that nobody touched sends what it showed.
        let missing = values.filter { value in !options.contains { $0.value == value } }
        let all = missing.map { Option($0, $0) } + options
        return .array(
            all.map { option in
                DocumentNode(
                    object: [
                        ("value", .string(option.value)), ("label", .string(option.label)),
                        ("isChosen", .bool(values.contains(option.value))),
                    ]
                )
            }
        )
    }
}

/// A form, as the template `form` shows it.
struct FormContent: Sendable {
    let action: String
    var fields: [FormField]
    var submit = "Save"
    /// Where the way back leads; empty for none.
    var cancel = ""
    /// Fields that are not shown.
    var hidden: [(name: String, value: String)] = []
    /// Why the form was not accepted.
    var problem: ConsoleProblem?

    /// What the template shows; faults that belong to no field stand above.
    var content: DocumentValue {
        let named = fields.contains { !$0.fault.isEmpty }
        let fault =
            problem.map { named ? "Nothing was changed: see below what is not right." : $0.detail } ?? ""
        return .fields([
            ("action", .string(action)),
            ("fields", .array(fields.map(\.content))),
            ("submit", .string(submit)),
            ("cancel", .string(cancel)),
            (
                "hidden",
                .array(
                    hidden.map {
                        DocumentNode(object: [("name", .string($0.name)), ("value", .string($0.value))])
                    }
                )
            ),
            ("fault", .string(fault)),
            ("formID", .string("")),
        ])
    }
}
