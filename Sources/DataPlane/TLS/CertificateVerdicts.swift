package import GatewayCore

/// What was found out lately about one certificate, by the roots that it was judged by.
package struct CertificateVerdicts: Sendable {
    /// Whether it may be trusted.
    package struct Verdict: Sendable {
        /// Why not; `nil` when it may.
        package let fault: String?
        fileprivate let roots: any AnyObject & Sendable
        fileprivate let at: Timestamp
    }

    // A client's certificate is judged again after so long: roots and it may have expired.
    private static let seconds: Int64 = 60
    private static let maximumCount = 16
    private var verdicts: [Verdict] = []

    /// Begins with none.
    package init() {}

    /// The verdict that still holds; `nil` when the certificate is to be judged.
    package func verdict(of roots: any AnyObject & Sendable, at now: Timestamp) -> Verdict? {
        verdicts.first { verdict in
            // One from later than now is from before the clock was set back, which may be long ago.
            verdict.roots === roots
                && (0..<Self.seconds).contains(now.secondsSinceEpoch - verdict.at.secondsSinceEpoch)
        }
    }

    /// Keeps a verdict in the place of an earlier one by the same roots, or of the oldest.
    package mutating func keep(_ fault: String?, of roots: any AnyObject & Sendable, at now: Timestamp) {
        verdicts.removeAll { $0.roots === roots }
        if verdicts.count >= Self.maximumCount { verdicts.removeFirst() }
        verdicts.append(Verdict(fault: fault, roots: roots, at: now))
    }
}
