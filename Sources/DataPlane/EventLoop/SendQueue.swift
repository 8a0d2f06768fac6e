import CLinux
import Glibc
import NIOCore

/// What one connection has to send: the plain bytes, what TLS makes of them, and how much the system takes.
///
/// It tells nobody anything: its owner looks at what has become of it.
struct SendQueue: ~Copyable {
    /// From here on whoever writes should wait until it has become half of that.
    static let fullAt = 65_536
    // As much as one record of TLS holds (RFC 8446 §5.1).
    private static let recordSize = 16_384
    private static let keptCapacity = 16_384

    /// What is to be sent; heads are written straight into it.
    var plain = OutputBuffer()
    // What TLS made of it.
    private var sealed = OutputBuffer()
    private var hasFinishedTLS = false
    /// Whether something that was sent is still on its way: then what is written waits.
    private(set) var isBlocked = false
    /// Whether whoever writes should wait; only what is blocked can be full, so the reactor tells when it no longer is.
    private(set) var isFull = false
    /// Whether nothing can be sent any more.
    private(set) var isBroken = false

    /// Whether everything has been sent.
    var isEmpty: Bool { plain.isEmpty && sealed.isEmpty }
    /// Whether TLS has something to send.
    var hasSealed: Bool { !sealed.isEmpty }
    /// Whether the peer has us answer its records without end, and takes no answers.
    var isFlooded: Bool { sealed.count > Self.fullAt * 16 }

    // MARK: Sending

    /// Sends what there is, unless what was sent before is still on its way.
    mutating func send(on descriptor: Int32, _ tls: TLSSession?) {
        if !isBlocked { sendAll(on: descriptor, tls) }
        noteSize()
    }

    /// Sends on, now that the system takes more.
    mutating func resume(on descriptor: Int32, _ tls: TLSSession?) {
        isBlocked = false
        send(on: descriptor, tls)
    }

    private mutating func sendAll(on descriptor: Int32, _ tls: TLSSession?) {
        if let tls {
            seal(tls)
            return sendSealed(on: descriptor)
        }
        if !plain.isEmpty, !isBroken {
            let sent = plain.withBytes { bytes in linux_send(descriptor, bytes.baseAddress, bytes.count) }
            plain.removeFirst(taken(sent, of: plain.count))
        }
        tidy()
    }

    /// Sends what was written and a part that is not copied; what does not go out now is kept.
    mutating func send(_ part: ByteBuffer, _ end: StaticString, on descriptor: Int32) {
        let waiting = plain.count
        let result = plain.withBytes { first in
            part.withUnsafeReadableBytes { second in
                end.withUTF8Buffer { third in
                    Self.sendTogether(descriptor, first, second, UnsafeRawBufferPointer(third))
                }
            }
        }
        let size = part.readableBytes
        let sent = taken(result, of: waiting + size + end.utf8CodeUnitCount)
        plain.removeFirst(min(sent, waiting))
        tidy()
        let sentOfPart = max(0, sent - waiting)
        if !isBroken, sentOfPart < size + end.utf8CodeUnitCount {
            part.withUnsafeReadableBytes { bytes in
                plain.append(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(sentOfPart)))
            }
            end.withUTF8Buffer { bytes in
                let rest = bytes.dropFirst(max(0, sentOfPart - size))
                plain.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[rest.indices]))
            }
        }
        noteSize()
    }

    private static func sendTogether(
        _ descriptor: Int32,
        _ first: UnsafeRawBufferPointer,
        _ second: UnsafeRawBufferPointer,
        _ third: UnsafeRawBufferPointer
    ) -> Int {
        var parts: InlineArray<3, iovec> = [part(first), part(second), part(third)]
        var span = parts.mutableSpan
        return span.withUnsafeMutableBufferPointer { list in
            var message = msghdr()
            message.msg_iov = list.baseAddress
            message.msg_iovlen = list.count
            while true {
                let result = sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL))
                if result >= 0 { return result }
                if errno != EINTR { return -Int(errno) }
            }
        }
    }

    private static func part(_ bytes: UnsafeRawBufferPointer) -> iovec {
        // The system only reads from there.
        iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
    }

    /// How much of what was to be sent went out.
    private mutating func taken(_ result: Int, of wanted: Int) -> Int {
        if result < 0, result != -Int(EAGAIN) {
            isBroken = true
        } else if result < wanted {
            // The reactor tells when there is room again.
            isBlocked = true
        }
        return max(0, result)
    }

    private mutating func noteSize() {
        let waiting = plain.count + sealed.count
        if waiting > Self.fullAt {
            isFull = true
        } else if waiting < Self.fullAt / 2 {
            isFull = false
        }
    }

    // MARK: TLS

    /// Takes what TLS has to say by itself.
    mutating func take(from tls: TLSSession) {
        tls.takeOutput(into: &sealed)
    }

    /// Sends what TLS has made ready, and nothing else.
    mutating func sendSealed(on descriptor: Int32) {
        if !sealed.isEmpty, !isBroken, !isBlocked {
            let sent = sealed.withBytes { bytes in linux_send(descriptor, bytes.baseAddress, bytes.count) }
            sealed.removeFirst(taken(sent, of: sealed.count))
        }
        if isBroken || sealed.isEmpty {
            if sealed.capacity > Self.keptCapacity { sealed = OutputBuffer() } else { sealed.removeAll() }
        }
    }

    /// Has TLS tell the peer, once, that nothing more comes.
    ///
    /// - Returns: whether that has been sent, or cannot be.
    mutating func finish(_ tls: TLSSession, on descriptor: Int32) -> Bool {
        if !hasFinishedTLS, !isBroken {
            hasFinishedTLS = true
            tls.finish()
            take(from: tls)
            sendSealed(on: descriptor)
        }
        return sealed.isEmpty
    }

    /// Has TLS take what was written, as much as it takes before the handshake is over.
    private mutating func seal(_ tls: TLSSession) {
        while !plain.isEmpty, !isBroken {
            let outcome = plain.withBytes { bytes in
                tls.write(UnsafeRawBufferPointer(rebasing: bytes.prefix(Self.recordSize)))
            }
            switch outcome {
            case .bytes(let count):
                plain.removeFirst(count)
                // Record by record, so that TLS needs room for one alone.
                take(from: tls)
            case .needsMore: return take(from: tls)
            case .ended, .broken: isBroken = true
            }
        }
        take(from: tls)
        tidy()
    }

    // MARK: Memory

    private mutating func tidy() {
        if isBroken || plain.isEmpty {
            if plain.capacity > Self.keptCapacity { plain = OutputBuffer() } else { plain.removeAll() }
        }
    }

    /// Gives back the memory of what has nothing to send.
    mutating func release() {
        if plain.isEmpty { plain = OutputBuffer() }
        if sealed.isEmpty { sealed = OutputBuffer() }
    }

    /// Throws away what has not been sent.
    mutating func drop() {
        plain = OutputBuffer()
        sealed = OutputBuffer()
    }
}
