package import GatewayCore

/// Whom a request on the admin listener comes from, where a proxy stands before it.
///
/// Limits of guesses, the audit log and sessions go by this address: were it the proxy's, one guesser would keep all
/// operators waiting.
package struct AdminClientAddress: Sendable {
    /// Whether a proxy on this machine says whom calls come from, as one does that ends TLS for `--admin-url`.
    package var trustsLoopback = false
    /// The addresses of further proxies that say it.
    package var proxies: [AddressRange] = []

    /// Believes nobody.
    package init() {}

    /// The last address that the proxy wrote; the peer's own when it is no proxy, or wrote none.
    ///
    /// - Parameters:
    ///   - peer: the address that the connection comes from.
    ///   - forwardedFor: the values of `X-Forwarded-For`, in their order. What stands before the last address was written by
    ///     the caller, and proves nothing.
    /// - Returns: the address as text.
    func address(behind peer: String, _ forwardedFor: [String]) -> String {
        guard let address = IPAddress(peer), isProxy(address),
            var text = forwardedFor.last?.split(separator: ",", omittingEmptySubsequences: false).last
        else { return peer }
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return IPAddress(String(text))?.description ?? peer
    }

    private func isProxy(_ address: IPAddress) -> Bool {
        if proxies.contains(where: { $0.contains(address) }) { return true }
        let isLoopback =
            address.isV4
            ? UInt32(truncatingIfNeeded: address.low) >> 24 == 127 : address.high == 0 && address.low == 1
        return trustsLoopback && isLoopback
    }
}
