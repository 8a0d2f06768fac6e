import GatewayCore
import PortcullisTestSupport
import Testing

@Suite struct MemoryOperatorStoreTests {
    @Test(arguments: OperatorStoreContract.Promise.allCases)
    func `the store in memory keeps its promises about operators`(
        _ promise: OperatorStoreContract.Promise
    ) async throws {
        try await OperatorStoreContract { MemoryOperatorStore() }.check(promise)
    }
}
