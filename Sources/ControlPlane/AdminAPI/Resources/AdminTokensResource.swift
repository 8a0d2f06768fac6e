import GatewayCore

/// `/api/v1/admin-tokens`: named, scoped, expiring tokens for this API; for owners.
struct AdminTokensResource {
    let service: OperatorService
    private let path = "/api/v1/admin-tokens"
    private let tag = "AdminTokens"

    init(service: OperatorService) {
        self.service = service
    }

    /// The operations.
    var operations: [Operation] { [listOperation, createOperation, deleteOperation] }

    private var listOperation: Operation {
        Operation(
            method: .get,
            path: path,
            name: "listAdminTokens",
            summary: "Lists them by name, page by page; never the tokens themselves.",
            tag: tag,
            query: Paging.parameters,
            successes: [
                Operation.Success(
                    status: 200,
                    summary: "One page.",
                    object: Paging.shape(of: Schemas.adminToken)
                )
            ],
            access: .role(.owner),
            perform: { call in
                let page = Page(of: try await service.adminTokens(), call) { ($0.name, $0.id.text) }
                return AdminAnswer(200, page.document { $0.document() })
            }
        )
    }

    private var createOperation: Operation {
        Operation(
            method: .post,
            path: path,
            name: "createAdminToken",
            summary: "Makes an admin token and answers it, this once; not with another admin token.",
            tag: tag,
            body: Operation.Body(object: Schemas.newAdminToken.input),
            successes: [
                Operation.Success(
                    status: 201,
                    summary: "The admin token, shown this once.",
                    object: Schemas.issuedAdminToken.output,
                    headers: ["Location"]
                )
            ],
            problems: [.readOnly, .forbidden, .conflict, .storeFull],
            access: .role(.owner),
            perform: { call in
                var reader = try DocumentReader(call.body)
                let name = try reader.requiredText("name")
                var (role, days) = (Role.viewer, AdminTokenRecord.defaultDays)
                try reader.choice("role", &role, default: .viewer)
                try reader.integer("expires_in_days", &days, default: days)
                try reader.finish()
                let (record, token) = try await service.createAdminToken(
                    name: name,
                    role: role,
                    days: days,
                    call.acting
                )
                return AdminAnswer(
                    201,
                    record.document().with("token", .string(token)),
                    headers: [(name: "Location", value: "\(path)/\(record.id.text)")]
                )
            }
        )
    }

    private var deleteOperation: Operation {
        Operation(
            method: .delete,
            path: "\(path)/{id}",
            name: "deleteAdminToken",
            summary: "Revokes one, at once.",
            tag: tag,
            successes: [Operation.Success(status: 204, summary: "It is gone.")],
            problems: [.readOnly, .storeFull],
            access: .role(.owner),
            perform: { call in
                try await service.deleteAdminToken(call.id("id"), call.acting)
                return AdminAnswer(withoutBody: 204)
            }
        )
    }
}
