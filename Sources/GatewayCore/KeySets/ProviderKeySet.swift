import JOSE

/// The public keys of one identity provider, as they were found at one time.
package final class ProviderKeySet: Sendable {
    /// At most this many keys of a set are used, the first ones.
    package static let maximumKeys = 64

    /// The keys that tokens may be verified with.
    package var keys: [ProfileKey] { shared.keys }
    /// When they were fetched.
    package let fetchedAt: Timestamp
    /// Until when they need not be fetched again.
    package let freshUntil: Timestamp
    /// From when on they are no longer believed, if they could not be fetched again.
    package let staleUntil: Timestamp
    /// The keys as a JWK set: what is kept of the one that they came from, without keys that are not used.
    package let text: [UInt8]

    // Of one identity in every set that was renewed without a change, so that a key need not be looked for.
    private let shared: Keys

    private final class Keys: Sendable {
        let keys: [ProfileKey]

        init(_ keys: [ProfileKey]) { self.keys = keys }
    }

    private init(
        _ shared: Keys,
        text: [UInt8],
        fetchedAt: Timestamp,
        freshUntil: Timestamp,
        staleUntil: Timestamp
    ) {
        self.shared = shared
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
        let (keys, kept) = try Self.read(text, at: fetchedAt)
        self.init(
            Keys(keys),
            text: kept,
            fetchedAt: fetchedAt,
            freshUntil: freshUntil,
            staleUntil: staleUntil
        )
    }

    /// The keys that can be used, and a JWK set of them alone.
    private static func read(
        _ text: [UInt8],
        at time: Timestamp
    ) throws(InvalidValue) -> (keys: [ProfileKey], kept: [UInt8]) {
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
        var texts: [ArraySlice<UInt8>] = []
        var faults: [String] = []
        for (index, element) in list.elements.prefix(maximumKeys).enumerated() {
            if let secret = SecretMember.name(in: element) {
                faults.append("key \(index + 1): found a private or symmetric key (\(secret))")
                continue
            }
            do throws(KeyReadingError) {
                let keyText = text[element.byteRange]
                // Counted by those that are used: a set that was kept gives its keys the same names again.
                keys.append(try key(Array(keyText), number: keys.count, at: time))
                texts.append(keyText)
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
        let kept = Array("{\"keys\":[".utf8) + texts.joined(separator: [UInt8(ascii: ",")]) + Array("]}".utf8)
        return (keys, kept)
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
            shared,
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

    /// Whether this is the other set, or that set renewed: with the very same keys.
    func isSame(as other: ProviderKeySet?) -> Bool {
        shared === other?.shared
    }

    /// Whether a key with which a token was verified before is one of these.
    func has(_ key: ProfileKey) -> Bool {
        keys.contains { $0.keyID == key.keyID && $0.fingerprint == key.fingerprint }
    }
}
