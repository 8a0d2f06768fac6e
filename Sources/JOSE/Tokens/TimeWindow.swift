/// Whether a token's `exp`, `nbf` and `iat` allow it to be used now (RFC 7519 §4.1.4 to §4.1.6).
public enum TimeWindow {
    /// The three claims that hold a time.
    public enum Claim: String, Hashable, Sendable {
        case expiry = "exp"
        case notBefore = "nbf"
        case issuedAt = "iat"
    }

    /// The last second of the year 9999.
    ///
    /// An expiry behind it is milliseconds by mistake, or a number without meaning.
    public static let latestExpiry = NumericDate(seconds: 253_402_300_799)

    /// Checks the time claims of a token; returning means that they allow it now.
    ///
    /// - Parameters:
    ///   - claims: the token's payload, an object.
    ///   - now: the present time.
    ///   - leeway: how far clocks may differ; widens the window at both ends.
    ///   - maximumLifetime: the longest time to `exp` from `iat` (without it from `nbf`, without both from
    ///     now), if there is a bound.
    ///   - requireExpiry: whether a token without `exp` is refused; so it is when a maximum lifetime is set.
    /// - Throws: ``TimeWindowRefusal`` with both sides of the comparison that failed.
    public static func check(
        _ claims: JSONDocument,
        now: NumericDate,
        leeway: Duration = .seconds(30),
        maximumLifetime: Duration? = nil,
        requireExpiry: Bool = false
    ) throws(TimeWindowRefusal) {
        let expiry = try expiry(in: claims)
        let notBefore = try start(.notBefore, in: claims, now: now, leeway: leeway)
        let issuedAt = try start(.issuedAt, in: claims, now: now, leeway: leeway)
        guard let expiry else {
            if requireExpiry || maximumLifetime != nil { throw .missingExpiry }
            return
        }
        let earliest = now.advanced(by: .zero - leeway)
        guard earliest < expiry else { throw .expired(expiry: expiry, now: now, leeway: leeway) }
        guard let maximumLifetime else { return }
        // A token that does not say when it was issued can be granted no earlier start than now.
        let start = issuedAt ?? notBefore ?? now
        guard expiry <= start.advanced(by: maximumLifetime) else {
            throw .lifetimeTooLong(start: start, expiry: expiry, maximum: maximumLifetime)
        }
    }

    /// The whole seconds at which ``check(_:now:leeway:maximumLifetime:requireExpiry:)`` allows a token.
    ///
    /// For whoever checks one token many times: the result holds for as long as the other arguments do.
    ///
    /// - Parameters:
    ///   - claims: the token's payload, an object.
    ///   - leeway: as there; what is not a whole second of it is left out.
    ///   - maximumLifetime: as there.
    ///   - requireExpiry: as there.
    /// - Returns: a range within the seconds that are allowed: a date with a fraction shortens it by at most a
    ///   second at either end. Nil when no second is allowed.
    public static func seconds(
        _ claims: JSONDocument,
        leeway: Duration,
        maximumLifetime: Duration?,
        requireExpiry: Bool
    ) -> Range<Int64>? {
        // At the end of time nothing lies ahead: what is wrong then is wrong always.
        let always = NumericDate(seconds: .max)
        let whole = Duration.seconds(max(0, leeway.components.seconds))
        do {
            let expiry = try expiry(in: claims)
            let notBefore = try start(.notBefore, in: claims, now: always, leeway: .zero)
            let issuedAt = try start(.issuedAt, in: claims, now: always, leeway: .zero)
            var first = Int64.min
            for date in [notBefore, issuedAt].compactMap(\.self) {
                first = max(first, ceiling(date.advanced(by: .zero - whole)))
            }
            guard let expiry else {
                return requireExpiry || maximumLifetime != nil ? nil : first..<Int64.max
            }
            if let maximumLifetime {
                if let start = issuedAt ?? notBefore {
                    guard expiry <= start.advanced(by: maximumLifetime) else { return nil }
                } else {
                    first = max(first, ceiling(expiry.advanced(by: .zero - maximumLifetime)))
                }
            }
            let end = expiry.advanced(by: whole).seconds
            return first < end ? first..<end : nil
        } catch {
            return nil
        }
    }

    /// The first whole second that is not before a date.
    private static func ceiling(_ date: NumericDate) -> Int64 {
        date.nanoseconds == 0 || date.seconds == .max ? date.seconds : date.seconds + 1
    }

    private static func expiry(in claims: JSONDocument) throws(TimeWindowRefusal) -> NumericDate? {
        guard let element = claims.root[member: "exp"] else { return nil }
        guard let number = element.number else { throw .malformed(.expiry, found: element.kind.words) }
        if number.isNegative { return number.numericDate ?? NumericDate(seconds: .min) }
        guard let date = number.numericDate, date <= latestExpiry else {
            throw .malformed(.expiry, found: "a time after the year 9999; milliseconds instead of seconds?")
        }
        return date
    }

    /// Reads `nbf` or `iat` and refuses one that lies ahead.
    private static func start(
        _ claim: Claim,
        in claims: JSONDocument,
        now: NumericDate,
        leeway: Duration
    ) throws(TimeWindowRefusal) -> NumericDate? {
        let member = claim == .notBefore ? claims.root[member: "nbf"] : claims.root[member: "iat"]
        guard let element = member else { return nil }
        guard let number = element.number else { throw .malformed(claim, found: element.kind.words) }
        // Beyond the range of a date is either long past or far ahead; both ends compare rightly.
        let date = number.numericDate ?? NumericDate(seconds: number.isNegative ? .min : .max)
        guard date <= now.advanced(by: leeway) else {
            throw .notYetValid(claim, value: date, now: now, leeway: leeway)
        }
        return date
    }
}

/// Why a token's time claims do not allow it now.
public enum TimeWindowRefusal: Error, Hashable, Sendable {
    /// `exp` has passed by more than the leeway.
    case expired(expiry: NumericDate, now: NumericDate, leeway: Duration)
    /// `nbf` or `iat` lies ahead by more than the leeway.
    case notYetValid(TimeWindow.Claim, value: NumericDate, now: NumericDate, leeway: Duration)
    /// The time from start to `exp` is longer than allowed.
    case lifetimeTooLong(start: NumericDate, expiry: NumericDate, maximum: Duration)
    /// `exp` is absent and required.
    case missingExpiry
    /// A claim is not a usable time; what was found is named by its kind, never by its text.
    case malformed(TimeWindow.Claim, found: String)
}

extension TimeWindowRefusal: CustomStringConvertible {
    /// The reason in words, with both sides and the unit.
    public var description: String {
        switch self {
        case .expired(let expiry, let now, let leeway):
            "exp \(expiry), now \(now), leeway \(leeway.components.seconds) s"
        case .notYetValid(let claim, let value, let now, let leeway):
            "\(claim.rawValue) \(value), now \(now), leeway \(leeway.components.seconds) s"
        case .lifetimeTooLong(let start, let expiry, let maximum):
            "valid from \(start) to \(expiry), accepted are at most \(maximum.components.seconds) s"
        case .missingExpiry:
            "exp is missing, and a token that never expires is not accepted"
        case .malformed(let claim, let found):
            "\(claim.rawValue) is \(found), expected a number of seconds since 1970"
        }
    }
}
