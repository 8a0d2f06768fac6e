import GatewayCore
import Testing

@testable import ControlPlane

@Suite struct BoundedWorkTests {
    @Test func `keys are made for managers, a few at a time`() async throws {
        let house = AdminHouse()
        let operation = try #require(house.api.operations.first { $0.name == "generateKey" })
        #expect(operation.access == .role(.manager))
        let statuses = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<60 {
                group.addTask {
                    await house.call("POST", "/api/v1/keys/generate", #"{"kind":"rsa","bits":2048}"#).status
                }
            }
            return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(Set(statuses.keys) == [200, 429])
        #expect((statuses[200] ?? 0) >= 16)
    }

    @Test func `two tables are made at once, and a third waits to be asked for again`() async throws {
        let limit = WorkLimit.forExports()
        let answer = AdminAnswer(withoutBody: 204)
        let (started, reportStart) = AsyncStream<Void>.makeStream()
        let gates = (0..<limit.width).map { _ in AsyncStream<Void>.makeStream() }
        try await withThrowingTaskGroup(of: Int.self) { group in
            for gate in gates {
                group.addTask {
                    try await limit.perform {
                        reportStart.yield()
                        for await _ in gate.stream { break }
                        return answer
                    }.status
                }
            }
            var starts = started.makeAsyncIterator()
            for _ in gates { _ = await starts.next() }
            #expect(try await problemCode { _ = try await limit.perform { answer } } == .tooManyAttempts)
            for gate in gates { gate.continuation.yield() }
            for try await status in group { #expect(status == 204) }
        }
        #expect(try await limit.perform { answer }.status == 204)
    }
}
