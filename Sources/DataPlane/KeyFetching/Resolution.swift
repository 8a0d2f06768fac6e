import Dispatch
import GatewayCore

/// Finds the addresses of names for those who can wait.
enum Resolution {
    // The system's resolver waits, so it has threads of its own; a name that is never answered ends with the fetch.
    private static let queue = DispatchQueue(label: "portcullis.key-names", attributes: .concurrent)

    /// All addresses of a URL's host.
    ///
    /// - Throws: ``KeySetFailure`` with the resolver's words.
    static func addresses(of url: KeyURL) async throws(KeySetFailure) -> [IPAddress] {
        let (host, port) = (url.host, url.port)
        let found: Result<[IPAddress], ResolutionError> = await withCheckedContinuation { continuation in
            queue.async {
                continuation.resume(
                    returning: Result { () throws(ResolutionError) in
                        try SocketAddress.resolve(host, port).map(\.address)
                    }
                )
            }
        }
        do {
            return try found.get()
        } catch {
            throw KeySetFailure(description: "\(error)")
        }
    }
}
