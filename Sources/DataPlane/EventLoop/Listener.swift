import CLinux
import Glibc
import NIOCore

/// Takes new connections and gives each to the event loop that has the fewest.
final class Listener: Pollable {
    private static let backlog: Int32 = 4096
    // So that a rush of new connections does not hold up those that are being served.
    private static let acceptsPerTurn = 64

    /// Called with each new connection and the address that it came from.
    private let accepted: (Int32, SocketAddress) -> Void
    private var resumeAt: NIODeadline?

    /// Begins to listen; ``Reactor/register(_:)`` begins to accept.
    ///
    /// - Throws: ``SystemError`` or ``ResolutionError`` when the address cannot be listened on.
    init(
        host: String,
        port: Int,
        on reactor: Reactor,
        accepted: @escaping (Int32, SocketAddress) -> Void
    ) throws {
        self.accepted = accepted
        guard let address = try SocketAddress.resolve(host, port, isToListen: true).first else {
            throw ResolutionError(host: host, reason: "no address")
        }
        super.init(try SystemError.check("socket", linux_socket(address.family)), on: reactor)
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        try SystemError.check("bind", address.withAddress { bind(descriptor, $0, $1) })
        try SystemError.check("listen", listen(descriptor, Self.backlog))
    }

    /// The port that is listened on.
    var port: Int {
        var address = SocketAddress()
        _ = address.fill { getsockname(descriptor, $0, $1) }
        return address.port
    }

    override func ready(_ events: ReadyEvents) {
        resumeAt = nil
        for _ in 0..<Self.acceptsPerTurn {
            var address = SocketAddress()
            let connection = linux_accept(descriptor, &address.storage)
            if connection >= 0 {
                accepted(connection, address)
                continue
            }
            switch errno {
            case EAGAIN: return
            // The caller gave up before it was its turn; the next one is not its fault.
            case ECONNABORTED, EINTR, EPROTO, EPERM: continue
            default:
                // Nothing left to take it with: wait a moment rather than try again at once, for ever.
                resumeAt = reactor.now + Reactor.sweepInterval
                return
            }
        }
        reactor.visit(self)
    }

    /// Goes on after the system had nothing left.
    func checkBackOff() {
        if let resumeAt, reactor.now >= resumeAt { reactor.visit(self) }
    }
}
