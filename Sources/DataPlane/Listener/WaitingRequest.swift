/// A request that is decided once a key has been fetched.
final class WaitingRequest {
    let head: RequestHead
    let id: RequestID
    /// What a trusted proxy asks about; `nil` for a request of its own.
    let asked: AskedRequest?
    /// The number by which the event loop knows it.
    var ticket: UInt64
    /// Whether it may wait for another fetch when this one does not bring the key.
    var mayWaitAgain = true

    init(head: RequestHead, id: RequestID, asked: AskedRequest?, ticket: UInt64) {
        self.head = head
        self.id = id
        self.asked = asked
        self.ticket = ticket
    }
}
