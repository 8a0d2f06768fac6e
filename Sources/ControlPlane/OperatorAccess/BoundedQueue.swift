import Foundation
import Synchronization

/// Runs what takes a core for a while away from the event loops, a few at a time; a crowd is told to come back.
final class BoundedQueue: Sendable {
    private let queue: OperationQueue
    private let pending = Mutex(0)
    private let maximumPending: Int
    private let busy: Problem

    /// Makes one with nothing to do.
    ///
    /// - Parameters:
    ///   - name: what debuggers call it.
    ///   - width: at most so many run at once.
    ///   - maximumPending: at most so many run or wait.
    ///   - busy: what whoever comes then is refused with.
    init(_ name: String, width: Int, maximumPending: Int, busy: Problem) {
        queue = OperationQueue()
        queue.maxConcurrentOperationCount = width
        queue.name = name
        self.maximumPending = maximumPending
        self.busy = busy
    }

    /// Runs work in its turn.
    ///
    /// - Throws: the problem that it was made with when too many wait; or what the work throws.
    func perform<Outcome: Sendable>(
        _ work: @escaping @Sendable () throws -> Outcome
    ) async throws -> Outcome {
        let isAccepted = pending.withLock { count in
            guard count < maximumPending else { return false }
            count += 1
            return true
        }
        guard isAccepted else { throw busy }
        defer { pending.withLock { $0 -= 1 } }
        return try await withCheckedThrowingContinuation { continuation in
            queue.addOperation { continuation.resume(with: Result { try work() }) }
        }
    }
}
