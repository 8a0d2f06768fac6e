import Dispatch

/// Finds the addresses of upstreams' names for one event loop, without holding it up.
///
/// Safe because it is used on its reactor's thread alone.
final class NameResolver: @unchecked Sendable {
    typealias Answer = (Result<[SocketAddress], ResolutionError>) -> Void

    private let reactor: Reactor
    private var waiting: [Name: [Answer]] = [:]

    private struct Name: Hashable, Sendable {
        let host: String
        let port: Int
    }

    // The system's resolver waits, so it has threads of its own.
    private static let queue = DispatchQueue(label: "portcullis.resolver", attributes: .concurrent)

    init(_ reactor: Reactor) {
        self.reactor = reactor
    }

    /// Finds the addresses; those who ask for the same name meanwhile get the same answer.
    func resolve(_ host: String, _ port: Int, _ answer: @escaping Answer) {
        // An address needs nobody to be asked.
        if let addresses = try? SocketAddress.resolve(host, port, isNumeric: true) {
            return answer(.success(addresses))
        }
        let name = Name(host: host, port: port)
        waiting[name, default: []].append(answer)
        guard waiting[name]?.count == 1 else { return }
        Self.queue.async {
            let found = Result { () throws(ResolutionError) in try SocketAddress.resolve(host, port) }
            self.reactor.execute { self.resolved(name, found) }
        }
    }

    private func resolved(_ name: Name, _ found: Result<[SocketAddress], ResolutionError>) {
        for answer in waiting.removeValue(forKey: name) ?? [] { answer(found) }
    }
}
