import GatewayCore

/// `/healthz` and `/readyz`, which anybody may ask.
struct HealthResource {
    let unreadiness: @Sendable () -> String?

    /// The operations.
    var operations: [Operation] {
        [
            Operation(
                method: .get,
                path: "/healthz",
                name: "getHealth",
                summary: "Says that the process answers.",
                tag: "Health",
                successes: [Operation.Success(status: 200, summary: "It does.", object: Self.health.output)],
                access: .anyone,
                perform: { _ in AdminAnswer(200, DocumentNode(object: [("status", .string("ok"))])) }
            ),
            Operation(
                method: .get,
                path: "/readyz",
                name: "getReadiness",
                summary: "Says whether the gateway takes calls.",
                tag: "Health",
                successes: [
                    Operation.Success(status: 200, summary: "It does.", object: Self.readiness.output)
                ],
                problems: [.notReady],
                access: .anyone,
                perform: { _ in
                    if let reason = unreadiness() { throw Problem(.notReady, reason) }
                    return AdminAnswer(200, DocumentNode(object: [("status", .string("ready"))]))
                }
            ),
        ]
    }

    private static let health = ObjectShape(
        name: "Health",
        summary: "That the process answers.",
        fields: [ObjectShape.Field("status", .choice(["ok"]), "Always the same.")]
    )

    private static let readiness = ObjectShape(
        name: "Readiness",
        summary: "That the gateway takes calls.",
        fields: [ObjectShape.Field("status", .choice(["ready"]), "Always the same.")]
    )
}
