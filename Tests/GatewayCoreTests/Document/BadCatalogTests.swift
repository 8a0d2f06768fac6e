import GatewayCore
import Testing

/// Each document breaks one rule; the first line of the table's message is the path and what is said of it.
struct BadCatalogTests {
    @Test(arguments: [
        ("[]", ": expected an object, found a list"),
        (#"{"cleints": []}"#, "cleints: unknown field, did you mean \"clients\"?"),
        (#"{"clients": [5]}"#, "clients[0]: expected an object, found a number"),
        (#"{"clients": [{}]}"#, "clients[0].name: the field is missing, expected a text"),
        (#"{"clients": [{"name": ""}]}"#, "clients[0].name: length is 0 characters, expected 1 to 200"),
        (#"{"clients": [{"name": "a"}, {"name": "a"}]}"#, "clients[1].name: \"a\" is there twice"),
        (#"{"clients": [{"name": "a", "id": "x"}]}"#, "clients[0].id: the field cannot be set or changed"),
        (
            #"{"clients": [{"name": "a", "contact_email": "x"}]}"#,
            "clients[0].contact_email: contact e-mail is \"x\", expected name@host"
        ),
        (
            #"{"settings": {"leeway_seconds": 301}}"#,
            "settings.leeway_seconds: value is 301 seconds, expected 0 to 300"
        ),
        (
            #"{"settings": {"identity_claims": "okta"}}"#,
            "settings.identity_claims: preset is \"okta\", expected \"workato\" or a list of names"
        ),
        (
            #"{"upstreams": [{"name": "u", "targets": [{"url": "ftp://x"}]}]}"#,
            "upstreams[0].targets[0].url: target URL is \"ftp://x\", expected http://host[:port][/prefix]"
        ),
        (#"{"upstreams": [{"name": "u"}]}"#, "upstreams[0].targets: there are 0 targets, expected 1 to 64"),
        (
            #"{"collections": [{"name": "c", "handle": "a/b"}]}"#,
            "collections[0].handle: handle is \"a/b\", expected 1 to 100 letters"
        ),
        (
            #"{"collections": [{"name": "c", "handle": "c", "endpoints": [{"name": "e", "path": "/", "upstream": "u"}]}]}"#,
            "collections[0].endpoints[0].upstream: there is no upstream named \"u\""
        ),
    ])
    func `a document that breaks a rule is refused with the field and both sides`(
        json: String,
        expected: String
    ) {
        expect(json, expected)
    }

    @Test(arguments: [
        (#""path": "call""#, "path: path is \"call\", expected a path that begins with /"),
        (#""path": "/a/{x}/{x}""#, "path: path \"/a/{x}/{x}\" has parameter {x}, expected a name"),
        (#""path": "/", "methods": []"#, "methods: no method is given, expected at least one"),
        (#""path": "/", "methods": ["get"]"#, "methods: method is \"get\", expected upper-case letters"),
        (#""path": "/", "timeout_seconds": 241"#, "timeout_seconds: value is 241 seconds, expected 1 to 240"),
        (#""path": "/", "upstream_path": "/{id}""#, "upstream_path: parameter {id} is not in the path \"/\""),
        (
            #""path": "/", "authentication": "some""#,
            "authentication: value is \"some\", expected \"required\", \"none\""
        ),
        (#""path": "/", "max_body_bytes": -1"#, "max_body_bytes: limit is -1 bytes, expected 0 or more"),
        (#""upstream_path": "/""#, "path: the field is missing, expected a text"),
    ])
    func `an endpoint that breaks a rule is refused`(fields: String, expected: String) {
        expect(
            #"{"upstreams": [{"name": "u", "targets": ["http://x"]}], "collections": [{"name": "c", "handle": "c","#
                + #""endpoints": [{"name": "e", "upstream": "u", \#(fields)}]}]}"#,
            "collections[0].endpoints[0].\(expected)"
        )
    }

    @Test(arguments: [
        (#""method": "ldap""#, "method: value is \"ldap\", expected \"jwt\""),
        (#""collections": ["nope"]"#, "collections[0]: there is no collection with the handle \"nope\""),
        (#""ip_allow": ["192.0.2.1/24"]"#, "ip_allow[0]: \"192.0.2.1/24\" has bits set behind its prefix"),
        (
            #""ip_deny": ["host"]"#,
            "ip_deny[0]: address is \"host\", expected an IPv4 or IPv6 address or CIDR block"
        ),
        (#""max_lifetime_seconds": 0"#, "max_lifetime_seconds: value is 0 seconds, expected 1 to"),
        (#""keys": [{"name": "k"}]"#, "keys[0].secret: the key has no material; give secret or public_key"),
        (
            #""keys": [{"name": "k", "fingerprint": "HMAC:0"}]"#,
            "keys[0].secret: fingerprint is \"HMAC:0\" and the profile has no key of this name; give secret"
        ),
        (#""keys": [{"name": "k", "secret": "short"}]"#, "keys[0].secret: the secret "),
        (#""keys": [{"name": "k", "public_key": "rubbish"}]"#, "keys[0].public_key: "),
        (
            #""keys": [{"name": "k", "secret": "\#(CatalogFixture.secret)", "public_key": "x"}]"#,
            "keys[0].secret: there is a public_key too, expected one of the two"
        ),
        (
            #""keys": [{"name": "k", "secret": "\#(CatalogFixture.secret)", "algorithms": ["RS256"]}]"#,
            "keys[0].algorithms: algorithm is RS256, this key can be used with HS256"
        ),
        (
            #""keys": [{"name": "k", "secret": "\#(CatalogFixture.secret)", "algorithms": ["none"]}]"#,
            "keys[0].algorithms[0]: algorithm is \"none\", expected one of HS256"
        ),
        (
            #""keys": [{"name": "k", "public_key": "\#(CatalogFixture.rsaLine)", "secret_is_base64": true}]"#,
            "keys[0].secret_is_base64: value is true, but the key is a public key and not a secret"
        ),
        (
            #""keys": [{"name": "k", "public_key": "\#(CatalogFixture.rsaLine)", "fingerprint": "SHA256:x"}]"#,
            "keys[0].fingerprint: fingerprint is \"SHA256:x\", the given key has SHA256:"
        ),
        (
            #""api_tokens": [{"name": "t"}]"#,
            "api_tokens[0].token: the API token is missing; give token or sha256"
        ),
        (
            #""api_tokens": [{"name": "t", "token": "abc"}]"#,
            "api_tokens[0].token: it has 3 characters, expected 64 lower-case hexadecimal digits"
        ),
        (
            #""api_tokens": [{"name": "t", "token": "\#(CatalogFixture.token.uppercased())"}]"#,
            "api_tokens[0].token: it has other characters among its 64"
        ),
        (
            #""api_tokens": [{"name": "t", "token": "\#(CatalogFixture.token)"}, {"name": "u", "token": "\#(CatalogFixture.token)"}]"#,
            "api_tokens[1]: it is there twice"
        ),
    ])
    func `a profile that breaks a rule is refused, and no message shows a secret`(
        fields: String,
        expected: String
    ) {
        let message = expect(
            #"{"clients": [{"name": "C", "profiles": [{"name": "p", \#(fields)}]}]}"#,
            "clients[0].profiles[0].\(expected)"
        )
        #expect(!message.contains(CatalogFixture.secret))
        #expect(!message.contains(CatalogFixture.token))
        #expect(!message.contains("short"))
    }

    @Test(
        arguments: [
            (publicKey.dropLast() + #","p":"SECRET"}"#, "the key set has the member p"),
            (#"{"keys":[\#(publicKey),{"kty":"RSA","d":"SECRET"}]}"#, "key 2 has the member d"),
        ] as [(String, String)]
    )
    func `a public key with anything secret beside it is refused, and not shown`(
        key: String,
        expected: String
    ) {
        let escaped = key.replacing("\"", with: "\\\"")
        let message = expect(
            #"{"clients": [{"name": "C", "profiles": [{"name": "p", "keys": [{"name": "k", "public_key": "\#(escaped)"}]}]}]}"#,
            "clients[0].profiles[0].keys[0].public_key: \(expected)"
        )
        #expect(!message.contains("SECRET"))
    }

    private static let publicKey =
        #"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","#
        + #""y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#

    @Test(
        arguments: [
            (#"{"kty":"EC","d":"SECRET"}"#, "key 2 has the member d"),
            (#"{"kty":"oct","use":"enc"}"#, "key 2 has kty oct"),
            (#"{"kty":"oct","k":"SECRET"}"#, "key 2 has the member k"),
            (#"{"kty":"RSA","n":"AQAB","e":"AQAB","qi":"SECRET"}"#, "key 2 has the member qi"),
            (#"{"kty":"new","\u0064":{"x":"SECRET"}}"#, "key 2 has the member d"),
            (publicKey.dropLast() + #","oth":["SECRET"]}"#, "key 2 has the member oth"),
        ] as [(String, String)]
    )
    func `a key set in place with anything secret is refused, and not shown`(
        key: String,
        expected: String
    ) {
        // Behind those that are used too.
        for count in [1, 100] {
            let keys = Array(repeating: Self.publicKey, count: count).joined(separator: ",")
            let message = expect(
                #"{"clients": [{"name": "C", "profiles": [{"name": "p", "method": "oidc", "identity_provider":"#
                    + #"{"issuer": "https://id.example", "jwks": {"keys": [\#(keys),\#(key)]}}}]}]}"#,
                "clients[0].profiles[0].identity_provider.jwks: "
                    + expected.replacing("key 2", with: "key \(count + 1)")
            )
            #expect(message.contains("give public keys alone") && !message.contains("SECRET"))
        }
    }

    @Test(arguments: [
        ("-----BEGIN PRIVATE KEY-----", "PRIVATE KEY"), ("-----BEGIN RSA PRIVATE KEY-----", "PRIVATE KEY"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "ENCRYPTED PRIVATE KEY"),
        ("----BEGIN OPENSSH PRIVATE KEY---", "PRIVATE KEY"),
        ("PuTTY-User-Key-File-3: ssh-rsa", "PuTTY-User-Key-File"),
    ])
    func `a private key beside the roots is refused, and not shown`(line: String, found: String) {
        let message = expect(
            #"{"clients": [{"name": "C", "profiles": [{"name": "p", "client_certificate":"#
                + #"{"roots": "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n\#(line)\nSECRET\n"}}]}]}"#,
            "clients[0].profiles[0].client_certificate.roots: found a private key (\(found))"
        )
        #expect(!message.contains("SECRET"))
    }

    @Test func `a key from an export must fit the key of that name`() throws {
        let catalog = try CatalogFixture.catalog()
        let other =
            #"{"clients": [{"name": "Acme", "profiles": [{"name": "hmac", "keys": [{"name": "shared", "fingerprint": "HMAC:000000000000"}]}]}]}"#
        let error = #expect(throws: DocumentError.self) { try CatalogFixture.plan(other, on: catalog) }
        #expect(error?.field == "clients[0].profiles[0].keys[0].fingerprint")
        #expect(error?.message.contains("and this key is HMAC:") == true)
    }

    @Test func `a fault of the whole is shown at the line that it comes from`() {
        let text = """
            {"clients": [
              {"name": "a",
               "profiles": [{"name": "p",
                 "leeway_seconds": 1000}]}]}
            """
        let error = #expect(throws: DocumentError.self) { try CatalogFixture.plan(text) }
        #expect(error?.position == SourcePosition(line: 4, column: 24))
    }

    @discardableResult
    private func expect(_ json: String, _ expected: String) -> String {
        let error = #expect(throws: DocumentError.self) { try CatalogFixture.plan(json) }
        let text = error.map { "\($0.field): \($0.message)" } ?? ""
        #expect(text.hasPrefix(expected), "\(text)")
        #expect(error?.position != nil)
        return text
    }
}
