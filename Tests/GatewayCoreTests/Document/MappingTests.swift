import GatewayCore
import JOSE
import PortcullisTestSupport
import Testing

struct MappingTests {
    @Test func `a merge patch changes the fields that it names`() throws {
        let catalog = try CatalogFixture.catalog()
        var client = try #require(catalog.client(named: "Acme"))
        client.description = "old"
        client.contactEmail = "a@b"
        var patch = try DocumentReader(CatalogFixture.document(#"{"description": null, "active": false}"#))
        try client.update(from: &patch)
        #expect((client.name, client.description, client.contactEmail) == ("Acme", "", "a@b"))
        #expect(!client.isActive)
    }

    @Test func `an answer can be given back as it was`() throws {
        let catalog = try CatalogFixture.catalog()
        var context = CatalogFixture.context()
        for profile in catalog.profiles.values {
            var copy = profile
            var reader = try DocumentReader(profile.document(in: catalog))
            try copy.replace(from: &reader, catalog: catalog, context: &context)
            #expect(copy.document(in: catalog).value == profile.document(in: catalog).value)
        }
        for collection in catalog.collections.values {
            var copy = collection
            var reader = try DocumentReader(collection.document(in: catalog))
            try copy.replace(from: &reader, catalog: catalog, context: &context)
            #expect(copy == collection)
        }
        for upstream in catalog.upstreams.values {
            var reader = try DocumentReader(upstream.document())
            #expect(try Upstream(id: upstream.id, from: &reader) == upstream)
        }
        var settings = GatewaySettings()
        var reader = try DocumentReader(catalog.settings.document())
        try settings.update(from: &reader)
        #expect(settings == catalog.settings)
    }

    @Test func `a replacement puts absent fields at their defaults and keeps keys and API tokens`() throws {
        let catalog = try CatalogFixture.catalog()
        var context = CatalogFixture.context()
        let client = try #require(catalog.client(named: "Acme"))
        var profile = try #require(catalog.profile(named: "hmac", of: client.id))
        var reader = try DocumentReader(CatalogFixture.document(#"{"name": "renamed"}"#))
        try profile.replace(from: &reader, catalog: catalog, context: &context)
        #expect(profile.name == "renamed")
        #expect(profile.allowedAddresses.isEmpty && profile.grantedCollections.isEmpty)
        #expect((profile.keys.count, profile.apiTokens.count) == (1, 1))
    }

    @Test func `a list in a replacement is the whole list`() throws {
        let catalog = try CatalogFixture.catalog()
        var context = CatalogFixture.context()
        let client = try #require(catalog.client(named: "Acme"))
        var profile = try #require(catalog.profile(named: "hmac", of: client.id))
        let key = try #require(profile.keys.first)
        let text =
            #"{"name": "hmac", "keys": [{"name": "new", "public_key": "\#(CatalogFixture.ed25519Line)"}, {"name": "shared", "kid": "1"}], "api_tokens": []}"#
        var reader = try DocumentReader(CatalogFixture.document(text))
        try profile.replace(from: &reader, catalog: catalog, context: &context)
        #expect(profile.keys.map(\.name) == ["new", "shared"])
        #expect(profile.keys[1].id == key.id)
        #expect(profile.keys[1].keyID == "1")
        #expect(profile.keys[1].fingerprint == key.fingerprint)
        #expect(profile.apiTokens.isEmpty)
    }

    @Test func `the Base64 switch alone reads the same secret the other way`() throws {
        let catalog = try CatalogFixture.catalog()
        var context = CatalogFixture.context()
        let client = try #require(catalog.client(named: "Acme"))
        let profile = try #require(catalog.profile(named: "hmac", of: client.id))
        var key = try #require(profile.keys.first)
        let before = key
        var reader = try DocumentReader(CatalogFixture.document(#"{"secret_is_base64": true}"#))
        try key.update(from: &reader, of: profile.id, context: &context)
        #expect(key.id != before.id)
        #expect(key.algorithms == before.algorithms)
        #expect(before.verificationKey.kind == .hmac(bytes: 44))
        #expect(key.verificationKey.kind == .hmac(bytes: 32))
    }

    @Test func `keys are shown by kind and fingerprint, public ones as pasted`() throws {
        let document = try CatalogFixture.catalog().document(form: .resource)
        let profiles = try #require(document["clients"]?.elements.first?["profiles"]?.elements)
        let secret = try #require(profiles.first?["keys"]?.elements.first)
        let publicKey = try #require(profiles.last?["keys"]?.elements.first)
        #expect(secret["kind"]?.value == .string("HMAC 352"))
        #expect(secret["fingerprint"]?.value.text?.hasPrefix("HMAC:") == true)
        #expect(secret["secret"] == nil)
        #expect(publicKey["kind"]?.value == .string("RSA 2048"))
        #expect(publicKey["public_key"]?.value == .string(CatalogFixture.rsaLine))
        #expect(publicKey["created_at"]?.value == .string(CatalogFixture.now.description))
    }

    @Test func `an export names things and leaves out what is at its default`() throws {
        let catalog = try CatalogFixture.catalog()
        let digest = try #require(APITokenDigest(token: CatalogFixture.token.utf8)?.hex)
        let client = try #require(catalog.client(named: "Acme"))
        let profile = try #require(catalog.profile(named: "rsa", of: client.id))
        #expect(
            profile.document(in: catalog, form: .export).json() == """
                {"name":"rsa","method":"jwt","collections":["api-v1"],\
                "keys":[{"name":"laptop","public_key":"\(CatalogFixture.rsaLine)"}],\
                "api_tokens":[{"name":"default","expires_at":"2027-01-01T00:00:00Z","sha256":"\(digest)"}]}
                """
        )
    }

    @Test func `an upstream and a collection may be named by identity`() throws {
        let catalog = try CatalogFixture.catalog()
        var context = CatalogFixture.context()
        let upstream = try #require(catalog.upstream(named: "orders"))
        let collection = try #require(catalog.collection(handle: "api-v1"))
        var reader = try DocumentReader(
            CatalogFixture.document(#"{"name": "e", "path": "/e", "upstream": "\#(upstream.id)"}"#)
        )
        let endpoint = try Endpoint(id: .test(0), from: &reader, catalog: catalog, context: &context)
        #expect(endpoint.upstreamID == upstream.id)
        var granted = try DocumentReader(
            CatalogFixture.document(#"{"name": "p", "collections": ["\#(collection.id)"]}"#)
        )
        let client = try #require(catalog.client(named: "Acme"))
        let profile = try AccessProfile(
            id: .test(0),
            clientID: client.id,
            from: &granted,
            catalog: catalog,
            context: &context
        )
        #expect(profile.grantedCollections == [collection.id])
    }
}
