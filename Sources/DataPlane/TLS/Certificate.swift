import CTLS
package import GatewayCore
import Synchronization

/// An X.509 certificate, perhaps with what else its owner sent.
///
/// Safe because OpenSSL's certificate is only read, and what is found out is kept behind a lock.
final class Certificate: PresentedCertificate, @unchecked Sendable {
    private let certificate: OpaquePointer
    private let verdicts = Mutex(CertificateVerdicts())

    /// Takes the certificate over.
    init(_ certificate: OpaquePointer) {
        self.certificate = certificate
        var digest = [UInt8](repeating: 0, count: 32)
        ctls_certificate_thumbprint(certificate, &digest)
        thumbprint = digest
        var text = [CChar](repeating: 0, count: 4096)
        let length = ctls_certificate_subject(certificate, &text, text.count)
        subject = String(decoding: text.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        alternativeNames = Self.names(of: certificate)
        notBefore = Timestamp(secondsSinceEpoch: ctls_certificate_not_before(certificate))
        notAfter = Timestamp(secondsSinceEpoch: ctls_certificate_not_after(certificate))
    }

    deinit {
        ctls_certificate_free(certificate)
    }

    let thumbprint: [UInt8]
    let subject: String
    let alternativeNames: [String]
    let notBefore: Timestamp
    let notAfter: Timestamp

    func fault(_ roots: CertificateRoots, at now: Timestamp) -> String? {
        let known = verdicts.withLock { $0.verdict(of: roots, at: now) }
        // Up to the second where it matters most.
        if let known, known.fault != nil || (notBefore <= now && now < notAfter) { return known.fault }
        let fault = verify(roots, at: now)
        verdicts.withLock { $0.keep(fault, of: roots, at: now) }
        return fault
    }

    private func verify(_ roots: CertificateRoots, at now: Timestamp) -> String? {
        var error = [CChar](repeating: 0, count: 256)
        var pem = roots.pem
        let isTrusted = pem.withUTF8 { text in
            text.withMemoryRebound(to: CChar.self) { text in
                ctls_certificate_verify(
                    certificate,
                    text.baseAddress,
                    text.count,
                    now.secondsSinceEpoch,
                    &error,
                    error.count
                )
            }
        }
        return isTrusted == 1 ? nil : TLSContext.text(error)
    }

    private static func names(of certificate: OpaquePointer) -> [String] {
        let found = FoundNames()
        ctls_certificate_names(certificate, Unmanaged.passUnretained(found).toOpaque()) {
            owner,
            word,
            bytes,
            count in
            guard let owner, let word, let bytes else { return }
            let found = Unmanaged<FoundNames>.fromOpaque(owner).takeUnretainedValue()
            let kind = String(cString: word)
            let value = UnsafeBufferPointer(start: bytes, count: count)
            // As many as anybody has, and not as many as fit into a handshake.
            guard found.names.count < 100 else { return }
            let text = kind == "ip" ? Certificate.address(value) : String(validating: value, as: UTF8.self)
            if let text { found.names.append("\(kind):\(text)") }
        }
        return found.names
    }

    fileprivate static func address(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: return IPAddress(v4: UInt32(number(0..<4))).description
        case 16: return IPAddress(high: number(0..<8), low: number(8..<16)).description
        default: return nil
        }
    }
}

/// Alternative names as they are found.
private final class FoundNames {
    var names: [String] = []
}

/// What people should know of a certificate.
package struct CertificateSummary: Sendable {
    /// The subject in the form of RFC 2253.
    package let subject: String
    /// The subject alternative names, each with its kind.
    package let alternativeNames: [String]
    /// When it expires.
    package let notAfter: Timestamp

    init(_ certificate: Certificate) {
        subject = certificate.subject
        alternativeNames = certificate.alternativeNames
        notAfter = certificate.notAfter
    }

    /// The certificates of a PEM text, at most a hundred.
    package static func all(in pem: String) -> [CertificateSummary] {
        var found = [OpaquePointer?](repeating: nil, count: 100)
        var pem = pem
        let count = pem.withUTF8 { text in
            text.withMemoryRebound(to: CChar.self) { text in
                ctls_certificates_of(text.baseAddress, text.count, &found, found.count)
            }
        }
        return found.prefix(count).compactMap { $0 }.map { CertificateSummary(Certificate($0)) }
    }
}
