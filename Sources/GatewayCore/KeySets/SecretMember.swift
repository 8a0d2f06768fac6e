import JOSE

/// What in a JWK or JWK set belongs to a private or symmetric key (RFC 7518 §6, RFC 9964).
enum SecretMember {
    private static let names = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"].map { Array($0.utf8) }

    /// The name of such a member of a JWK, or what else gives it away; `nil` when it is public throughout.
    static func name(in key: JSONElement) -> String? {
        if let name = names.first(where: { key[member: $0] != nil }) {
            return "the member \(String(decoding: name, as: UTF8.self))"
        }
        return key[member: "kty"]?.isString(Array("oct".utf8)) == true ? "kty oct" : nil
    }

    /// Refuses a JWK set that holds what is secret, in any of its keys.
    ///
    /// - Throws: a sentence that says where, what and what to do, and shows none of it.
    static func refuse(in set: [UInt8]) throws(InvalidValue) {
        // Text that is no JWK set is refused for that reason.
        let limits = JSONLimits(maximumBytes: VerificationKey.maximumTextBytes)
        guard let root = try? JSONDocument(parsing: set, limits: limits).root else { return }
        if let name = name(in: root) { throw refusal("the key set", name) }
        guard let keys = root[member: "keys"] else { return }
        for (index, key) in keys.elements.enumerated() {
            guard let name = name(in: key) else { continue }
            throw refusal("key \(index + 1)", name)
        }
    }

    private static func refusal(_ place: String, _ name: String) -> InvalidValue {
        InvalidValue(
            "\(place) has \(name), which belongs to a private or symmetric key; give public keys alone (RSA: kty, n"
                + " and e; EC: kty, crv, x and y), and consider the secret exposed: replace that key"
        )
    }
}
