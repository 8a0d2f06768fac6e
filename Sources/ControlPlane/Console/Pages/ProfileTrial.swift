import GatewayCore

/// "Try it": how this profile calls an endpoint that it was granted, as command lines.
struct ProfileTrial {
    private let profile: CatalogEntity
    private let endpoints: [(collection: DocumentNode, endpoint: DocumentNode)]
    private let chosen: String
    private let gateway: String

    /// Takes the profile and the collections that it may reach.
    init(_ profile: CatalogEntity, _ collections: [DocumentNode], _ visit: Visit) {
        self.profile = profile
        endpoints = Array(
            collections.flatMap { collection in
                (collection["endpoints"]?.elements ?? []).map { (collection, $0) }
            }.prefix(500)
        )
        chosen = visit.query.text("endpoint")
        gateway = visit.gateway
    }

    /// What the template shows.
    var content: [(String, DocumentValue)] {
        let pair = endpoints.first { $0.endpoint.text("id") == chosen } ?? endpoints.first
        let options = endpoints.map { collection, endpoint in
            let methods = (endpoint["methods"]?.elements ?? []).compactMap(\.value.text).joined(
                separator: ", "
            )
            return DocumentNode(
                object: [
                    ("value", .string(endpoint.text("id"))),
                    ("label", .string("\(methods) /\(collection.text("handle"))\(endpoint.text("path"))")),
                    ("isChosen", .bool(endpoint.text("id") == pair?.endpoint.text("id"))),
                ]
            )
        }
        return [
            ("canTry", .bool(pair != nil)), ("trials", .array(options)),
            ("chosenEndpoint", .string(pair?.endpoint.text("id") ?? "")),
            ("mint", .string(mint)),
            (
                "curl",
                .string(
                    pair.map { Shell.gateway(gateway) + "\n" + curl($0.collection, $0.endpoint) } ?? ""
                )
            ),
        ]
    }

    private var mint: String {
        switch profile.text("method") {
        case "jwt":
            let keys = profile.document["keys"]?.elements ?? []
            let hasSecret = keys.contains { $0["public_key"] == nil }
            let hasPair = keys.contains { $0["public_key"] != nil }
            let source = hasSecret && !hasPair ? "--secret-file secret.txt" : "--key private-key.pem"
            let claim = profile.text("identity_claim")
            let identity =
                claim.isEmpty ? "--api-token \"$API_TOKEN\"" : "--claim \(Shell.quoted(claim))=\"$API_TOKEN\""
            return "TOKEN=$(portcullis token mint \(source) \(identity) --expires-in 15m)"
        case "oauth2":
            return "TOKEN=$(curl -s -u '\(profile.id)':\"$API_TOKEN\" -d grant_type=client_credentials \\\n"
                + "  \"$GATEWAY/oauth2/token\" | jq -r .access_token)"
        case "oidc": return "TOKEN=…   # from the identity provider"
        default: return ""
        }
    }

    private func curl(_ collection: DocumentNode, _ endpoint: DocumentNode) -> String {
        let credential =
            profile.text("method") == "token"
            ? "-H \"API-Token: $API_TOKEN\"" : "-H \"Authorization: Bearer $TOKEN\""
        // What stands for a parameter is for the caller to fill in.
        return TrialTarget(collection, endpoint).curl(credential)
    }
}
