import PortcullisTestSupport
import SQLiteStore
import Testing

@Suite struct CatalogStoreContractTests {
    @Test(arguments: CatalogStoreContract.Promise.allCases)
    func `the embedded store keeps its promises`(_ promise: CatalogStoreContract.Promise) async throws {
        let temporary = TemporaryStore()
        try await CatalogStoreContract { try temporary.open() }.check(promise)
    }
}
