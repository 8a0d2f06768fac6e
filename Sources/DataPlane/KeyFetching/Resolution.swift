import Dispatch
import GatewayCore
import NIOCore
import Synchronization

/// Finds the addresses of names for those who can wait, but not for ever.
enum Resolution {
    // The system's resolver waits for as long as it likes, so it has threads of its own, and not many: those that a
    // dead name server holds are nobody else's.
    private static let queue = DispatchQueue(label: "portcullis.key-names", attributes: .concurrent)
    private static let maximumLookUps = 16
    private static let underWay = Mutex(0)

    private typealias Found = Result<[IPAddress], KeySetFailure>

    /// All addresses of a URL's host.
    ///
    /// - Throws: ``KeySetFailure`` with the resolver's words, or when it takes longer than until the deadline.
    static func addresses(of url: KeyURL, _ deadline: NIODeadline) async throws(KeySetFailure) -> [IPAddress]
    {
        let (host, port) = (url.host, url.port)
        let isFree = underWay.withLock { count in
            guard count < maximumLookUps else { return false }
            count += 1
            return true
        }
        guard isFree else { throw KeySetFailure(description: "too many names are being looked up") }
        let found: Found = await withCheckedContinuation { continuation in
            let waiting = Waiting(continuation)
            queue.async {
                let found = lookUp(host, port)
                underWay.withLock { $0 -= 1 }
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
