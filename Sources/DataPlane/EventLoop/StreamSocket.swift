import CLinux
import Glibc
import NIOCore

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

    // A part shorter than this is cheaper to copy than to send by itself.
    private static let copyLimit = 4096

    /// What turns plain bytes into those on the wire; `nil` where they are the same.
    let tls: TLSSession?
    /// What a trusted proxy said of the connection before anything else.
    private(set) var preamble: ProxyPreamble
    private var outgoing = SendQueue()
    /// Whether it is read at all; see ``setReading(_:)``.
    private(set) var isReading = true

    private var delegate: (any StreamDelegate)?
    private var isConnecting: Bool
    private var mayHaveInput = false
    private var inputEnds = false
    private var isToBeFlushed = false
    private var isOutputToEnd = false
    private var hasOutputEnded = false
    private var hasToldBreak = false

    /// Takes a descriptor that does not block: one that was accepted, or one on which connect(2) was begun.
    ///
    /// - Parameters:
    ///   - descriptor: which one.
    ///   - reactor: what watches it.
    ///   - isConnecting: whether connect(2) was begun.
    ///   - tls: what turns plain bytes into those on the wire.
    ///   - awaitsProxyHeader: whether a header of the PROXY protocol comes first.
    init(
        _ descriptor: Int32,
        on reactor: Reactor,
        isConnecting: Bool,
        tls: TLSSession? = nil,
        awaitsProxyHeader: Bool = false
    ) {
        self.isConnecting = isConnecting
        self.tls = tls
        preamble = ProxyPreamble(isAwaited: awaitsProxyHeader)
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
    var hasRoom: Bool { !outgoing.isFull }
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
        if preamble.isAwaited, let outcome = preamble.read(from: descriptor, inputEnds: inputEnds) {
            mayHaveInput = false
            return outcome
        }
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
            outgoing.take(from: tls)
            guard !outgoing.isFlooded else { return .broken }
            if outgoing.hasSealed { flushLater() }
            switch outcome {
            case .bytes: return .bytes
            case .ended:
                mayHaveInput = false
                return .ended
            case .broken:
                mayHaveInput = false
                // The alert, if there is room for it.
                send { $0.sendSealed(on: descriptor) }
                return .broken
            case .needsMore: break
            }
            switch reactor.receive(from: descriptor, into: tls) {
            case .bytes: continue
            case .nothing:
                mayHaveInput = false
                // What was written before the handshake was over.
                if !outgoing.plain.isEmpty, tls.isEstablished { flushLater() }
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

    /// Has bytes written, straight into what will be sent; they go out at the latest with ``flush()``.
    @inline(__always)
    func write<Result>(_ body: (inout OutputBuffer) -> Result) -> Result {
        body(&outgoing.plain)
    }

    /// Writes bytes, which go out at the latest with ``flush()``.
    func write(_ part: ByteBuffer, then end: StaticString = "") {
        if outgoing.isBroken { return }
        if part.readableBytes < Self.copyLimit || outgoing.isBlocked || isConnecting || tls != nil {
            outgoing.plain.append(part)
            outgoing.plain.append(end)
            if outgoing.plain.count > SendQueue.fullAt { flush() }
        } else {
            send { $0.send(part, end, on: descriptor) }
        }
    }

    /// Has what was written sent at the end of the reactor's turn.
    func flushLater() {
        guard !isToBeFlushed, !outgoing.isEmpty else { return }
        isToBeFlushed = true
        reactor.flushLater(self)
    }

    /// Sends what was written.
    func flush() {
        isToBeFlushed = false
        guard !isConnecting, descriptor >= 0 else { return }
        send { $0.send(on: descriptor, tls) }
    }

    /// Gives back the memory of a connection that has nothing to send.
    func releaseOutput() {
        outgoing.release()
    }

    /// Ends this side of the connection once everything has been sent.
    func finishOutput() {
        isOutputToEnd = true
        flush()
        endOutputIfDone()
    }

    /// Has something sent.
    ///
    /// That it broke is told at the next visit: not from within the delegate's own call.
    @inline(__always)
    private func send(_ body: (inout SendQueue) -> Void) {
        let wasBroken = outgoing.isBroken
        body(&outgoing)
        if outgoing.isBroken, !wasBroken { reactor.visit(self) }
    }

    private func resumeOutput() {
        let wasFull = outgoing.isFull
        send { $0.resume(on: descriptor, tls) }
        endOutputIfDone()
        if wasFull, !outgoing.isFull { delegate?.streamHasRoom() }
    }

    private func endOutputIfDone() {
        guard isOutputToEnd, !hasOutputEnded, outgoing.isEmpty, descriptor >= 0 else { return }
        if let tls {
            var isFinished = false
            send { isFinished = $0.finish(tls, on: descriptor) }
            guard isFinished else { return }
        }
        hasOutputEnded = true
        shutdown(descriptor, Int32(SHUT_WR))
        delegate?.streamOutputEnded()
    }

    // MARK: The end

    /// Closes at once; the delegate is told nothing more.
    func close() {
        delegate = nil
        closeDescriptor()
        outgoing.drop()
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
        if outgoing.isBlocked, !events.isDisjoint(with: [.writable, .hungUp, .failed]) { resumeOutput() }
        if outgoing.isBroken, !hasToldBreak {
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
