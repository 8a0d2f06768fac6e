import CLinux
import GatewayCore
import Glibc
import NIOCore

/// Who is told what happens on a ``StreamSocket``.
protocol StreamDelegate: AnyObject {
    /// The connection that was asked for stands; or the `errno` that says why not.
    func streamConnected(_ failure: Int32?)
    /// There may be something to receive.
    func streamIsReadable()
    /// ``StreamSocket/hasRoom`` became true again.
    func streamHasRoom()
    /// What was written before ``StreamSocket/finishOutput()`` has been sent, or cannot be.
    func streamOutputEnded()
    /// Nothing more can be sent; what was received before may still be read.
    func streamOutputBroke()
    /// The connection is broken.
    func streamBroke()
}

/// One TCP connection that never blocks.
///
/// What is written goes into one buffer and out with one call; a large part goes out from where it lies,
/// together with what was written before. Its owner and the socket hold each other until it is closed.
final class StreamSocket: Pollable {
    /// What a call of ``receive(into:atLeast:)`` found.
    enum Received {
        /// Bytes were added to the buffer.
        case bytes
        /// Nothing is there now.
        case nothing
        /// The peer sends no more.
        case ended
        /// The connection is broken.
        case broken
    }

    // From here on whoever writes should wait until it has become half of that.
    private static let fullAt = 65_536
    // As much as one record of TLS holds (RFC 8446 §5.1).
    private static let recordSize = 16_384
    // A part shorter than this is cheaper to copy than to send by itself.
    private static let copyLimit = 4096
    private static let keptCapacity = 16_384

    /// What is to be sent; heads are written straight into it.
    var output = OutputBuffer()
    /// What turns plain bytes into those on the wire; `nil` where they are the same.
    let tls: TLSSession?
    /// Whether the connection begins with a header of the PROXY protocol, which is yet to be read.
    var awaitsProxyHeader = false
    /// Whom that header named.
    private(set) var proxiedAddress: IPAddress?
    /// Whether it said that the connection comes from somebody, and not from whom.
    private(set) var hidesAddress = false
    // What TLS made of the output.
    private var sealed = OutputBuffer()
    private var hasFinishedTLS = false
    /// Whether something that was sent is still on its way: then what is written waits.
    private(set) var isBlocked = false
    /// Whether it is read at all; see ``setReading(_:)``.
    private(set) var isReading = true

    private var delegate: (any StreamDelegate)?
    private var isConnecting: Bool
    private var mayHaveInput = false
    private var inputEnds = false
    private var isFull = false
    private var isToBeFlushed = false
    private var isOutputBroken = false
    private var isOutputToEnd = false
    private var hasOutputEnded = false
    private var hasToldBreak = false

    /// Takes a descriptor that does not block: one that was accepted, or one on which connect(2) was begun.
    init(_ descriptor: Int32, on reactor: Reactor, isConnecting: Bool, tls: TLSSession? = nil) {
        self.isConnecting = isConnecting
        self.tls = tls
        super.init(descriptor, on: reactor)
        var on: Int32 = 1
        setsockopt(
            descriptor,
            Int32(IPPROTO_TCP),
            TCP_NODELAY,
            &on,
            socklen_t(MemoryLayout<Int32>.size)
        )
    }

    /// Begins to be watched.
    ///
    /// - Throws: ``SystemError`` when the system cannot watch more.
    func begin(_ delegate: any StreamDelegate) throws {
        self.delegate = delegate
        try reactor.register(self)
    }

    var isOpen: Bool { descriptor >= 0 }
    /// Whether what is written may be followed by more.
    var hasRoom: Bool { !isFull }
    /// Whether there may be something to receive.
    var canReceive: Bool { mayHaveInput && isReading && isOpen }

    // MARK: Input

