import CLinux
import Glibc
import NIOCore
import Synchronization

/// What epoll says of a descriptor (epoll_ctl(2)).
struct ReadyEvents: OptionSet {
    let rawValue: UInt32

    static let readable = ReadyEvents(rawValue: EPOLLIN.rawValue)
    static let writable = ReadyEvents(rawValue: EPOLLOUT.rawValue)
    /// The peer sends no more; what it sent before may still wait to be read.
    static let inputEnds = ReadyEvents(rawValue: EPOLLRDHUP.rawValue)
    /// Both directions have ended.
    static let hungUp = ReadyEvents(rawValue: EPOLLHUP.rawValue)
    static let failed = ReadyEvents(rawValue: EPOLLERR.rawValue)
}

/// The owner of one descriptor that a ``Reactor`` watches.
class Pollable {
    final let reactor: Reactor
    /// The descriptor; -1 once it is closed.
    final private(set) var descriptor: Int32
    /// Tells this registration from an earlier one of the same descriptor.
    final fileprivate var generation: UInt32 = 0
    final fileprivate var isToBeVisited = false

    init(_ descriptor: Int32, on reactor: Reactor) {
        self.descriptor = descriptor
        self.reactor = reactor
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// Something happened; without events when it is a visit that was asked for.
    func ready(_ events: ReadyEvents) {}

    /// Stops watching, and closes the descriptor.
    final func closeDescriptor() {
        guard descriptor >= 0 else { return }
        reactor.forget(self)
        // Closing takes it out of epoll's set as well.
        Glibc.close(descriptor)
        descriptor = -1
    }
}

/// One thread that waits for its descriptors with epoll and hands out what happened.
///
/// Descriptors are registered once, for all events and edge-triggered, so that a request costs no call to
/// epoll_ctl. Everything but ``execute(_:)``, ``submit(_:)`` and ``stop()`` is for the reactor's own thread;
/// safe because what is registered is used on that thread alone.
final class Reactor: @unchecked Sendable {
    /// The time between two calls of ``onSweep``: deadlines are in seconds, and need no finer clock.
    static let sweepInterval = TimeAmount.milliseconds(250)
    private static let eventsPerTurn = 256
    // So that the first answers of a long turn do not wait for the last.
    private static let flushesAtOnce = 16

    /// The time at the beginning of this turn.
    private(set) var now = NIODeadline.now()
    /// Counts the turns.
    private(set) var turn: UInt64 = 0
    /// How much later than it was due the latest sweep came: for so long a ready event may have waited.
    private(set) var sweepDelay = TimeAmount.zero
    /// Called every ``sweepInterval``.
    var onSweep: (() -> Void)?

    private struct Inbox {
        var tasks: [@Sendable () -> Void] = []
        var isClosed = false
    }

    // What TLS connections receive into, one after another: a whole record (RFC 8446 §5.2), and not many at once, since
    // each connection keeps what it has not read.
    private let wire = UnsafeMutableRawBufferPointer.allocate(byteCount: 5 + 16_384 + 256, alignment: 16)
    private let epoll: Int32
    private let wakeup: Int32
    private let events: UnsafeMutablePointer<epoll_event>
    private let inbox = Mutex(Inbox())
    private var registered: [Pollable?] = []
    private var generations: UInt32 = 0
    private var toFlush: [StreamSocket] = []
    private var toVisit: [Pollable] = []
    private var visiting: [Pollable] = []
    private var nextSweep = NIODeadline.now()
    private var isStopping = false
    private var name = ""

