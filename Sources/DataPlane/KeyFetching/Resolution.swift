import Dispatch
import GatewayCore
import NIOCore
import Synchronization

/// Finds the addresses of names for those who can wait, but not for ever.
enum Resolution {
    // The system's resolver waits for as long as it likes, so it has threads of its own, and not many: those that a
    // dead name server holds are nobody else's.
    private static let queue = DispatchQueue(label: "portcullis.key-names", attributes: .concurrent)
    private static let places = Mutex(LookUpPlaces())

    private typealias Found = Result<[IPAddress], KeySetFailure>

    /// All addresses of a URL's host.
    ///
    /// - Throws: ``KeySetFailure`` with the resolver's words, or when it takes longer than until the deadline.
    static func addresses(
        of url: KeyURL,
        _ deadline: NIODeadline,
        isFailing: Bool
    ) async throws(KeySetFailure) -> [IPAddress] {
        let (host, port) = (url.host, url.port)
        guard places.withLock({ $0.take(isFailing: isFailing) }) else {
            throw KeySetFailure(description: "too many names are being looked up", isOurs: true)
        }
        let found: Found = await withCheckedContinuation { continuation in
            let waiting = Waiting(continuation)
            queue.async {
                let found = lookUp(host, port)
                places.withLock { $0.giveBack() }
                waiting.resume(found)
            }
            let left = DispatchTimeInterval.nanoseconds(Int(max(0, (deadline - .now()).nanoseconds)))
            DispatchQueue.global().asyncAfter(deadline: .now() + left) {
                waiting.resume(
                    .failure(KeySetFailure(description: "\(host): no answer from the name servers"))
                )
            }
        }
        return try found.get()
    }

    private static func lookUp(_ host: String, _ port: Int) -> Found {
        do throws(ResolutionError) {
            return .success(try SocketAddress.resolve(host, port).map(\.address))
        } catch {
            return .failure(KeySetFailure(description: "\(error)"))
        }
    }

    /// Whoever waits, until the first answer.
    private final class Waiting: Sendable {
        private let continuation: Mutex<CheckedContinuation<Found, Never>?>

        init(_ continuation: CheckedContinuation<Found, Never>) {
            self.continuation = Mutex(continuation)
        }

        func resume(_ found: Found) {
            let waiting = continuation.withLock { waiting in
                defer { waiting = nil }
                return waiting
            }
            waiting?.resume(returning: found)
        }
    }
}

/// How many names are being looked up at once.
///
/// A name whose servers are silent holds a place for as long as the system's resolver likes, so those that have failed
/// before have half of them.
package struct LookUpPlaces: Sendable {
    private static let count = 16
    private var taken = 0

    /// Begins with all of them free.
    package init() {}

    /// Whether there is a place.
    package mutating func take(isFailing: Bool) -> Bool {
        guard taken < (isFailing ? Self.count / 2 : Self.count) else { return false }
        taken += 1
        return true
    }

    /// A look-up is over.
    package mutating func giveBack() {
        taken -= 1
    }
}
