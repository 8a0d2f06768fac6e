import DataPlane
import GatewayCore
import Logging

/// The keys of identity providers while a gateway runs.
struct ProviderKeys: Sendable {
    /// Where they are kept and fetched.
    let service: KeySetService
    /// Which addresses they may be fetched from.
    let rule: KeyAddressRule
    private let fetching: Task<Void, Never>

    /// Begins with what the store kept, and to fetch.
    static func start(
        _ options: ServeOptions,
        _ source: CatalogSource,
        _ snapshot: Snapshot,
        _ logger: Logger
    ) async throws -> ProviderKeys {
        let rule = KeyAddressRule(allowing: options.keyFetchAllowed)
        let fetcher: KeySetFetcher
        do {
            fetcher = try KeySetFetcher(rule, roots: options.keyFetchRoots)
        } catch {
            throw CommandFailure.trouble("--key-fetch-ca: \(error)")
        }
        var limits = KeySetService.Limits()
        limits.staleSeconds = Int64(options.staleKeysSeconds)
        let store: (any KeySetStore)? =
            switch source {
            case .file: nil
            case .store(let store, _): store
            }
        let service = KeySetService(
            store: store,
            limits: limits,
            now: { .systemNow },
            logger: logger
        ) { source, isFailing in
            do throws(KeySetFailure) {
                return .success(try await fetcher.fetch(source, isFailing: isFailing))
            } catch {
                return .failure(error)
            }
        }
        await service.restore()
        service.use(snapshot.keySetSources.keys)
        return ProviderKeys(service: service, rule: rule, fetching: Task { await service.run() })
    }

    /// Another snapshot is in force.
    func use(_ snapshot: Snapshot) {
        service.use(snapshot.keySetSources.keys)
    }

    /// Fetches no more.
    func stop() {
        fetching.cancel()
    }
}
