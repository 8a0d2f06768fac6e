import JOSE

/// The fields that most forms are made of.
enum PlainField {
    static func text(
        _ name: String,
        _ label: String,
        _ hint: String,
        isRequired: Bool = false
    ) -> CatalogField {
        CatalogField(
            .text(emptyIsNull: true),
            FormField(name, label, hint: hint, isRequired: isRequired)
        )
    }

    static func number(_ name: String, _ label: String, _ hint: String) -> CatalogField {
        CatalogField(.number, FormField(name, label, .line(type: "number"), hint: hint))
    }

    static func flag(_ name: String, _ label: String, _ hint: String, isOn: Bool = false) -> CatalogField {
        CatalogField(.flag, FormField(name, label, .check, value: isOn ? "on" : "", hint: hint))
    }

    static func list(_ name: String, _ label: String, _ hint: String) -> CatalogField {
        CatalogField(.list, FormField(name, label, .area(rows: 3, isCode: true), hint: hint))
    }

    static func time(_ name: String, _ label: String, _ hint: String) -> CatalogField {
        CatalogField(.time, FormField(name, label, .line(type: "datetime-local"), hint: hint))
    }

    static func algorithms(_ name: String, _ algorithms: [SignatureAlgorithm]) -> CatalogField {
        CatalogField(
            .list,
            FormField(
                name,
                "Algorithms",
                .checks(algorithms.map { FormField.Option($0.rawValue, $0.rawValue) }),
                hint: "None checked: all that fit the key."
            )
        )
    }
}
