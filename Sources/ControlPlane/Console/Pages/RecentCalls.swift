import GatewayCore

/// How much something was used lately: what is said before it is destroyed.
enum RecentCalls {
    /// Of which calls.
    enum Subject: Sendable {
        /// Those that named a client.
        case client(String)
        /// Those that named a profile of a client.
        case profile(String, client: String)
        /// Those of an endpoint.
        case endpoint(String, handle: String)
        /// Those of all endpoints of a collection.
        case collection(handle: String)

        /// A profile, as the API answered it.
        static func profile(_ profile: CatalogEntity) -> Subject {
            .profile(profile.name, client: profile.text("client"))
        }

        fileprivate var filters: [(String, String?)] {
            switch self {
            case .client(let name): [("client", name)]
            case .profile(let name, let client): [("client", client), ("profile", name)]
            case .endpoint(let name, let handle): [("endpoint", "\(handle)/\(name)")]
            case .collection(let handle): [("endpoint", "\(handle)/")]
            }
        }

        fileprivate func words(_ calls: String) -> String {
            switch self {
            case .client: "\(calls) in the last hour came from this client."
            case .profile: "\(calls) in the last hour came through this profile."
            case .endpoint: "\(calls) in the last hour went to this endpoint."
            case .collection: "\(calls) in the last hour went to this collection."
            }
        }
    }

    /// A sentence with the number of calls in the last hour with one key or API token of a profile: “42 calls in the
    /// last hour used this key”.
    ///
    /// - Parameters:
    ///   - thing: what it is called.
    ///   - entity: the key or API token.
    ///   - profile: the profile.
    ///   - visit: the request.
    /// - Returns: the sentence.
    /// - Throws: ``ConsoleProblem``.
    static func sentence(
        with thing: String,
        _ entity: CatalogEntity,
        of profile: CatalogEntity,
        _ visit: Visit
    ) async throws -> String {
        let all = try await visit.api.all("/api/v1/rotation", [("profile_id", profile.id)])
        guard let found = all.first(where: { $0.text("id") == entity.id }),
            let requests = found["calls_last_hour"]?.value.number
        else { return try await sentence(.profile(profile), visit) }
        return "\(words(requests)) in the last hour used this \(thing)."
    }

    private static func words(_ requests: Int64) -> String {
        switch requests {
        case 0: "No call"
        case 1: "1 call"
        default: "\(NumberWords.grouped(requests)) calls"
        }
    }

    /// A sentence with the number of calls in the last hour: “42 calls in the last hour came through this profile”.
    ///
    /// - Throws: ``ConsoleProblem``.
    static func sentence(_ subject: Subject, _ visit: Visit) async throws -> String {
        let traffic = try await visit.api.get("/api/v1/traffic", [("window", "hour")] + subject.filters)
        let (requests, refused) = (traffic.count("requests"), traffic.count("refused"))
        let sentence = subject.words(words(requests))
        guard refused > 0 else { return sentence }
        return refused == requests
            ? "\(sentence) \(requests == 1 ? "It was" : "All were") refused."
            : "\(sentence) \(NumberWords.grouped(refused)) of them \(refused == 1 ? "was" : "were") refused."
    }
}