    /// Takes what the loop needs of the system.
    ///
    /// - Throws: ``SystemError`` when the system has no descriptor left.
    init() throws {
        epoll = try SystemError.check("epoll_create1", epoll_create1(Int32(EPOLL_CLOEXEC)))
        do {
            wakeup = try SystemError.check(
                "eventfd",
                eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
            )
        } catch {
            Glibc.close(epoll)
            throw error
        }
        events = .allocate(capacity: Self.eventsPerTurn)
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: UInt64(UInt32.max)))
        epoll_ctl(epoll, EPOLL_CTL_ADD, wakeup, &event)
    }

    deinit {
        events.deallocate()
        wire.deallocate()
        Glibc.close(wakeup)
        Glibc.close(epoll)
    }

    // MARK: From any thread

    /// Starts the thread, which holds the reactor until it has stopped.
    ///
    /// - Throws: ``SystemError`` when the system gives no thread.
    func start(name: String) throws {
        self.name = name
        var thread = pthread_t()
        let own = Unmanaged.passRetained(self)
        let code = pthread_create(&thread, nil, Self.body, own.toOpaque())
        guard code == 0 else {
            own.release()
            throw SystemError(call: "pthread_create", code: code)
        }
        pthread_detach(thread)
    }

    private static let body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { own in
        guard let own else { return nil }
        Unmanaged<Reactor>.fromOpaque(own).takeRetainedValue().run()
        return nil
    }

    /// Has a task done on the reactor's thread.
    ///
    /// - Returns: false, and the task is dropped, when the reactor has stopped.
    @discardableResult
    func execute(_ task: @escaping @Sendable () -> Void) -> Bool {
        let (isAccepted, wasEmpty) = inbox.withLock { inbox in
            guard !inbox.isClosed else { return (false, false) }
            inbox.tasks.append(task)
            return (true, inbox.tasks.count == 1)
        }
        if wasEmpty { eventfd_write(wakeup, 1) }
        return isAccepted
    }

    /// Computes something on the reactor's thread; `nil` when the reactor has stopped.
    func submit<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value? {
        await withCheckedContinuation { continuation in
            let isAccepted = execute { continuation.resume(returning: body()) }
            if !isAccepted { continuation.resume(returning: nil) }
        }
    }

    /// Ends the thread after what was to be executed has been.
    func stop() {
        execute { self.isStopping = true }
    }

    // MARK: On the reactor's thread

    /// Begins to watch a descriptor.
    ///
    /// - Throws: ``SystemError`` when the system cannot watch more.
    func register(_ pollable: Pollable) throws {
        let index = Int(pollable.descriptor)
        generations &+= 1
        pollable.generation = generations
        let all = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        let data = UInt64(pollable.generation) << 32 | UInt64(UInt32(bitPattern: pollable.descriptor))
        var event = epoll_event(events: all, data: epoll_data_t(u64: data))
        try SystemError.check("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, pollable.descriptor, &event))
        if index >= registered.count {
            registered += Array(repeating: nil, count: max(64, index + 1 - registered.count))
        }
        registered[index] = pollable
    }

    /// Receives once for a TLS session.
    func receive(from descriptor: Int32, into tls: TLSSession) -> StreamSocket.Received {
        let count = linux_receive(descriptor, wire.baseAddress, wire.count)
        if count > 0 {
            return tls.feed(UnsafeRawBufferPointer(rebasing: wire[..<count])) ? .bytes : .broken
        }
        if count == 0 { return .ended }
        return count == -Int(EAGAIN) ? .nothing : .broken
    }

    /// Has ``Pollable/ready(_:)`` called once more after this turn's events, even if nothing happens.
    func visit(_ pollable: Pollable) {
        guard !pollable.isToBeVisited else { return }
        pollable.isToBeVisited = true
        toVisit.append(pollable)
    }

    /// Has a socket's output sent at the end of this turn.
    ///
    /// All that a turn wrote goes out in one go: whoever receives it is woken once, and not between two of
    /// this loop's own steps.
    func flushLater(_ socket: StreamSocket) {
        toFlush.append(socket)
    }

    fileprivate func forget(_ pollable: Pollable) {
        let index = Int(pollable.descriptor)
        guard index < registered.count, registered[index] === pollable else { return }
        registered[index] = nil
    }

    private func run() {
        linux_name_thread(name)
        while !isStopping {
            let count = epoll_wait(epoll, events, Int32(Self.eventsPerTurn), timeout())
            turn &+= 1
            now = .now()
            // Interrupted by a signal, it says -1.
            for index in 0..<max(0, Int(count)) {
                dispatch(events[index])
                if toFlush.count >= Self.flushesAtOnce { flushAll() }
            }
            if !toVisit.isEmpty { visitAll() }
            if now >= nextSweep {
                sweepDelay = now - nextSweep
                nextSweep = now + Self.sweepInterval
                onSweep?()
            }
            flushAll()
        }
        close()
    }

    /// How long to wait, in milliseconds.
    private func timeout() -> Int32 {
        guard toVisit.isEmpty else { return 0 }
        let left = (nextSweep - now).nanoseconds
        return left <= 0 ? 0 : Int32(clamping: left / 1_000_000 + 1)
    }

    private func dispatch(_ event: epoll_event) {
        let index = Int(truncatingIfNeeded: event.data.u64 & 0xffff_ffff)
        guard index < registered.count else {
            if index == Int(UInt32.max) { runTasks() }
            return
        }
        // The descriptor may have been closed, and even used anew, by what this turn did before.
        guard let pollable = registered[index], pollable.generation == UInt32(event.data.u64 >> 32) else {
            return
        }
        pollable.ready(ReadyEvents(rawValue: event.events))
    }

    private func flushAll() {
        // Sending can make room, which lets more be written.
        var index = 0
        while index < toFlush.count {
            toFlush[index].flush()
            index += 1
        }
        toFlush.removeAll(keepingCapacity: true)
    }

    private func visitAll() {
        swap(&toVisit, &visiting)
        for pollable in visiting {
            pollable.isToBeVisited = false
            if pollable.descriptor >= 0 { pollable.ready([]) }
        }
        visiting.removeAll(keepingCapacity: true)
    }

    private func runTasks() {
        var count = eventfd_t()
        eventfd_read(wakeup, &count)
        let tasks = inbox.withLock { inbox in
            let tasks = inbox.tasks
            inbox.tasks = []
            return tasks
        }
        for task in tasks { task() }
    }

    private func close() {
        let left = inbox.withLock { inbox in
            inbox.isClosed = true
            defer { inbox.tasks = [] }
            return inbox.tasks
        }
        for task in left { task() }
        onSweep = nil
        for pollable in registered { pollable?.closeDescriptor() }
        registered = []
    }
}
