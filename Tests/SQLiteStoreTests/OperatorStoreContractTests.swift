import PortcullisTestSupport
import SQLiteStore
import Testing

@Suite struct OperatorStoreContractTests {
    @Test(arguments: OperatorStoreContract.Promise.allCases)
    func `the embedded store keeps its promises about operators`(
        _ promise: OperatorStoreContract.Promise
    ) async throws {
        let temporary = TemporaryStore()
        try await OperatorStoreContract { try temporary.open() }.check(promise)
    }
}
