package import JOSE

/// The time claims of a token, in words.
package enum TokenTimes {
    /// One line for each time claim, and one if it never expires.
    package static func lines(_ claims: JSONDocument, now: Int64) -> [String] {
        var lines: [String] = []
        for (name, past, future) in [
            ("iat", "issued", "issued"), ("nbf", "valid since", "valid"), ("exp", "expired", "expires"),
        ] {
            guard let claim = claims.root[member: Array(name.utf8)] else { continue }
            guard let moment = claim.number?.numericDate?.seconds else {
                lines.append(
                    "\(name)  not a time: \(claim.kind.words), expected a number of seconds since 1970"
                )
                continue
            }
            let distance = TimeWords.distance(to: moment, from: now)
            lines.append("\(name)  \(TimeWords.date(moment)), \(moment <= now ? past : future) \(distance)")
        }
        if claims.root[member: "exp"] == nil { lines.append("exp  is missing: the token never expires") }
        return lines
    }
}
