import GatewayCore

/// The objects around operators, their sessions and admin tokens.
extension Schemas {
    private static let roles = Shape.choice(Role.allCases.map(\.rawValue))

    private static let operatorFields = [
        id,
        Field(
            "name",
            .text(.line(1...Operator.maximumNameLength)),
            "The name to sign in with, unique.",
            isRequired: true
        ),
        Field("role", roles, "What the operator may do.", default: .string(Role.viewer.rawValue)),
        Field("active", .boolean, "Whether the operator may come in.", access: .readOnly),
        createdAt,
        Field(
            "last_sign_in_at",
            .optional(.text(.time)),
            "When the operator last signed in.",
            access: .readOnly
        ),
        Field(
            "has_password",
            .boolean,
            "Whether a password was chosen, by the link that making the operator gave.",
            access: .readOnly
        ),
        Field(
            "invitation_expires_at",
            .optional(.text(.time)),
            "Until when the link is good by which a password can be chosen; null when there is none.",
            access: .readOnly
        ),
    ]

    static let `operator` = ObjectShape(
        name: "Operator",
        summary: "Somebody who signs in to the console.",
        fields: operatorFields
    )

    static let operatorPatch = ObjectShape(
        name: "OperatorPatch",
        summary: "What of an operator can be changed; takes effect at once.",
        fields: [
            Field("role", roles, "What the operator may do."),
            Field("active", .boolean, "Whether the operator may come in; false ends all sessions."),
        ]
    )

    static let invitedOperator = ObjectShape(
        name: "InvitedOperator",
        summary: "An operator, and the link by which a password is chosen, shown this once.",
        fields: operatorFields + [
            Field(
                "invitation_url",
                .text(.any(1...2000)),
                "The link, good for 72 hours and once.",
                access: .readOnly
            )
        ]
    )

    static let session = ObjectShape(
        name: "Session",
        summary: "What an operator has between signing in and signing out.",
        fields: [
            id,
            Field("operator", .text(.any(1...1000)), "The name that was signed in with.", access: .readOnly),
            Field("operator_id", .optional(.text(.identity)), "The operator.", access: .readOnly),
            createdAt,
            Field("last_seen_at", .text(.time), "When it was last used, to the minute.", access: .readOnly),
            Field("address", .text(.any(0...100)), "Where it began from.", access: .readOnly),
            Field(
                "user_agent",
                .text(.any(0...1000)),
                "What the browser said that it is.",
                access: .readOnly
            ),
            Field("current", .boolean, "Whether it is the one that asks.", access: .readOnly),
        ]
    )

    private static let adminTokenFields = [
        id,
        Field("name", .text(.line(1...200)), "The name, unique.", isRequired: true),
        Field(
            "role",
            roles,
            "What it may do; never more than the operator who made it may.",
            default: .string(Role.viewer.rawValue)
        ),
        createdAt,
        Field("created_by", .text(.any(1...1000)), "Who made it.", access: .readOnly),
        Field("expires_at", .text(.time), "From when on it is not accepted.", access: .readOnly),
        Field(
            "last_used_at",
            .optional(.text(.time)),
            "When it was last used, to the minute.",
            access: .readOnly
        ),
    ]

    static let adminToken = ObjectShape(
        name: "AdminToken",
        summary: "A named token for the admin API.",
        fields: adminTokenFields
    )

    static let newAdminToken = ObjectShape(
        name: "NewAdminToken",
        summary: "An admin token that is to be made.",
        fields: [
            adminTokenFields[1],
            adminTokenFields[2],
            Field(
                "expires_in_days",
                .integer(1...AdminTokenRecord.maximumDays),
                "How long it is accepted, in days.",
                default: .integer(AdminTokenRecord.defaultDays)
            ),
        ]
    )

    static let issuedAdminToken = ObjectShape(
        name: "IssuedAdminToken",
        summary: "An admin token, shown this once.",
        fields: adminTokenFields + [
            Field("token", .text(.hexadecimal64), "The token.", access: .readOnly)
        ]
    )

    static let passwordChange = ObjectShape(
        name: "PasswordChange",
        summary: "A new password in the place of the old one.",
        fields: [
            Field(
                "old_password",
                .text(.any(0...10_000)),
                "The old one.",
                isRequired: true,
                access: .writeOnly
            ),
            Field(
                "new_password",
                .text(.any(0...10_000)),
                "The new one.",
                isRequired: true,
                access: .writeOnly
            ),
        ]
    )
}

extension Operator {
    /// The operator as the admin API shows it, without any secret.
    func document(at now: Timestamp) -> DocumentNode {
        let open = invitation.flatMap { now < $0.expiresAt ? $0.expiresAt : nil }
        return DocumentNode(
            object: [
                ("id", .string(id.text)),
                ("name", .string(name)),
                ("role", .string(role.rawValue)),
                ("active", .bool(isActive)),
                ("created_at", .string(createdAt.description)),
                ("last_sign_in_at", lastSignInAt.map { .string($0.description) } ?? .null),
                ("has_password", .bool(passwordHash != nil)),
                ("invitation_expires_at", open.map { .string($0.description) } ?? .null),
            ]
        )
    }
}

extension OperatorSession {
    /// The session as the admin API shows it to whoever asks.
    func document(of owner: Operator?, isCurrent: Bool) -> DocumentNode {
        DocumentNode(
            object: [
                ("id", .string(id.text)),
                ("operator", .string(owner?.name ?? Principal.adminToken.actor)),
                ("operator_id", operatorID.map { .string($0.text) } ?? .null),
                ("created_at", .string(createdAt.description)),
                ("last_seen_at", .string(lastSeenAt.description)),
                ("address", .string(address)),
                ("user_agent", .string(userAgent)),
                ("current", .bool(isCurrent)),
            ]
        )
    }
}

extension AdminTokenRecord {
    /// The admin token as the admin API shows it, without the token.
    func document() -> DocumentNode {
        DocumentNode(
            object: [
                ("id", .string(id.text)),
                ("name", .string(name)),
                ("role", .string(role.rawValue)),
                ("created_at", .string(createdAt.description)),
                ("created_by", .string(createdBy)),
                ("expires_at", .string(expiresAt.description)),
                ("last_used_at", lastUsedAt.map { .string($0.description) } ?? .null),
            ]
        )
    }
}

extension DocumentNode {
    /// The object with one more member.
    func with(_ name: String, _ value: DocumentValue) -> DocumentNode {
        guard case .object(let members) = self.value else { return self }
        return DocumentNode(.object(members + [DocumentMember(name, DocumentNode(value))]))
    }
}
