import GatewayCore
import Glibc

/// What a connection begins with where a trusted proxy speaks the PROXY protocol: ``ProxyHeader``, and whom it named.
struct ProxyPreamble {
    /// Whether it is yet to be read.
    private(set) var isAwaited: Bool
    /// Whom it named.
    private(set) var address: IPAddress?
    /// Whether it said that the connection comes from somebody, and not from whom.
    private(set) var hidesAddress = false

    init(isAwaited: Bool) {
        self.isAwaited = isAwaited
    }

    /// Reads the header, and nothing behind it.
    ///
    /// - Parameters:
    ///   - descriptor: where from.
    ///   - inputEnds: whether the peer sends no more.
    /// - Returns: `nil` once it is read; otherwise what there is to say.
    mutating func read(from descriptor: Int32, inputEnds: Bool) -> StreamSocket.Received? {
        var bytes = [UInt8](repeating: 0, count: ProxyHeader.longestBinary)
        // Looked at before it is taken: what follows is somebody else's to read.
        let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_PEEK))
        guard count > 0 else {
            if count == 0 { return .ended }
            return errno == EAGAIN || errno == EINTR ? .nothing : .broken
        }
        let header: Int
        switch ProxyHeader.read(bytes.span.extracting(first: count)) {
        // The reactor tells when there is more.
        case .incomplete: return inputEnds ? .ended : .nothing
        case .malformed: return .broken
        case .source(let named, let length): (address, header) = (named, length)
        case .unknown(let length): (hidesAddress, header) = (true, length)
        case .peer(let length): header = length
        }
        guard recv(descriptor, &bytes, header, 0) == header else { return .broken }
        isAwaited = false
        return nil
    }
}
