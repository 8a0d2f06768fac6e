import JOSE

/// The public keys of one identity provider, as they were found at one time.
package final class ProviderKeySet: Sendable {
    /// At most this many keys of a set are used, the first ones.
    package static let maximumKeys = 64

    /// The keys that tokens may be verified with.
    package let keys: [ProfileKey]
    /// When they were fetched.
    package let fetchedAt: Timestamp
    /// Until when they need not be fetched again.
    package let freshUntil: Timestamp
    /// From when on they are no longer believed, if they could not be fetched again.
    package let staleUntil: Timestamp
    /// The JWK set that they came from.
    package let text: [UInt8]

    private init(
        _ keys: [ProfileKey],
        text: [UInt8],
        fetchedAt: Timestamp,
        freshUntil: Timestamp,
        staleUntil: Timestamp
    ) {
        self.keys = keys
        self.text = text
        self.fetchedAt = fetchedAt
        self.freshUntil = freshUntil
        self.staleUntil = staleUntil
    }

    /// Reads a JWK set (RFC 7517 §5); keys that cannot be used to verify are left out.
    ///
    /// Symmetric and private keys are never used, whatever the set says of them.
    ///
    /// - Throws: a sentence when it is no JWK set, or none of its keys can be used.
    package convenience init(
        reading text: [UInt8],
        fetchedAt: Timestamp,
        freshUntil: Timestamp,
        staleUntil: Timestamp
    ) throws(InvalidValue) {
        let keys = try Self.read(text, at: fetchedAt)
        self.init(keys, text: text, fetchedAt: fetchedAt, freshUntil: freshUntil, staleUntil: staleUntil)
    }

    private static func read(_ text: [UInt8], at time: Timestamp) throws(InvalidValue) -> [ProfileKey] {
        let document: JSONDocument
        do throws(JSONError) {
            let limits = JSONLimits(maximumBytes: VerificationKey.maximumTextBytes)
            document = try JSONDocument(parsing: text, limits: limits)
        } catch {
            throw InvalidValue("the key set is not strict JSON: \(error)")
        }
        guard let list = document.root[member: "keys"], list.kind == .array else {
            throw InvalidValue("the key set has no list of keys")
        }
        var keys: [ProfileKey] = []
        var faults: [String] = []
        for (index, element) in list.elements.prefix(maximumKeys).enumerated() {
            do throws(KeyReadingError) {
                keys.append(try key(Array(text[element.byteRange]), number: index, at: time))
            } catch {
                faults.append("key \(index + 1): \(error)")
            }
        }
        guard !keys.isEmpty else {
            let reasons = faults.prefix(3).joined(separator: "; ")
            throw InvalidValue(
                "the key set has no key that can be used" + (reasons.isEmpty ? "" : " (\(reasons))")
            )
        }
        return keys
    }

    private static func key(
        _ text: [UInt8],
        number: Int,
        at time: Timestamp
    ) throws(KeyReadingError) -> ProfileKey {
        let verificationKey = try VerificationKey.publicKey(reading: text)
        let keyID = verificationKey.keyID
        var key = try ProfileKey(
            id: KeyID(high: 0, low: UInt64(number)),
            name: keyID ?? "key \(number + 1)",
            material: .publicKey(String(decoding: text, as: UTF8.self)),
            createdAt: time
        )
        key.keyID = keyID
        return key
    }

    /// The same keys, found again as they were.
    package func renewed(fetchedAt: Timestamp, freshUntil: Timestamp, staleUntil: Timestamp) -> ProviderKeySet
    {
        ProviderKeySet(
            keys,
            text: text,
            fetchedAt: fetchedAt,
            freshUntil: freshUntil,
            staleUntil: staleUntil
        )
    }

    /// Whether one of the keys is named so.
    package func has(_ keyID: [UInt8]) -> Bool {
        keys.contains { $0.keyID?.utf8.elementsEqual(keyID) == true }
    }

    /// Whether a key with which a token was verified before is one of these.
    func has(_ key: ProfileKey) -> Bool {
        keys.contains { $0.keyID == key.keyID && $0.fingerprint == key.fingerprint }
    }
}
