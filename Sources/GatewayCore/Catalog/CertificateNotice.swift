/// A certificate that something rests on, and when it expires.
package struct CertificateNotice: Sendable {
    /// From so many seconds before its end on a certificate is said to expire soon: 14 days.
    package static let soonSeconds: Int64 = 14 * 86_400

    /// What rests on it: `listener`, or `profile` for a root of its client certificates.
    package let use: String
    /// The profile that it is a root of.
    package let profile: ProfileID?
    /// The subject in the form of RFC 2253.
    package let subject: String
    /// The subject alternative names, each with its kind.
    package let alternativeNames: [String]
    /// When it expires.
    package let notAfter: Timestamp

    /// Takes the parts.
    package init(
        use: String,
        profile: ProfileID?,
        subject: String,
        alternativeNames: [String],
        notAfter: Timestamp
    ) {
        self.use = use
        self.profile = profile
        self.subject = subject
        self.alternativeNames = alternativeNames
        self.notAfter = notAfter
    }
}
