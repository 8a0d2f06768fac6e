import NIOCore

/// What one connection has received, read as requests: one head after another, each with its body.
struct RequestInput {
    // What is read ahead of its use: more is left in the kernel's hands.
    private static let readAheadLimit = 65_536

    /// Whether the body of the latest request has been read to its end.
    private(set) var bodyIsRead = true
    /// Whether a request has been read.
    private(set) var hasHadRequest = false
    /// Whether the caller sends no more.
    private(set) var hasEnded = false
    private var pending = InputBuffer()
    private var parser = RequestHeadParser()
    private var body = BodyDecoder(.none)

    /// Whether all that was received has been used.
    var isEmpty: Bool { pending.isEmpty }
    /// Whether a head has begun, and is not whole.
    var hasPartialHead: Bool { parser.hasPartialHead }
    /// Whether nothing of a further request has come.
    var isBetweenRequests: Bool { !parser.hasPartialHead && pending.isEmpty }
    /// Whether more may be received before what is there has been used.
    var mayReadAhead: Bool { pending.bytes.readableBytes < Self.readAheadLimit }
    /// How many bytes of the body have not been read; `nil` where nobody knows before its end.
    var remainingBodyLength: Int64? { body.remainingLength }

    // MARK: Receiving

    /// Receives once; into the shared memory only what is used, or kept, before another connection receives.
    mutating func receive(from socket: StreamSocket, into scratch: ScratchBuffer?) -> StreamSocket.Received {
        pending.receive(from: socket, into: scratch)
    }

    /// Keeps what could not be used at once.
    mutating func keep() {
        pending.keep()
    }

    /// Throws away what was received.
    mutating func drop() {
        pending.drop()
    }

    /// The caller sends no more.
    mutating func end() {
        hasEnded = true
    }

    /// Gives back the memory that only a connection with a request needs.
    mutating func rest() {
        pending.drop()
        parser.rest()
    }

    // MARK: Reading

    /// Reads on in the head that is next.
    mutating func readHead() -> RequestHeadParser.Outcome {
        parser.parse(&pending.bytes)
    }

    /// Begins the body of a request whose head has been read.
    mutating func beginBody(_ framing: BodyFraming) {
        hasHadRequest = true
        body = BodyDecoder(framing)
        bodyIsRead = body.isFinished
    }

    /// Reads on in the body; a part of known length can be its last.
    mutating func readBody() -> BodyStep {
        let step = body.decode(&pending.bytes)
        bodyIsRead = body.isFinished
        return step
    }

    /// Takes back the memory of a head that is done with.
    mutating func recycle(_ head: consuming RequestHead) {
        parser.recycle(head)
    }
}
