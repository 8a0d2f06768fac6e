import HashTreeCollections
import JOSE

/// Which profiles recognise a token that carries no API token, by their ``TokenMatch`` rules.
///
/// Every rule is found by one thing that it asks for besides the issuer (its first claim, or else its audience),
/// so that ten thousand profiles of one identity provider are told apart without looking at each.
struct TokenMatchTable: Sendable {
    /// What was found.
    enum Found: Sendable {
        case nobody
        case one(Caller)
        /// More than one profile: it cannot be told whose token it is.
        case several(Caller, Caller)
    }

    private struct Entry: Sendable {
        let match: TokenMatch
        let caller: Caller
    }

    /// An issuer, and the claim and text by which rules for it are found.
    private struct Key: Hashable, Sendable {
        let issuer: [UInt8]
        let claim: [UInt8]
        let text: [UInt8]

        init(_ match: TokenMatch) {
            issuer = Array(match.issuer.utf8)
            let first = match.claims.first
            claim =
                first.map { Array($0.name.utf8) } ?? (match.audience == nil ? [] : TokenMatchTable.audience)
            text = Array((first?.value ?? match.audience ?? "").utf8)
        }

        init(issuer: [UInt8], claim: [UInt8], text: [UInt8]) {
            self.issuer = issuer
            self.claim = claim
            self.text = text
        }
    }

    fileprivate static let audience = Array("aud".utf8)

    private var entries: TreeDictionary<Key, [Entry]> = [:]
    // For each issuer the claims by which its rules are found, and how many rules each is for.
    private var claims: TreeDictionary<[UInt8], [[UInt8]: Int]> = [:]

    /// Whether there is no rule at all.
    var isEmpty: Bool { entries.isEmpty }

    mutating func add(_ caller: Caller) {
        for match in caller.profile.profile.tokenMatches {
            let key = Key(match)
            entries[key, default: []].append(Entry(match: match, caller: caller))
            claims[key.issuer, default: [:]][key.claim, default: 0] += 1
        }
    }

    mutating func remove(_ profile: AccessProfile) {
        for match in profile.tokenMatches {
            let key = Key(match)
            guard var found = entries[key] else { continue }
            found.removeAll { $0.caller.profile.profile.id == profile.id && $0.match == match }
            entries[key] = found.isEmpty ? nil : found
            guard var counts = claims[key.issuer], let count = counts[key.claim] else { continue }
            counts[key.claim] = count > 1 ? count - 1 : nil
            claims[key.issuer] = counts.isEmpty ? nil : counts
        }
    }

    /// The profile whose rules a token's claims fulfil.
    func find(_ token: JSONDocument) -> Found {
        guard !isEmpty, let issuer = token.root[member: "iss"]?.stringBytes, let names = claims[issuer] else {
            return .nobody
        }
        var found: Caller?
        for name in names.keys {
            let texts = name.isEmpty ? [[]] : Self.texts(token.root[member: name])
            for text in texts {
                for entry in entries[Key(issuer: issuer, claim: name, text: text)] ?? [] {
                    guard Self.holds(entry.match, token.root) else { continue }
                    if let found, found !== entry.caller { return .several(found, entry.caller) }
                    found = entry.caller
                }
            }
        }
        return found.map { .one($0) } ?? .nobody
    }

    private static func holds(_ match: TokenMatch, _ root: JSONElement) -> Bool {
        if let audience = match.audience, !has(root[member: "aud"], Array(audience.utf8)) { return false }
        return match.claims.allSatisfy { has(root[member: Array($0.name.utf8)], Array($0.value.utf8)) }
    }

    private static func has(_ element: JSONElement?, _ text: [UInt8]) -> Bool {
        guard let element else { return false }
        if element.kind == .array { return element.elements.contains { $0.isString(text) } }
        return element.isString(text)
    }

    /// The texts that a claim is or has among its elements; as many as the payload's size admits.
    private static func texts(_ element: JSONElement?) -> [[UInt8]] {
        guard let element else { return [] }
        if let text = element.stringBytes { return [text] }
        // Once each: a list that repeats a text would have its rules looked at as often.
        return Array(Set(element.elements.compactMap(\.stringBytes)))
    }
}
