import GatewayCore
import JOSE

/// `/api/v1/sessions` and `/api/v1/account/password`: one's own, and for owners everybody's sessions.
struct SessionsResource {
    let service: OperatorService
    private let path = "/api/v1/sessions"
    private let tag = "Sessions"

    init(service: OperatorService) {
        self.service = service
    }

    /// The operations.
    var operations: [Operation] { [listOperation, endOperation, endOthersOperation, passwordOperation] }

    private var listOperation: Operation {
        Operation(
            method: .get,
            path: path,
            name: "listSessions",
            summary:
                "Lists the sessions in force: one's own, which admin tokens have none of; for owners everybody's.",
            tag: tag,
            query: Paging.parameters,
            successes: [
                Operation.Success(
                    status: 200,
                    summary: "One page.",
                    object: Paging.shape(of: Schemas.session)
                )
            ],
            perform: { call in
                let own = call.principal.sessionID
                let page = Page(of: try await service.sessions(call.acting), call) { session, owner in
                    (owner?.name ?? "", session.id.text)
                }
                return AdminAnswer(
                    200,
                    page.document { session, owner in
                        session.document(of: owner, isCurrent: session.id == own)
                    }
                )
            }
        )
    }

    private var endOperation: Operation {
        Operation(
            method: .delete,
            path: "\(path)/{id}",
            name: "endSession",
            summary: "Ends a session, at once: one of one's own; for owners anybody's.",
            tag: tag,
            successes: [Operation.Success(status: 204, summary: "It has ended.")],
            problems: [.storeFull],
            access: .role(.viewer),
            perform: { call in
                try await service.endSession(call.id("id"), call.acting)
                return AdminAnswer(withoutBody: 204)
            }
        )
    }

    private var endOthersOperation: Operation {
        Operation(
            method: .post,
            path: "\(path)/end-others",
            name: "endOtherSessions",
            summary: "Ends all of one's own sessions but the one that asks.",
            tag: tag,
            successes: [Operation.Success(status: 204, summary: "They have ended.")],
            problems: [.readOnly, .conflict, .storeFull],
            access: .role(.viewer),
            perform: { call in
                try await service.endOtherSessions(call.acting)
                return AdminAnswer(withoutBody: 204)
            }
        )
    }

    private var passwordOperation: Operation {
        Operation(
            method: .put,
            path: "/api/v1/account/password",
            name: "changePassword",
            summary:
                "Changes one's own password, and ends the other sessions; admin tokens have no password.",
            tag: tag,
            body: Operation.Body(object: Schemas.passwordChange),
            successes: [Operation.Success(status: 204, summary: "It was changed.")],
            problems: [.readOnly, .conflict, .storeFull, .tooManyAttempts],
            access: .role(.viewer),
            perform: { call in
                var reader = try DocumentReader(call.body)
                let old = Secret(try reader.requiredText("old_password"))
                let new = Secret(try reader.requiredText("new_password"))
                try await service.changePassword(old: old, new: new, call.acting)
                return AdminAnswer(withoutBody: 204)
            }
        )
    }
}
