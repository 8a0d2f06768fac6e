import GatewayCore

/// `/api/v1/rotation`: which keys and API tokens can go.
struct RotationResource {
    let catalog: CatalogAccess
    let lastUses: LastUses?
    let traffic: (any TrafficStore)?
    private static let path = "/api/v1/rotation"

    /// The operations.
    var operations: [Operation] {
        [
            Operation(
                method: .get,
                path: Self.path,
                name: "listRotation",
                summary: "Lists keys and API tokens with their last use, and which of them can be retired.",
                tag: "Rotation",
                query: [
                    Operation.Parameter(
                        name: "profile_id",
                        shape: .text(.identity),
                        summary: "Only those of this profile."
                    ),
                    Operation.Parameter(
                        name: "unused_for_seconds",
                        shape: .integer(0...315_360_000),
                        summary: "For how long something must not have been used to be able to go.",
                        fallback: .integer(604_800)
                    ),
                    Operation.Parameter(
                        name: "only_retirable",
                        shape: .boolean,
                        summary: "Leaves out what cannot be retired.",
                        fallback: .bool(false)
                    ),
                ] + Paging.parameters,
                successes: [
                    Operation.Success(
                        status: 200,
                        summary: "One page.",
                        object: Paging.shape(of: Self.item)
                    )
                ],
                problems: [.notFound],
                perform: { call in try await list(call) }
            )
        ]
    }

    private typealias Judged = (profile: AccessProfile, client: String, judgement: Retirement)

    private func list(_ call: Call) async throws -> AdminAnswer {
        let current = catalog.current
        let profiles: [AccessProfile]
        var ids: [UseID]?
        if let text = call.text("profile_id") {
            guard let profile = current.profiles[ProfileID(text)] else {
                throw Problem(.notFound, "there is no profile with this id")
            }
            profiles = [profile]
            ids = UseID.all(of: profile)
        } else {
            profiles = current.profiles.values
        }
        let uses = try await lastUses?.times(of: ids) ?? [:]
        let isFiltered = call.isOn("only_retirable")
        let judged = profiles.flatMap { profile -> [Judged] in
            let client = current.clients[profile.clientID]?.name ?? ""
            return Retirement.judge(
                profile,
                uses,
                unusedSeconds: call.integer("unused_for_seconds") ?? 604_800,
                now: call.now
            )
            .filter { !isFiltered || $0.canBeRetired }
            .map { (profile, client, $0) }
        }
        let page = Page(of: judged, call) { judged in
            let place = [judged.client, judged.profile.name, judged.judgement.kind.rawValue]
            return ((place + [judged.judgement.name]).joined(separator: "\u{0}"), judged.judgement.id)
        }
        let shown = page.items.compactMap { UseID($0.judgement.id) }
        let hour = TrafficWindow.hour.slots(at: call.now)[0]
        let calls = try await traffic?.calls(with: shown, since: hour)
        return AdminAnswer(200, page.document { document($0, calls) })
    }

    private func document(_ judged: Judged, _ calls: [UseID: UInt64]?) -> DocumentNode {
        let judgement = judged.judgement
        return DocumentNode(
            object: [
                ("client", .string(judged.client)),
                ("profile_id", .string(judged.profile.id.text)),
                ("profile", .string(judged.profile.name)),
                ("kind", .string(judgement.kind.rawValue)),
                ("id", .string(judgement.id)),
                ("name", .string(judgement.name)),
                ("state", .string(judgement.state.rawValue)),
                ("last_used_at", judgement.lastUsedAt.map { .string($0.description) } ?? .null),
                (
                    "calls_last_hour",
                    calls.map { calls in
                        .integer(Int64(clamping: UseID(judgement.id).flatMap { calls[$0] } ?? 0))
                    } ?? .null
                ),
                ("can_be_retired", .bool(judgement.canBeRetired)),
                ("reason", .string(judgement.reason)),
            ]
        )
    }

    private static let item = ObjectShape(
        name: "Rotation",
        summary: "A key or API token, its last use, and whether it can go.",
        fields: [
            ObjectShape.Field("client", .text(.any(0...200)), "The name of the client."),
            ObjectShape.Field("profile_id", .text(.identity), "The identity of the profile."),
            ObjectShape.Field("profile", .text(.any(1...200)), "The name of the profile."),
            ObjectShape.Field(
                "kind",
                .choice(Retirement.Kind.allCases.map(\.rawValue)),
                "Whether it is a key or an API token."
            ),
            ObjectShape.Field("id", .text(.identity), "Its identity."),
            ObjectShape.Field("name", .text(.any(1...200)), "Its name."),
            ObjectShape.Field(
                "state",
                .choice(Retirement.State.allCases.map(\.rawValue)),
                "Where it stands in its life."
            ),
            ObjectShape.Field(
                "last_used_at",
                .optional(.text(.time)),
                "When a token was last verified with it; null: never."
            ),
            ObjectShape.Field(
                "calls_last_hour",
                .optional(.integer(0...Int64.max)),
                "How many calls of the last hour proved their caller with it; null: nobody counts."
            ),
            ObjectShape.Field("can_be_retired", .boolean, "Whether nobody would miss it."),
            ObjectShape.Field("reason", .text(.any(1...2000)), "Why, or why not."),
        ]
    )
}
