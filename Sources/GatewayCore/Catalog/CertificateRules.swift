/// Which client certificate the callers of a profile must present in TLS, besides their credential.
package struct CertificateRules: Sendable, Hashable {
    /// The longest PEM text of roots, in bytes.
    package static let maximumRootsBytes = 65_536
    /// The kinds of name that a rule over the subject alternative names can begin with (RFC 5280 §4.2.1.6).
    package static let nameKinds = ["dns", "email", "ip", "uri"]

    /// The PEM certificates of the roots that its chain must end in; at least one.
    package var roots: String
    /// The subjects of which it must have one, in the form of RFC 4514: `CN=orders,O=Acme`; empty for any.
    package var subjects: [String] = []
    /// The subject alternative names of which it must have one: `dns:orders.acme.example`,
    /// `uri:spiffe://acme/orders`, `email:…`, `ip:…`; empty for any.
    package var alternativeNames: [String] = []

    /// Makes rules that any certificate of these roots fulfils.
    package init(roots: String) {
        self.roots = roots
    }
}
