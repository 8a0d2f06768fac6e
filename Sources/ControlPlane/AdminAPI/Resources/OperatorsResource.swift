import GatewayCore

/// `/api/v1/operators`: who signs in to the console; for owners.
struct OperatorsResource {
    let service: OperatorService
    private let path = "/api/v1/operators"
    private let tag = "Operators"
    private let changeProblems: Set<Problem.Code> = [.readOnly, .forbidden, .conflict, .storeFull]

    init(service: OperatorService) {
        self.service = service
    }

    /// The operations.
    var operations: [Operation] {
        [
            listOperation, createOperation, readOperation, updateOperation, deleteOperation, inviteOperation,
            withdrawOperation,
        ]
    }

    private var listOperation: Operation {
        Operation(
            method: .get,
            path: path,
            name: "listOperators",
            summary: "Lists them by name, page by page.",
            tag: tag,
            query: Paging.parameters,
            successes: [
                Operation.Success(
                    status: 200,
                    summary: "One page.",
                    object: Paging.shape(of: Schemas.operator)
                )
            ],
            access: .role(.owner),
            perform: { call in
                let page = Page(of: try await service.operators(), call) { ($0.name, $0.id.text) }
                return AdminAnswer(200, page.document { $0.document(at: call.now) })
            }
        )
    }

    private static let invited = Operation.Success(
        status: 201,
        summary: "The operator, and the link by which a password is chosen, shown this once.",
        object: Schemas.invitedOperator.output,
        headers: ["Location"]
    )

    private var createOperation: Operation {
        Operation(
            method: .post,
            path: path,
            name: "createOperator",
            summary: "Makes an operator, who chooses a password by the link that is answered, this once.",
            tag: tag,
            body: Operation.Body(object: Schemas.operator.input),
            successes: [Self.invited],
            problems: changeProblems,
            access: .role(.owner),
            perform: { call in
                var reader = try DocumentReader(call.body)
                let name = try reader.requiredText("name")
                var role = Role.viewer
                try reader.choice("role", &role, default: .viewer)
                try reader.finish()
                return answer(try await service.createOperator(name: name, role: role, call.acting), call)
            }
        )
    }

    private var inviteOperation: Operation {
        Operation(
            method: .post,
            path: "\(path)/{id}/invitation",
            name: "inviteOperator",
            summary:
                "Makes a new link by which the operator chooses a password; the old password, and the admin tokens that the operator made, stay until then.",
            tag: tag,
            successes: [Self.invited],
            problems: changeProblems,
            access: .role(.owner),
            perform: { call in answer(try await service.invite(call.id("id"), call.acting), call) }
        )
    }

    private var withdrawOperation: Operation {
        Operation(
            method: .delete,
            path: "\(path)/{id}/invitation",
            name: "withdrawInvitation",
            summary: "Withdraws the link by which the operator would choose a password, at once.",
            tag: tag,
            successes: [Operation.Success(status: 204, summary: "No link is good any more.")],
            problems: [.readOnly, .storeFull],
            access: .role(.owner),
            perform: { call in
                try await service.withdrawInvitation(call.id("id"), call.acting)
                return AdminAnswer(withoutBody: 204)
            }
        )
    }

    private func answer(_ invited: OperatorService.Invited, _ call: Call) -> AdminAnswer {
        let link = service.link("invitation", token: invited.token, authority: call.request.authority ?? "")
        return AdminAnswer(
            201,
            invited.operator.document(at: call.now).with("invitation_url", .string(link)),
            headers: [(name: "Location", value: "\(path)/\(invited.operator.id.text)")]
        )
    }

    private var readOperation: Operation {
        Operation(
            method: .get,
            path: "\(path)/{id}",
            name: "getOperator",
            summary: "Reads one.",
            tag: tag,
            successes: [
                Operation.Success(status: 200, summary: "As it is.", object: Schemas.operator.output)
            ],
            access: .role(.owner),
            perform: { call in
                AdminAnswer(200, try await service.findOperator(call.id("id")).document(at: call.now))
            }
        )
    }

    private var updateOperation: Operation {
        Operation(
            method: .patch,
            path: "\(path)/{id}",
            name: "updateOperator",
            summary:
                "Changes role or activity, at once, which ends an open invitation; never of the last owner who can sign in.",
            tag: tag,
            body: Operation.Body(object: Schemas.operatorPatch, isPatch: true),
            successes: [
                Operation.Success(status: 200, summary: "As it is now.", object: Schemas.operator.output)
            ],
            problems: changeProblems,
            access: .role(.owner),
            perform: { call in
                let role = call.body["role"]?.value.text.flatMap { Role(rawValue: $0) }
                var isActive: Bool?
                if case .bool(let given) = call.body["active"]?.value { isActive = given }
                let changed = try await service.update(
                    call.id("id"),
                    role: role,
                    isActive: isActive,
                    call.acting
                )
                return AdminAnswer(200, changed.document(at: call.now))
            }
        )
    }

    private var deleteOperation: Operation {
        Operation(
            method: .delete,
            path: "\(path)/{id}",
            name: "deleteOperator",
            summary: "Deletes one, with all sessions and admin tokens; never the last owner who can sign in.",
            tag: tag,
            successes: [Operation.Success(status: 204, summary: "It is gone.")],
            problems: changeProblems,
            access: .role(.owner),
            perform: { call in
                try await service.deleteOperator(call.id("id"), call.acting)
                return AdminAnswer(withoutBody: 204)
            }
        )
    }
}
