import NIOCore

/// What one connection has received and not used yet.
struct InputBuffer {
    // Most heads are shorter.
    private static let ownCapacity = 4096
    private static let leastRoom = 1024

    /// The bytes; whoever uses some moves the reader index.
    var bytes = ByteBuffer()
    // Whether they lie in memory that all connections of the event loop share.
    private var isShared = false

    var isEmpty: Bool { bytes.readableBytes == 0 }

    /// Receives once: into memory of its own, which serves again, or into the shared one.
    ///
    /// What was received into the shared memory must have been used, or ``keep()`` called, before another
    /// connection receives. Nothing goes there while something is left.
    mutating func receive(from socket: StreamSocket, into scratch: ScratchBuffer?) -> StreamSocket.Received {
        if isEmpty {
            isShared = scratch != nil
            if let scratch { return scratch.receive(from: socket, into: &bytes) }
            if bytes.capacity == 0 {
                bytes = ByteBufferAllocator().buffer(capacity: Self.ownCapacity)
            } else {
                bytes.clear()
            }
        } else if bytes.readerIndex > Self.ownCapacity {
            bytes.discardReadBytes()
        }
        return socket.receive(into: &bytes, atLeast: Self.leastRoom)
    }

    /// Moves what is left out of the shared memory.
    mutating func keep() {
        guard isShared else { return }
        isShared = false
        var own = ByteBuffer()
        if !isEmpty { own.writeImmutableBuffer(bytes) }
        bytes = own
    }

    /// Gives everything up, the memory too.
    mutating func drop() {
        bytes = ByteBuffer()
        isShared = false
    }
}
