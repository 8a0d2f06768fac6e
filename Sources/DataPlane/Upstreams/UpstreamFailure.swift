/// Why an upstream did not answer as it should.
enum UpstreamFailure: Equatable {
    /// No connection could be made.
    case unreachable(String)
    /// No connection was made, or no answer begun, in time.
    case timeout(String)
    /// The event loop has as many connections to it as it may have.
    case exhausted
    /// What came was no HTTP answer.
    case malformed(String)
    /// The connection ended before the answer did.
    case ended
}
