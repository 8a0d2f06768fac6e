import JOSE

/// The certificate that a caller proved to have in TLS; whether anybody trusts it is another question.
package protocol PresentedCertificate: AnyObject, Sendable {
    /// The SHA-256 digest of the certificate, 32 bytes (RFC 8705 §3.1).
    var thumbprint: [UInt8] { get }
    /// The subject in the form of RFC 2253, as `openssl x509 -nameopt RFC2253` prints it.
    var subject: String { get }
    /// The subject alternative names: `dns:…`, `uri:…`, `email:…`, `ip:…`.
    var alternativeNames: [String] { get }
    /// Why its chain does not end in one of these roots at this time; `nil` when it does.
    func fault(_ roots: CertificateRoots, at now: Timestamp) -> String?
}

/// The roots of one profile's client certificates; the same object as long as they are the same.
package final class CertificateRoots: Sendable {
    /// The certificates as PEM.
    package let pem: String

    init(pem: String) {
        self.pem = pem
    }
}

/// A profile's rules over client certificates, compiled for the request path.
final class CompiledCertificateRules: Sendable {
    let roots: CertificateRoots
    private let subjects: [String]
    private let alternativeNames: [String]

    init(_ rules: CertificateRules) {
        roots = CertificateRoots(pem: rules.roots)
        subjects = rules.subjects
        alternativeNames = rules.alternativeNames
    }

    /// The part of check 7 that concerns certificates.
    ///
    /// - Throws: ``Rejection`` of code `certificate_required`.
    func check(_ certificate: (any PresentedCertificate)?, at now: Timestamp) throws(Rejection) {
        guard let certificate else {
            throw Rejection(
                .certificateRequired,
                operatorDetail: "the caller presented no client certificate"
            )
        }
        let subject = certificate.subject
        if let fault = certificate.fault(roots, at: now) {
            throw Rejection(
                .certificateRequired,
                operatorDetail:
                    "the certificate of \(subject.prefix(200)) does not end in the profile's roots: \(fault)"
            )
        }
        guard subjects.isEmpty || subjects.contains(where: { $0.utf8.elementsEqual(subject.utf8) }) else {
            let expected = subjects.prefix(5).joined(separator: "; ")
            throw Rejection(
                .certificateRequired,
                operatorDetail:
                    "the certificate's subject is \(subject.prefix(200)), the profile accepts \(expected)"
            )
        }
        guard alternativeNames.isEmpty else {
            let found = certificate.alternativeNames
            let isNamed = alternativeNames.contains { name in
                found.contains { $0.utf8.elementsEqual(name.utf8) }
            }
            guard isNamed else {
                let (expected, names) = (alternativeNames.prefix(5), found.prefix(5))
                throw Rejection(
                    .certificateRequired,
                    operatorDetail:
                        "the certificate's names are \(names.joined(separator: ", ").prefix(400)), the"
                        + " profile accepts \(expected.joined(separator: ", "))"
                )
            }
            return
        }
    }
}

/// The certificate that a token is bound to (RFC 8705 §3).
struct CertificateBinding: Sendable {
    /// The thumbprint that `cnf` names; `nil` when what it says is none.
    private let thumbprint: [UInt8]?

    /// - Returns: `nil` when the token is not bound to a certificate.
    init?(_ claims: JSONDocument) {
        guard let element = claims.root[member: "cnf"]?[member: "x5t#S256"] else { return nil }
        guard let text = element.stringBytes, let bytes = try? Base64URL.decode(text.span), bytes.count == 32
        else {
            thumbprint = nil
            return
        }
        thumbprint = bytes
    }

    /// - Throws: ``Rejection`` of code `invalid_token` unless the caller has the certificate.
    func check(_ certificate: (any PresentedCertificate)?) throws(Rejection) {
        guard let thumbprint else {
            throw Rejection(
                .invalidToken,
                operatorDetail: "cnf.x5t#S256 is no SHA-256 thumbprint in Base64url"
            )
        }
        guard let certificate else {
            throw Rejection(
                .invalidToken,
                operatorDetail: "the token is bound to a certificate, the caller presented none"
            )
        }
        guard ConstantTime.equal(thumbprint, certificate.thumbprint) else {
            throw Rejection(
                .invalidToken,
                operatorDetail: "the token is bound to another certificate than the caller presented"
            )
        }
    }
}
