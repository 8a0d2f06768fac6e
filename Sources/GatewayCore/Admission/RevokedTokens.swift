import JOSE

/// A profile's revocations as they are looked up.
final class RevokedTokens: Sendable {
    private let byTokenID: [[UInt8]: Revocation]
    private let bySubject: [[UInt8]: Revocation]
    private let byTime: [Revocation]

    /// - Returns: `nil` when nothing is revoked.
    init?(_ revocations: [Revocation]) {
        guard !revocations.isEmpty else { return nil }
        var byTokenID: [[UInt8]: Revocation] = [:]
        var bySubject: [[UInt8]: Revocation] = [:]
        var byTime: [Revocation] = []
        for revocation in revocations {
            switch revocation.tokens {
            case .tokenID(let id): byTokenID[Array(id.utf8)] = revocation
            case .subject(let subject): bySubject[Array(subject.utf8)] = revocation
            case .issuedBefore: byTime.append(revocation)
            }
        }
        self.byTokenID = byTokenID
        self.bySubject = bySubject
        self.byTime = byTime
    }

    /// The revocation that a token falls under and that still counts; without a time, ended or not.
    func find(_ claims: JSONDocument, at now: Timestamp?) -> Revocation? {
        let counts = { (revocation: Revocation) in now.map { revocation.counts(at: $0) } ?? true }
        if !byTokenID.isEmpty, let id = claims.root[member: Array("jti".utf8)]?.stringBytes,
            let found = byTokenID[id], counts(found)
        {
            return found
        }
        if !bySubject.isEmpty, let subject = claims.root[member: Array("sub".utf8)]?.stringBytes,
            let found = bySubject[subject], counts(found)
        {
            return found
        }
        guard !byTime.isEmpty else { return nil }
        // A fraction of a second does not make a token later; what says no time counts as the oldest.
        let issuedAt = claims.root[member: Array("iat".utf8)]?.number?.numericDate?.seconds ?? .min
        return byTime.first { revocation in
            guard case .issuedBefore(let time) = revocation.tokens else { return false }
            return issuedAt < time.secondsSinceEpoch && counts(revocation)
        }
    }
}
