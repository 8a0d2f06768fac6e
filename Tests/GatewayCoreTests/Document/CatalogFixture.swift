import GatewayCore
import JOSE

/// What the tests of documents share.
enum CatalogFixture {
    static let now = Timestamp(secondsSinceEpoch: 1_795_478_400)
    static let secret = "Zk3mT1vQ8s7uXo2aPq9LrE5yWc4HbN6dJf0GiKtVxYM="
    static let otherSecret = "9hR2cVb7NwQe1LzXk5TyUa8MsPd3GfJo6CiBmKlHt0E="
    static let token = "d4aee74e131926682043395edecaf377765fae48e56e232cb295af475b314545"
    static let otherToken = "0011223344556677889900aabbccddeeff0123456789abcdef0123456789abcd"
    static let rsaLine =
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDSNndxi1mUD0kOUdG3GyzqzrSO3qWm45dT5T+oGYXSm6xcl7s8c2"
        + "R/mIfC5mCqbzEoeJEV8JRGqlO5B47o0f+cHddJ/9VY3ZDtjda84u89g29KSUf/4WMPmkuNfValgObGQwLv+EbcjKVA"
        + "hjdANBxDY1O5/mz76JVKy99qpc8SQm5xqNbAKUiBCHTPUuqOqQ9YrM2/rxFUGWEIn0trjT7E2qUyl4EBN1gtchqvp6"
        + "NuZaJV4cK8UDslj03IRnEX+2/6yP8SuZChUy33TzDbTbeXc4yBflURLQ5RTIMzcLWQshn+hRzxdlNr0qgtlHKw7iGH"
        + "czQXnirdeebS6F/VVZY7 jdoe@laptop"
    static let rsaPEM =
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0jZ3cYtZlA9JDlHRtx"
        + "ss\n6s60jt6lpuOXU+U/qBmF0pusXJe7PHNkf5iHwuZgqm8xKHiRFfCURqpTuQeO6NH/\nnB3XSf/VWN2Q7Y3WvOLv"
        + "PYNvSklH/+FjD5pLjX1WpYDmxkMC7/hG3IylQIY3QDQc\nQ2NTuf5s++iVSsvfaqXPEkJucajWwClIgQh0z1LqjqkP"
        + "WKzNv68RVBlhCJ9La40+\nxNqlMpeBATdYLXIar6ejbmWiVeHCvFA7JY9NyEZxF/tv+sj/ErmQoVMt908w2023\nl3"
        + "OMgX5VES0OUUyDM3C1kLIZ/oUc8XZTa9KoLZRysO4hh3M0F54q3Xnm0uhf1VWW\nOwIDAQAB\n-----END PUBLIC "
        + "KEY-----"
    static let ed25519Line =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBG6UVCy4Ul1duXmvkOI8F4sg+acZQgkd/jDsySOBgaP other"

    /// A whole catalog: two clients, one collection with two endpoints, both kinds of key.
    static var catalogJSON: String {
        """
        {
          "settings": { "require_exp": true },
          "upstreams": [{ "name": "orders", "targets": [{ "url": "http://127.0.0.1:9000" }] }],
          "collections": [{
            "name": "API", "handle": "api-v1", "version": "1",
            "endpoints": [
              { "name": "call", "methods": ["GET", "POST"], "path": "/call", "upstream": "orders" },
              { "name": "order", "path": "/orders/{id}", "upstream": "orders", "upstream_path": "/v2/orders/{id}" }
            ]
          }],
          "clients": [
            { "name": "Acme", "profiles": [
              { "name": "rsa", "collections": ["api-v1"],
                "keys": [{ "name": "laptop", "public_key": "\(rsaLine)" }],
                "api_tokens": [{ "name": "default", "token": "\(token)", "expires_at": "2027-01-01T00:00:00Z" }] },
              { "name": "hmac", "collections": ["api-v1"], "ip_allow": ["192.0.2.0/24"], "leeway_seconds": 5,
                "keys": [{ "name": "shared", "secret": "\(secret)", "algorithms": ["HS256"] }],
                "api_tokens": [{ "name": "default", "token": "\(otherToken)" }] }
            ] },
            { "name": "Zenith", "active": false }
          ]
        }
        """
    }

    static func document(_ json: String) throws(DocumentError) -> DocumentNode {
        try DocumentNode(json: Array(json.utf8), hasPositions: true)
    }

    static func context() -> DocumentContext {
        DocumentContext(now: now)
    }

    static func plan(
        _ json: String,
        on catalog: Catalog = Catalog(),
        prune: Bool = false
    ) throws(DocumentError) -> CatalogPlan {
        try CatalogPlan.make(document: document(json), catalog: catalog, prune: prune, context: context())
    }

    static func catalog() throws(DocumentError) -> Catalog {
        try plan(catalogJSON).result.finished()
    }
}
