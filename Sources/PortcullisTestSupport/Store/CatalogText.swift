package import GatewayCore
import JOSE

/// A catalog as lines of text that two catalogs share only when every field of every entity is the same.
package struct CatalogText: Hashable, Sendable, CustomStringConvertible {
    /// One line per field, in the order of identities.
    package let lines: [String]

    /// Writes a catalog out, its secrets in clear: for tests alone.
    package init(_ catalog: Catalog) {
        var text = "revision \(catalog.revision)\n"
        dump(catalog.settings, to: &text)
        for key in catalog.signingKeys {
            text += "signing key \(key.id), created \(key.createdAt), from \(key.activeFrom) to "
            text += "\(String(describing: key.retireAt)), \(key.key.pkcs8PEM?.reveal() ?? "no key")\n"
        }
        for upstream in catalog.upstreams.values.sorted(by: { $0.id < $1.id }) { dump(upstream, to: &text) }
        for collection in catalog.collections.values.sorted(by: { $0.id < $1.id }) {
            dump(collection, to: &text)
        }
        for client in catalog.clients.values.sorted(by: { $0.id < $1.id }) { dump(client, to: &text) }
        for var profile in catalog.profiles.values.sorted(by: { $0.id < $1.id }) {
            let keys = profile.keys
            profile.keys = []
            dump(profile, to: &text)
            for key in keys { text += Self.lines(of: key).joined(separator: "\n") + "\n" }
        }
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
    }

    // The reading of a key is an object that says nothing when dumped, so a key is written field by field; a
    // field that is new shows as another count.
    private static func lines(of key: ProfileKey) -> [String] {
        let material =
            switch key.material {
            case .secret(let secret, let isBase64): "secret \(secret.reveal()), Base64 \(isBase64)"
            case .publicKey(let text): "public key \(text)"
            }
        return [
            "key \(key.id) \(key.name), \(Mirror(reflecting: key).children.count) fields",
            "active \(key.isActive), from \(String(describing: key.activeFrom)) to \(String(describing: key.retireAt))",
            "kid \(String(describing: key.keyID)), algorithms \(key.algorithms.map(\.rawValue))",
            "created \(key.createdAt), fingerprint \(key.fingerprint)",
            material,
        ]
    }

    package var description: String { lines.joined(separator: "\n") }
}

/// A promise that a store did not keep.
package struct ContractViolation: Error, CustomStringConvertible {
    /// What was expected and found.
    package let description: String
}

/// Asks for a condition.
///
/// - Throws: ``ContractViolation`` with the sentence when it does not hold.
func demand(_ condition: Bool, _ sentence: @autoclosure () -> String) throws {
    guard condition else { throw ContractViolation(description: sentence()) }
}

/// Asks for two catalogs to be the same but for their revisions' names.
///
/// - Throws: ``ContractViolation`` with the first line that differs.
func demandSame(_ found: Catalog, as expected: Catalog) throws {
    let found = CatalogText(found).lines
    let expected = CatalogText(expected).lines
    for (index, line) in expected.enumerated() {
        let other = index < found.count ? found[index] : "nothing"
        try demand(line == other, "line \(index + 1) is \(other), expected \(line)")
    }
    try demand(found.count == expected.count, "there are \(found.count) lines, expected \(expected.count)")
}
