import NIOCore

/// What one event loop receives large input into.
///
/// Nobody keeps a part of it beyond the call that it is given to; if somebody does all the same, the next
/// receive takes new memory.
final class ScratchBuffer {
    /// How much is received at once, in bytes.
    static let capacity = 65_536

    private var bytes = ByteBufferAllocator().buffer(capacity: capacity)

    /// Receives once from a socket, into `input`, which must be empty.
    func receive(from socket: StreamSocket, into input: inout ByteBuffer) -> StreamSocket.Received {
        bytes.clear()
        let received = socket.receive(into: &bytes, atLeast: Self.capacity)
        if case .bytes = received { input = bytes }
        return received
    }
}
