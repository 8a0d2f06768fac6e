import GatewayCore
import NIOCore

extension IPAddress {
    /// The address of a peer; what is neither IPv4 nor IPv6 is the unspecified address.
    init(_ address: SocketAddress) {
        // A link-local address comes with its zone, which is of this machine alone.
        let text = address.ipAddress.map { String($0.prefix { $0 != "%" }) }
        self = text.flatMap { IPAddress($0) } ?? IPAddress(v4: 0)
    }
}
