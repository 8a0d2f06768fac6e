import DataPlane
import GatewayCore
import Logging
import Synchronization
import Testing

@Suite struct `The keys of an identity provider` {
    private let provider = ScriptedProvider()
    private let clock = MovedClock()
    private let store = ListedStore()
    private let service: KeySetService
    private let source: KeySetSource

    init() throws {
        let (provider, clock) = (provider, clock)
        var limits = KeySetService.Limits()
        limits.staleSeconds = 3600
        service = KeySetService(
            store: store,
            limits: limits,
            now: { clock.time },
            clock: { clock.milliseconds },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { source, _ in await provider.fetch(source) }
        source = try Self.source("a")
    }

    private static func source(_ name: String) throws -> KeySetSource {
        let url = try KeyURL("https://\(name).example/jwks")
        return try #require(KeySetSource(IdentityProvider(issuer: name, keys: .keySet(url))))
    }

    private func has(_ keyID: String) -> Bool {
        service.keySets.current[source]?.has(Array(keyID.utf8)) ?? false
    }

    @Test func `are believed while it is down for ten minutes, and are new once it is back`() async throws {
        service.use([source])
        await service.fetchDue()
        provider.answer(nil)
        // The set is good for ten minutes, and the provider does not come back for ten more.
        while clock.milliseconds < 1_200_000 {
            clock.advance(500)
            await service.fetchDue()
            try #require(service.status(of: source)?.keySet?.has(Array("old".utf8)) == true)
        }
        let status = try #require(service.status(of: source))
        #expect(status.failures > 0 && status.lastError == "it is down")
        #expect(try #require(status.keySet).freshUntil < clock.time)
        #expect((10...35).contains(provider.fetches), "\(provider.fetches)")
        provider.answer("new")
        let key = NeededKey(source: source, keyID: Array("new".utf8))
        await withCheckedContinuation { continuation in
            let place = service.need(key) { continuation.resume() }
            #expect(place != nil)
            // Within a second of the token that names the new key.
            Task {
                for _ in 0..<10 {
                    clock.advance(100)
                    await service.fetchDue()
                }
            }
        }
        #expect(has("new") && !has("old"))
        #expect(service.status(of: source)?.failures == 0)
    }

    @Test func `are no longer believed when it is down for too long`() async throws {
        service.use([source])
        await service.fetchDue()
        provider.answer(nil)
        clock.advance((600 + 3599) * 1000)
        await service.fetchDue()
        #expect(service.status(of: source)?.keySet != nil)
        clock.advance(1000)
        #expect(service.status(of: source)?.keySet == nil)
    }

    @Test func `are waited for by those alone who still want them`() async {
        service.use([source])
        await service.fetchDue()
        clock.advance(100)
        let key = NeededKey(source: source, keyID: Array("new".utf8))
        let places = (0..<10).compactMap { _ in service.need(key) { Issue.record("it was given up") } }
        #expect(places.count == 10 && service.waiterCount == 10)
        for place in places + places { service.leave(place) }
        #expect(service.waiterCount == 0)
        clock.advance(1000)
        await service.fetchDue()
        #expect(provider.fetches == 2)
    }

    @Test func `are kept as long as somebody wants them`() async throws {
        let other = try Self.source("b")
        service.use([source, other])
        await service.fetchDue()
        for _ in 0..<5 {
            clock.advance(600_000)
            await service.fetchDue()
        }
        service.use([source])
        var changes = 0
        for await kept in store.forgettings {
            changes += 1
            if kept == [source.text] { break }
        }
        #expect(changes <= 2, "when the sources change, and not at every fetch")
        // What is forgotten there is forgotten here too.
        service.use([source, other])
        #expect(service.keySets.current[other] == nil)
    }

    @Test func `are not brought back by a fetch for a source that is gone`() async {
        service.use([source])
        await withTaskGroup { group in
            provider.hold()
            group.addTask { await service.fetchDue() }
            await provider.untilHeld()
            service.use([])
            service.use([source])
            provider.release()
        }
        #expect(service.keySets.current[source] == nil)
        await service.fetchDue()
        #expect(has("old"))
    }

    @Test func `are fetched a moment later when too many names are being looked up`() async throws {
        service.use([source])
        provider.answer(nil, isOurs: true)
        await service.fetchDue()
        #expect(service.status(of: source)?.failures == 0)
        #expect(service.status(of: source)?.lastError == "it is down")
        provider.answer("new")
        clock.advance(500)
        await service.fetchDue()
        #expect(has("new"))
    }

    @Test func `cost those that fail no more than half of the look-ups`() {
        var places = LookUpPlaces()
        func take(isFailing: Bool) -> Bool { places.take(isFailing: isFailing) }
        let failing = (0..<16).count { _ in take(isFailing: true) }
        let others = (0..<16).count { _ in take(isFailing: false) }
        #expect(failing == 8 && others == 8)
        places.giveBack()
        let (hasFailing, hasOther) = (take(isFailing: true), take(isFailing: false))
        #expect(!hasFailing && hasOther)
    }
}

/// A provider that answers what it is told to.
private final class ScriptedProvider: Sendable {
    private struct State {
        var keyID: String? = "old"
        var isOurs = false
        var fetches = 0
        var isHolding = false
        var held: CheckedContinuation<Void, Never>?
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    var fetches: Int { state.withLock { $0.fetches } }