    /// Receives once, and adds it to the buffer.
    ///
    /// - Parameters:
    ///   - buffer: where to add it.
    ///   - space: how much the buffer is to have room for, at least, in bytes.
    /// - Returns: what there was.
    func receive(into buffer: inout ByteBuffer, atLeast space: Int) -> Received {
        guard mayHaveInput, descriptor >= 0 else { return .nothing }
        if awaitsProxyHeader, let outcome = readProxyHeader() { return outcome }
        if let tls { return receive(into: &buffer, atLeast: space, through: tls) }
        var room = 0
        var result = 0
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: space) { target in
            room = target.count
            result = linux_receive(descriptor, target.baseAddress, target.count)
            return max(0, result)
        }
        if result > 0 {
            // Less than there was room for, so nothing is left; but that a peer has ended is told by an empty
            // read alone.
            if result < room { mayHaveInput = inputEnds }
            return .bytes
        }
        mayHaveInput = false
        if result == 0 { return .ended }
        return result == -Int(EAGAIN) ? .nothing : .broken
    }

    /// Reads the header of the PROXY protocol, and nothing behind it.
    ///
    /// - Returns: `nil` once it is read; otherwise what there is to say.
    private func readProxyHeader() -> Received? {
        var bytes = [UInt8](repeating: 0, count: ProxyHeader.longestBinary)
        // Looked at before it is taken: what follows is somebody else's to read.
        let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_PEEK))
        guard count > 0 else {
            mayHaveInput = false
            if count == 0 { return .ended }
            return errno == EAGAIN || errno == EINTR ? .nothing : .broken
        }
        switch ProxyHeader.read(bytes.span.extracting(first: count)) {
        case .incomplete:
            // The reactor tells when there is more.
            mayHaveInput = inputEnds
            return inputEnds ? .ended : .nothing
        case .malformed:
            mayHaveInput = false
            return .broken
        case .source(let address, let length):
            proxiedAddress = address
            guard recv(descriptor, &bytes, length, 0) == length else { return .broken }
        case .unknown(let length):
            hidesAddress = true
            guard recv(descriptor, &bytes, length, 0) == length else { return .broken }
        case .peer(let length):
            guard recv(descriptor, &bytes, length, 0) == length else { return .broken }
        }
        awaitsProxyHeader = false
        return nil
    }

    // A peer could send records without end that carry nothing.
    private static let recordsPerReceive = 16

    /// Receives through TLS: what it still has, or else what comes of the next bytes from the wire.
    private func receive(
        into buffer: inout ByteBuffer,
        atLeast space: Int,
        through tls: TLSSession
    ) -> Received {
        for _ in 0..<Self.recordsPerReceive {
            var outcome = TLSSession.Outcome.needsMore
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: space) { target in
                outcome = tls.read(into: target)
                if case .bytes(let count) = outcome { return count }
                return 0
            }
            // What the handshake has to say.
            tls.takeOutput(into: &sealed)
            // A peer that has us answer its records without end, and takes no answers.
            guard sealed.count <= Self.fullAt * 16 else { return .broken }
            if !sealed.isEmpty { flushLater() }
            switch outcome {
            case .bytes: return .bytes
            case .ended:
                mayHaveInput = false
                return .ended
            case .broken:
                mayHaveInput = false
                // The alert, if there is room for it.
                sendSealed()
                return .broken
            case .needsMore: break
            }
            switch reactor.receive(from: descriptor, into: tls) {
            case .bytes: continue
            case .nothing:
                mayHaveInput = false
                // What was written before the handshake was over.
                if !output.isEmpty, tls.isEstablished { flushLater() }
                return .nothing
            case .ended:
                mayHaveInput = false
                return .ended
            case .broken:
                mayHaveInput = false
                return .broken
            }
        }
        reactor.visit(self)
        return .nothing
    }

    /// Holds or resumes reading, when what is read cannot be used yet.
    func setReading(_ isWanted: Bool) {
        guard isReading != isWanted else { return }
        isReading = isWanted
        if isWanted, mayHaveInput { reactor.visit(self) }
    }

    /// Lets others have a turn before the rest is read.
    func readLater() {
        if canReceive { reactor.visit(self) }
    }

    // MARK: Output

    /// Writes bytes, which go out at the latest with ``flush()``.
    func write(_ part: ByteBuffer, then end: StaticString = "") {
        if isOutputBroken { return }
        if part.readableBytes < Self.copyLimit || isBlocked || isConnecting || tls != nil {
            output.append(part)
            output.append(end)
            if output.count > Self.fullAt { flush() }
        } else {
            send(part, end)
            noteSize()
        }
    }

    /// Has what was written sent at the end of the reactor's turn.
    func flushLater() {
        guard !isToBeFlushed, !output.isEmpty || !sealed.isEmpty else { return }
        isToBeFlushed = true
        reactor.flushLater(self)
    }

    /// Sends what was written.
    func flush() {
        isToBeFlushed = false
        guard !isConnecting, descriptor >= 0 else { return }
        if !isBlocked { sendOutput() }
        noteSize()
    }

    /// Gives back the memory of a connection that has nothing to send.
    func releaseOutput() {
        if output.isEmpty { output = OutputBuffer() }
        if sealed.isEmpty { sealed = OutputBuffer() }
    }

    /// Ends this side of the connection once everything has been sent.
    func finishOutput() {
        isOutputToEnd = true
        flush()
        endOutputIfDone()
    }

    // MARK: The end

    /// Closes at once; the delegate is told nothing more.
    func close() {
        delegate = nil
        closeDescriptor()
        output = OutputBuffer()
        sealed = OutputBuffer()
    }

    /// Closes so that the peer sees a broken connection instead of an end.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    // MARK: What the reactor tells

    override func ready(_ events: ReadyEvents) {
        if isConnecting {
            finishConnecting(events)
            return
        }
        if !events.isDisjoint(with: [.readable, .inputEnds, .hungUp, .failed]) {
            mayHaveInput = true
            if !events.isDisjoint(with: [.inputEnds, .hungUp, .failed]) { inputEnds = true }
        }
        if isBlocked, !events.isDisjoint(with: [.writable, .hungUp, .failed]) { resumeOutput() }
        if isOutputBroken, !hasToldBreak {
            hasToldBreak = true
            delegate?.streamOutputBroke()
            endOutputIfDone()
        }
        if mayHaveInput, isReading {
            delegate?.streamIsReadable()
        } else if events.contains(.failed) {
            delegate?.streamBroke()
        }
    }

    private func finishConnecting(_ events: ReadyEvents) {
        guard !events.isDisjoint(with: [.writable, .hungUp, .failed]) else { return }
        isConnecting = false
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let result = getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
        mayHaveInput = true
        if !events.isDisjoint(with: [.inputEnds, .hungUp, .failed]) { inputEnds = true }
        delegate?.streamConnected(result < 0 ? errno : code == 0 ? nil : code)
    }
}

