import NIOCore

/// Ends work that waits for another machine.
enum TimeLimit {
    /// The time was over before the work was done.
    struct Passed: Error {}

    /// Performs something, and gives it up at the deadline whatever it waits for.
    ///
    /// A client's own time limit ends at an answer's head; this one ends what reads the body too.
    ///
    /// - Throws: ``Passed`` at the deadline, and what the work throws.
    static func perform<Value: Sendable>(
        until deadline: NIODeadline,
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                try await Task.sleep(for: .nanoseconds(max(0, (deadline - .now()).nanoseconds)))
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let value = first else { throw Passed() }
            return value
        }
    }
}