    /// It has this key alone, or is down.
    func answer(_ keyID: String?, isOurs: Bool = false) {
        state.withLock { ($0.keyID, $0.isOurs) = (keyID, isOurs) }
    }

    func hold() { state.withLock { $0.isHolding = true } }

    func untilHeld() async {
        await withCheckedContinuation { continuation in
            let isHeld = state.withLock { state in
                state.waiting = continuation
                return state.held != nil
            }
            if isHeld { state.withLock { $0.waiting.take() }?.resume() }
        }
    }

    func release() {
        state.withLock { state in
            state.isHolding = false
            return state.held.take()
        }?.resume()
    }

    func fetch(_ source: KeySetSource) async -> Result<FetchedKeySet, KeySetFailure> {
        if state.withLock({ $0.isHolding }) {
            await withCheckedContinuation { continuation in
                state.withLock { state in
                    state.held = continuation
                    return state.waiting.take()
                }?.resume()
            }
        }
        let (keyID, isOurs) = state.withLock { state in
            state.fetches += 1
            return (state.keyID, state.isOurs)
        }
        guard let keyID else { return .failure(KeySetFailure(description: "it is down", isOurs: isOurs)) }
        let key =
            #"{"kty":"EC","crv":"P-256","kid":"\#(keyID)","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","#
            + #""y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#
        return .success(FetchedKeySet(text: Array("{\"keys\":[\(key)]}".utf8), freshSeconds: 600))
    }
}

/// A clock that stands until it is moved.
private final class MovedClock: Sendable {
    private let passed = Mutex<Int64>(0)

    var milliseconds: Int64 { passed.withLock { $0 } }
    var time: Timestamp { Timestamp(secondsSinceEpoch: 1_800_000_000 + milliseconds / 1000) }

    func advance(_ more: Int64) { passed.withLock { $0 += more } }
}

/// A store that tells what is left after each forgetting.
private final class ListedStore: KeySetStore {
    private let kept = Mutex<[String: KeptKeySet]>([:])
    private let told: AsyncStream<[String]>.Continuation
    let forgettings: AsyncStream<[String]>

    init() {
        (forgettings, told) = AsyncStream.makeStream()
    }

    func keySets() async throws -> [String: KeptKeySet] { kept.withLock { $0 } }

    func keep(_ set: KeptKeySet, of source: String) async throws {
        kept.withLock { $0[source] = set }
    }

    func forgetKeySets(except sources: [String]) async throws {
        told.yield(
            kept.withLock { kept in
                kept = kept.filter { sources.contains($0.key) }
                return kept.keys.sorted()
            }
        )
    }
}
