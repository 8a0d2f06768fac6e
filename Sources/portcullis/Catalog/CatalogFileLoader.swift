import Foundation
import GatewayCore

/// Reads the catalog that `serve --catalog FILE` runs from.
enum CatalogFileLoader {
    /// Reads and checks the whole file; identities follow from the names, so that reading it again keeps
    /// them.
    ///
    /// - Throws: ``CatalogFileError`` with the place in the file, ``CommandFailure`` when it cannot be read.
    static func load(_ path: String) throws -> Catalog {
        let document = try YAMLCatalog.read(path)
        let now = Timestamp(secondsSinceEpoch: Int64(Date().timeIntervalSince1970.rounded(.down)))
        do throws(DocumentError) {
            let plan = try CatalogPlan.make(
                document: document,
                catalog: Catalog(),
                prune: false,
                context: DocumentContext(now: now, derivesIdentities: true)
            )
            return plan.result.finished()
        } catch {
            throw CatalogFileError(path: path, error)
        }
    }
}
