import HashTreeCollections
import JOSE

/// Which profiles recognise a token that carries no API token, by their ``TokenMatch`` rules.
///
/// Nothing of the token is verified yet when it is looked for, so that what it costs must not grow with the
/// profiles. Every rule is found by one thing that it asks for besides the issuer (its audience or one of its
/// claims): by that which the fewest rules are found by already. So ten thousand profiles of one identity provider
/// are told apart without looking at each, whichever of their claims they have in common.
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

    /// An issuer, and the claim and text by which rules for it are found; both empty for rules that ask for none.
    private struct Key: Hashable, Sendable {
        let issuer: [UInt8]
        let claim: [UInt8]
        let text: [UInt8]
    }

    private static let audience = Array("aud".utf8)
    // So many claims of an issuer are looked up in a token; where there are more, those that the token has.
    private static let fewClaims = 16

    private var entries: TreeDictionary<Key, [Entry]> = [:]
    // For each issuer the claims by which its rules are found, and how many rules each is for.
    private var claims: TreeDictionary<[UInt8], [[UInt8]: Int]> = [:]
    // By what the rules of each profile are found: it depends on those that were there before them.
    private var places: TreeDictionary<ProfileID, [Key]> = [:]

    /// Whether there is no rule at all.
    var isEmpty: Bool { entries.isEmpty }

    /// The most rules that are looked at for one text of one claim.
    var longestList: Int { entries.values.reduce(0) { max($0, $1.count) } }

    mutating func add(_ caller: Caller) {
        let profile = caller.profile.profile
        for match in profile.tokenMatches {
            let key = place(of: match)
            entries[key, default: []].append(Entry(match: match, caller: caller))
            claims[key.issuer, default: [:]][key.claim, default: 0] += 1
            places[profile.id, default: []].append(key)
        }
    }

    mutating func remove(_ profile: ProfileID) {
        for key in places.removeValue(forKey: profile) ?? [] {
            guard var found = entries[key],
                let index = found.firstIndex(where: { $0.caller.profile.profile.id == profile })
            else { continue }
            found.remove(at: index)
            entries[key] = found.isEmpty ? nil : found
            guard var counts = claims[key.issuer], let count = counts[key.claim] else { continue }
            counts[key.claim] = count > 1 ? count - 1 : nil
            claims[key.issuer] = counts.isEmpty ? nil : counts
        }
    }

    /// That by which the fewest rules are found yet; the first of several, as the rule's own order has it.
    private func place(of match: TokenMatch) -> Key {
        let issuer = Array(match.issuer.utf8)
        var keys = match.claims.map {
            Key(issuer: issuer, claim: Array($0.name.utf8), text: Array($0.value.utf8))
        }
        if let audience = match.audience {
            keys.append(Key(issuer: issuer, claim: Self.audience, text: Array(audience.utf8)))
        }
        let fewest = keys.min { (entries[$0]?.count ?? 0) < (entries[$1]?.count ?? 0) }
        return fewest ?? Key(issuer: issuer, claim: [], text: [])
    }

    /// The profile whose rules a token's claims fulfil.
    func find(_ token: JSONDocument) -> Found {
        guard !isEmpty, let issuer = token.root[member: "iss"]?.stringBytes, let names = claims[issuer] else {
            return .nobody
        }
        var found: Caller?
        var texts = ClaimTexts(token.root)
        for name in candidates(names, token.root) {
            for text in name.isEmpty ? [[]] : texts[name] {
                for entry in entries[Key(issuer: issuer, claim: name, text: text)] ?? [] {
                    guard Self.holds(entry.match, &texts) else { continue }
                    if let found, found !== entry.caller { return .several(found, entry.caller) }
                    found = entry.caller
                }
            }
        }
        return found.map { .one($0) } ?? .nobody
    }

    /// The claims by which rules of an issuer are found, as far as the token may have them.
    private func candidates(_ names: [[UInt8]: Int], _ token: JSONElement) -> [[UInt8]] {
        guard names.count > Self.fewClaims else { return Array(names.keys) }
        let nothing: [[UInt8]] = names[[]] == nil ? [] : [[]]
        return nothing + token.members.map(\.nameBytes).filter { !$0.isEmpty && names[$0] != nil }
    }

    private static func holds(_ match: TokenMatch, _ texts: inout ClaimTexts) -> Bool {
        if let audience = match.audience, !texts[Self.audience].contains(Array(audience.utf8)) {
            return false
        }
        for claim in match.claims {
            guard texts[Array(claim.name.utf8)].contains(Array(claim.value.utf8)) else { return false }
        }
        return true
    }
}

/// The texts that a token's claims are or have among their elements, each claim read once.
private struct ClaimTexts {
    private let token: JSONElement
    private var read: [[UInt8]: Set<[UInt8]>] = [:]

    init(_ token: JSONElement) {
        self.token = token
    }

    subscript(name: [UInt8]) -> Set<[UInt8]> {
        mutating get {
            if let texts = read[name] { return texts }
            let texts = Self.texts(token[member: name])
            read[name] = texts
            return texts
        }
    }

    private static func texts(_ element: JSONElement?) -> Set<[UInt8]> {
        guard let element else { return [] }
        if let text = element.stringBytes { return [text] }
        return Set(element.elements.compactMap(\.stringBytes))
    }
}