// MARK: - Sending

extension StreamSocket {
    private func resumeOutput() {
        let wasFull = isFull
        isBlocked = false
        sendOutput()
        noteSize()
        endOutputIfDone()
        if wasFull, !isFull { delegate?.streamHasRoom() }
    }

    /// Only what is blocked can be full, so the reactor will tell when it no longer is.
    private func noteSize() {
        let waiting = output.count + sealed.count
        if waiting > Self.fullAt {
            isFull = true
        } else if waiting < Self.fullAt / 2 {
            isFull = false
        }
    }

    private func endOutputIfDone() {
        guard isOutputToEnd, !hasOutputEnded, output.isEmpty, sealed.isEmpty, descriptor >= 0 else { return }
        if let tls, !hasFinishedTLS, !isOutputBroken {
            hasFinishedTLS = true
            tls.finish()
            tls.takeOutput(into: &sealed)
            sendSealed()
            guard sealed.isEmpty else { return }
        }
        hasOutputEnded = true
        shutdown(descriptor, Int32(SHUT_WR))
        delegate?.streamOutputEnded()
    }

    private func sendOutput() {
        if let tls {
            seal(tls)
            return sendSealed()
        }
        if !output.isEmpty, !isOutputBroken {
            let sent = output.withBytes { bytes in
                linux_send(descriptor, bytes.baseAddress, bytes.count)
            }
            output.removeFirst(taken(sent, of: output.count))
        }
        tidyOutput()
    }

    /// Sends what was written and a part that is not copied; what does not go out now is kept.
    private func send(_ part: ByteBuffer, _ end: StaticString) {
        let waiting = output.count
        let result = output.withBytes { first in
            part.withUnsafeReadableBytes { second in
                end.withUTF8Buffer { third in
                    Self.sendTogether(descriptor, first, second, UnsafeRawBufferPointer(third))
                }
            }
        }
        let size = part.readableBytes
        let sent = taken(result, of: waiting + size + end.utf8CodeUnitCount)
        output.removeFirst(min(sent, waiting))
        tidyOutput()
        let sentOfPart = max(0, sent - waiting)
        guard !isOutputBroken, sentOfPart < size + end.utf8CodeUnitCount else { return }
        part.withUnsafeReadableBytes { bytes in
            output.append(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(sentOfPart)))
        }
        end.withUTF8Buffer { bytes in
            let rest = bytes.dropFirst(max(0, sentOfPart - size))
            output.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[rest.indices]))
        }
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
    private func taken(_ result: Int, of wanted: Int) -> Int {
        if result < 0, result != -Int(EAGAIN) {
            isOutputBroken = true
            // The delegate is not told from within its own call.
            reactor.visit(self)
        } else if result < wanted {
            // The reactor tells when there is room again.
            isBlocked = true
        }
        return max(0, result)
    }

    /// Has TLS take what was written, as much as it takes before the handshake is over.
    private func seal(_ tls: TLSSession) {
        while !output.isEmpty, !isOutputBroken {
            let outcome = output.withBytes { bytes in
                tls.write(UnsafeRawBufferPointer(rebasing: bytes.prefix(Self.recordSize)))
            }
            switch outcome {
            case .bytes(let count):
                output.removeFirst(count)
                // Record by record, so that TLS needs room for one alone.
                tls.takeOutput(into: &sealed)
            case .needsMore: return tls.takeOutput(into: &sealed)
            case .ended, .broken:
                isOutputBroken = true
                reactor.visit(self)
            }
        }
        tls.takeOutput(into: &sealed)
        tidyOutput()
    }

    private func sendSealed() {
        if !sealed.isEmpty, !isOutputBroken, !isBlocked {
            let sent = sealed.withBytes { bytes in linux_send(descriptor, bytes.baseAddress, bytes.count) }
            sealed.removeFirst(taken(sent, of: sealed.count))
        }
        if isOutputBroken || sealed.isEmpty {
            if sealed.capacity > Self.keptCapacity { sealed = OutputBuffer() } else { sealed.removeAll() }
        }
    }

    private func tidyOutput() {
        if isOutputBroken || output.isEmpty {
            if output.capacity > Self.keptCapacity { output = OutputBuffer() } else { output.removeAll() }
        }
    }
}
