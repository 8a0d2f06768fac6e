import GatewayCore
import Glibc

/// An address and a port, as the system's calls take them.
struct SocketAddress {
    /// The bytes; accept4(2) fills them.
    var storage = sockaddr_storage()
    private var length = socklen_t(0)

    /// What a call of getaddrinfo(3) found; `nil` when it is neither IPv4 nor IPv6.
    init?(_ info: addrinfo) {
        guard info.ai_family == AF_INET || info.ai_family == AF_INET6, let address = info.ai_addr,
            Int(info.ai_addrlen) <= MemoryLayout<sockaddr_storage>.size
        else { return nil }
        length = info.ai_addrlen
        withUnsafeMutableBytes(of: &storage) { target in
            target.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(info.ai_addrlen)))
        }
    }

    /// Waits to be filled by the system.
    init() {
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    }

    /// The address family: `AF_INET` or `AF_INET6`.
    var family: Int32 { Int32(storage.ss_family) }

    /// Hands the address to a system call that reads it.
    func withAddress<Result>(_ call: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, length) }
        }
    }

    /// Hands the address to a system call that fills it.
    mutating func fill<Result>(
        _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Result
    ) -> Result {
        withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, &length) }
        }
    }

    /// The address without the port; what is neither IPv4 nor IPv6 is the unspecified address.
    var address: IPAddress {
        withUnsafeBytes(of: storage) { bytes in
            switch family {
            case AF_INET:
                let address = bytes.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr
                return IPAddress(v4: UInt32(bigEndian: address))
            case AF_INET6:
                // The zone of a link-local address is of this machine alone, and left out.
                let start = MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr) ?? 8
                return IPAddress(
                    high: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self)),
                    low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: start + 8, as: UInt64.self))
                )
            default: return IPAddress(v4: 0)
            }
        }
    }

    /// The port, 0 to 65535.
    var port: Int {
        // Both families have it in the same place, most significant byte first.
        withUnsafeBytes(of: storage) { bytes in
            Int(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
        }
    }
}

extension SocketAddress {
    /// Finds the addresses of a host for TCP; waits for the name's servers, where it is a name.
    ///
    /// - Throws: ``ResolutionError`` with the resolver's own words.
    static func resolve(
        _ host: String,
        _ port: Int,
        isToListen: Bool = false,
        isNumeric: Bool = false
    ) throws(ResolutionError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_protocol = Int32(IPPROTO_TCP)
        hints.ai_flags = AI_NUMERICSERV | (isToListen ? AI_PASSIVE : 0) | (isNumeric ? AI_NUMERICHOST : 0)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else {
            throw ResolutionError(host: host, reason: String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = list
        while let info = next {
            if let address = SocketAddress(info.pointee) { found.append(address) }
            next = info.pointee.ai_next
        }
        return found
    }
}

/// A name that has no address.
struct ResolutionError: Error, CustomStringConvertible {
    /// The name.
    let host: String
    /// What the resolver said.
    let reason: String

    var description: String { "\(host): \(reason)" }
}
