import CTLS
import Glibc
import Synchronization

/// A certificate chain with its key, as connections are begun with; never changes.
///
/// Safe because OpenSSL counts who holds the context, and sessions only read it.
final class TLSContext: @unchecked Sendable {
    fileprivate let context: OpaquePointer

    /// Reads the files.
    ///
    /// - Throws: ``TLSFault`` that names the file and the reason.
    init(chain: String, key: String) throws(TLSFault) {
        var error = [CChar](repeating: 0, count: 1024)
        guard let made = ctls_context_new(chain, key, &error, error.count) else {
            throw TLSFault(description: Self.text(error))
        }
        context = made
    }

    deinit {
        ctls_context_free(context)
    }

    /// The listener's own certificate.
    var certificate: Certificate? { ctls_context_certificate(context).map(Certificate.init) }

    static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Why TLS cannot be spoken; lower case, no full stop.
package struct TLSFault: Error, CustomStringConvertible {
    package let description: String
}

/// One connection's TLS over memory buffers: takes and gives bytes, knows no descriptor.
final class TLSSession {
    /// What reading or writing came to.
    enum Outcome {
        /// So many bytes were given or taken.
        case bytes(Int)
        /// Nothing goes on before more has been received.
        case needsMore
        /// The peer said that it sends no more.
        case ended
        /// What came is no TLS, or not as agreed.
        case broken
    }

    private let session: OpaquePointer
    /// Whether the client is asked for a certificate.
    let asksForCertificate: Bool

    /// Begins a server's side; `nil` when there is no memory.
    ///
    /// - Parameters:
    ///   - context: the certificate.
    ///   - asks: whether the client is asked for a certificate, which it need not give.
    init?(_ context: TLSContext, asksForCertificate asks: Bool) {
        guard let made = ctls_session_new(context.context, asks ? 1 : 0) else { return nil }
        session = made
        asksForCertificate = asks
    }

    deinit {
        ctls_session_free(session)
    }

    /// Whether the handshake is over.
    var isEstablished: Bool { ctls_is_established(session) != 0 }

    /// Takes what was received; false when there is no memory for it.
    func feed(_ bytes: UnsafeRawBufferPointer) -> Bool {
        ctls_feed(session, bytes.baseAddress, bytes.count) == bytes.count
    }

    /// Gives plain bytes, going on with the handshake first.
    func read(into target: UnsafeMutableRawBufferPointer) -> Outcome {
        outcome(ctls_read(session, target.baseAddress, Int32(clamping: target.count)))
    }

    /// Takes plain bytes.
    func write(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        outcome(ctls_write(session, bytes.baseAddress, Int32(clamping: bytes.count)))
    }

    private func outcome(_ result: Int32) -> Outcome {
        switch result {
        case 1...: .bytes(Int(result))
        case CTLS_NEEDS_MORE: .needsMore
        case CTLS_ENDED: .ended
        default: .broken
        }
    }

    /// Tells the peer that nothing more comes.
    func finish() {
        ctls_finish(session)
    }

    /// Moves what is to be sent.
    func takeOutput(into buffer: inout OutputBuffer) {
        var start: UnsafePointer<CChar>?
        let count = ctls_output(session, &start)
        guard count > 0, let start else { return }
        buffer.append(UnsafeRawBufferPointer(start: start, count: count))
        ctls_output_sent(session)
    }

    /// The certificate that the client proved to have; looked for once, when it is first asked for, and so not before
    /// the handshake is over.
    private(set) lazy var peerCertificate = ctls_peer_certificate(session).map(Certificate.init)
}

/// The certificate that new connections are begun with, which can be replaced while others go on.
package final class TLSContextSource: Sendable {
    private let latest: Mutex<TLSContext>
    private let chain: String
    private let key: String
    /// Whether every client is asked for a certificate, and not only when a profile demands one.
    let alwaysAsks: Bool

    /// Reads the files.
    ///
    /// - Throws: ``TLSFault`` that names the file and the reason.
    package init(chain: String, key: String, alwaysAsks: Bool) throws(TLSFault) {
        latest = Mutex(try TLSContext(chain: chain, key: key))
        self.chain = chain
        self.key = key
        self.alwaysAsks = alwaysAsks
    }

    var current: TLSContext { latest.withLock { $0 } }

    /// Reads the files again; those who connect from now on get what is in them.
    ///
    /// - Throws: ``TLSFault``, and the old certificate stays.
    package func reload() throws(TLSFault) {
        let fresh = try TLSContext(chain: chain, key: key)
        latest.withLock { $0 = fresh }
    }

    /// When its files were changed last.
    package var stamp: [Int64] { Self.stamp(chain, key) }

    /// When files were changed last, as far as can be told, in a form to be compared.
    package static func stamp(_ files: String...) -> [Int64] {
        files.flatMap { path -> [Int64] in
            var status = stat()
            guard stat(path, &status) == 0 else { return [0] }
            return [
                Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec), Int64(status.st_size),
                Int64(bitPattern: UInt64(status.st_ino)),
            ]
        }
    }

    /// What people should know of the certificate.
    package var certificate: CertificateSummary? { current.certificate.map { CertificateSummary($0) } }
}
