import JOSE

/// Check 4: the times.
extension Diagnosis {
    /// From this second on, in the year 2200, a time is taken for one in milliseconds.
    private static let latestPlausible: Int64 = 7_258_118_400
    /// The largest leeway that a profile can have, in seconds.
    private static let maximumLeeway: Int64 = 300

    mutating func diagnoseTime() {
        guard let token = unverified, let claims = try? token.claims() else { return }
        let isTold = tellMilliseconds(token, claims) || tellNotNumber(token, claims)
        guard !isTold else { return }
        switch rejection.code {
        case .tokenExpired: tellExpired(claims)
        case .tokenNotYetValid: tellAhead(claims)
        case .tokenLifetimeTooLong: tellLifetime(claims)
        case .claimMissing: tellExpiryMissing(token, claims)
        default: break
        }
    }

    private static func seconds(_ name: StaticString, _ claims: JSONDocument) -> Int64? {
        claims.root[member: name]?.number?.numericDate?.seconds
    }

    private var times: [StaticString] { ["exp", "nbf", "iat"] }

    /// Times in milliseconds: tried by dividing them.
    private mutating func tellMilliseconds(_ token: UnverifiedToken, _ claims: JSONDocument) -> Bool {
        var replaced: [(element: JSONElement, with: [UInt8])] = []
        var names: [String] = []
        for name in times {
            guard let element = claims.root[member: name], let value = Self.seconds(name, claims),
                value >= Self.latestPlausible, value / 1000 < Self.latestPlausible
            else { continue }
            replaced.append((element, Array(String(value / 1000).utf8)))
            names.append("\(name)")
        }
        guard !replaced.isEmpty else { return false }
        let then = consequence(ofPayload: Self.replacing(replaced, in: token.payload))
        // Where dividing mends nothing of the times, they are no milliseconds.
        if case .refused(_, at: .time) = then, !isOnlyExpired(then) { return false }
        tell(
            .timesInMilliseconds,
            "\(names.joined(separator: ", ")) \(names.count == 1 ? "is" : "are") in milliseconds, expected seconds since 1970",
            .mintAnother,
            then: then
        )
        return true
    }

    private func isOnlyExpired(_ consequence: LikelyCause.Consequence) -> Bool {
        consequence == .refused(.tokenExpired, at: .time)
    }

    /// Times in quotation marks, or of another type altogether.
    private mutating func tellNotNumber(_ token: UnverifiedToken, _ claims: JSONDocument) -> Bool {
        for name in times {
            guard let element = claims.root[member: name], element.kind != .number else { continue }
            // A text of digits is the number in quotation marks.
            let digits = element.string.flatMap { Int64($0) }
            tell(
                .timeNotANumber,
                "\(name) is \(element.kind.words), expected a number of seconds since 1970 without quotation marks",
                .mintAnother,
                then: digits.map {
                    consequence(
                        ofPayload: Self.replacing([(element, Array(String($0).utf8))], in: token.payload)
                    )
                } ?? .notTried
            )
            return true
        }
        return false
    }

    private mutating func tellExpired(_ claims: JSONDocument) {
        guard let expiry = Self.seconds("exp", claims), let profile else { return }
        let now = now.secondsSinceEpoch
        tell(
            .tokenExpired,
            "the token expired \(TimeWords.distance(to: expiry, from: now)) (\(TimeWords.date(expiry)))",
            .mintAnother,
            then: .notTried
        )
        // A short life that ended soon after it began elsewhere: a fresh token of a slow clock looks like this.
        guard let issued = Self.seconds("iat", claims), issued < expiry, expiry - issued <= 300,
            case let late = now - issued, late > 0, late <= 3_600
        else { return }
        let behind = now - expiry
        let remedy: Remedy =
            behind < Self.maximumLeeway
            ? .raiseLeeway(profile.id, seconds: Int(Self.leeway(for: behind))) : .mintAnother
        let text =
            "if the token was minted just now, the signer's clock is about \(TimeWords.length(late)) behind: iat is"
            + " \(TimeWords.date(issued)), and the token lives \(TimeWords.length(expiry - issued))"
        if case .raiseLeeway = remedy {
            tell(.clockBehind, text, remedy)
        } else {
            let then = consequence(of: request, snapshot, now: Timestamp(secondsSinceEpoch: issued))
            tell(.clockBehind, text, remedy, then: then)
        }
    }

    /// Whole steps of ten seconds above the difference of the clocks.
    private static func leeway(for seconds: Int64) -> Int64 {
        min(maximumLeeway, (seconds / 10 + 1) * 10)
    }

    private mutating func tellAhead(_ claims: JSONDocument) {
        guard let profile else { return }
        let now = now.secondsSinceEpoch
        let issued = Self.seconds("iat", claims) ?? now
        let start = Self.seconds("nbf", claims) ?? now
        if issued > now, start <= max(issued, now) {
            let (ahead, overflow) = issued.subtractingReportingOverflow(now)
            let text =
                "iat lies \(TimeWords.length(overflow ? .max : ahead)) ahead: the signer's clock is ahead, or clocks"
                + " differ by about \(TimeWords.length(overflow ? .max : ahead))"
            guard !overflow, ahead <= Self.maximumLeeway else {
                let then = consequence(of: request, snapshot, now: Timestamp(secondsSinceEpoch: issued))
                return tell(.clockAhead, text, .mintAnother, then: then)
            }
            tell(
                .clockAhead,
                text,
                .raiseLeeway(profile.id, seconds: Int(Self.leeway(for: ahead)))
            )
            return
        }
        tell(
            .tokenNotYetValid,
            "the token is valid \(TimeWords.distance(to: start, from: now)) (nbf is \(TimeWords.date(start)))",
            .mintAnother,
            then: consequence(of: request, snapshot, now: Timestamp(secondsSinceEpoch: start))
        )
    }

    private mutating func tellLifetime(_ claims: JSONDocument) {
        guard let profile, let expiry = Self.seconds("exp", claims),
            let maximum = profile.claimRules.maximumLifetimeSeconds
        else { return }
        let start =
            Self.seconds("iat", claims) ?? Self.seconds("nbf", claims) ?? now.secondsSinceEpoch
        let (lifetime, overflow) = expiry.subtractingReportingOverflow(start)
        let text =
            "the token lives \(TimeWords.length(overflow ? .max : lifetime)), \(Self.name(profile)) accepts at most"
            + " \(TimeWords.length(Int64(maximum)))"
        guard !overflow, lifetime > 0, lifetime < 315_360_000 else {
            return tell(.lifetimeTooLong, text, .mintAnother, then: .notTried)
        }
        tell(
            .lifetimeTooLong,
            text,
            // One more for the fraction of a second that a date may have.
            .raiseMaximumLifetime(profile.id, seconds: Int(lifetime) + 1)
        )
    }

    private mutating func tellExpiryMissing(_ token: UnverifiedToken, _ claims: JSONDocument) {
        let lifetime = min(300, profile?.claimRules.maximumLifetimeSeconds ?? 300)
        let start = Self.seconds("iat", claims) ?? Self.seconds("nbf", claims) ?? now.secondsSinceEpoch
        let (expiry, overflow) = max(start, now.secondsSinceEpoch).addingReportingOverflow(Int64(lifetime))
        let payload = Self.adding("exp", .integer(overflow ? .max : expiry), to: token.payload, claims)
        tell(
            .expiryMissing,
            "the token has no exp: it would never expire, which is not accepted here",
            .mintAnother,
            then: consequence(ofPayload: payload)
        )
    }
}
