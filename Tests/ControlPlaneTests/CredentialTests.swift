import GatewayCore
import Testing

@testable import ControlPlane

@Suite struct CredentialTests {
    @Test func `an API token is shown once and kept as a digest`() async throws {
        let house = AdminHouse()
        let furniture = try await house.furnish()
        let digest = try #require(APITokenDigest(token: furniture.apiToken.utf8))
        #expect(house.service.current.profile(token: digest)?.name == "acme-hmac")
        #expect(try await house.call("GET", furniture.token).json["token"] == nil)
        let another = try await house.make("\(furniture.profile)/api-tokens", #"{"name":"second"}"#)
        #expect(another.text("token") != furniture.apiToken)
    }

    @Test func `refreshing at once ends the old API token`() async throws {
        let house = AdminHouse()
        let furniture = try await house.furnish()
        let answer = await house.call("POST", "\(furniture.token)/refresh")
        #expect(answer.status == 201, "\(answer.text)")
        let fresh = try answer.json
        let old = try #require(APITokenDigest(token: furniture.apiToken.utf8))
        let new = try #require(APITokenDigest(token: fresh.text("token").utf8))
        #expect(house.service.current.profile(token: old) == nil)
        #expect(house.service.current.profile(token: new) != nil)
        #expect(fresh.text("name") == "default")
        #expect(await house.call("GET", furniture.token).status == 404)
        #expect(await house.call("GET", try #require(answer.header("Location"))).status == 200)
    }

    @Test func `refreshing with an overlap lets the old API token run out`() async throws {
        let house = AdminHouse()
        let furniture = try await house.furnish()
        for _ in 0..<2 {
            let answer = await house.call("POST", "\(furniture.token)/refresh", #"{"overlap_seconds":3600}"#)
            #expect(answer.status == 201, "\(answer.text)")
            #expect(try answer.json.text("name").hasPrefix("default"))
        }
        let old = try #require(APITokenDigest(token: furniture.apiToken.utf8))
        let token = try #require(
            house.service.current.profile(token: old)?.apiTokens.first { $0.digest == old }
        )
        #expect(token.expiresAt == Timestamp(secondsSinceEpoch: 1_800_003_600))
        for bad in [#"{"overlap_seconds":-1}"#, #"{"overlap_seconds":"1"}"#, #"{"overlap":1}"#] {
            #expect(await house.call("POST", "\(furniture.token)/refresh", bad).status == 422)
        }
    }

    @Test(arguments: ["{}", #"{"overlap_seconds":3600}"#])
    func `a refreshed API token may be used from where the old one was`(_ body: String) async throws {
        let house = AdminHouse()
        let furniture = try await house.furnish()
        let lists = #"{"ip_allow":["192.0.2.0/24"],"ip_deny":["192.0.2.7"],"active":false}"#
        #expect(await house.call("PATCH", furniture.token, lists).status == 200)
        let old = try await house.call("GET", furniture.token).json
        let answer = await house.call("POST", "\(furniture.token)/refresh", body)
        #expect(answer.status == 201, "\(answer.text)")
        for field in ["ip_allow", "ip_deny", "active"] {
            #expect(try answer.json[field]?.value == old[field]?.value, "\(field)")
        }
        let fresh = try #require(APITokenDigest(token: try answer.json.text("token").utf8))
        let token = house.service.current.profile(token: fresh)?.apiTokens.first { $0.digest == fresh }
        #expect(token?.allowedAddresses == [try AddressRange("192.0.2.0/24")])
        #expect(token?.deniedAddresses == [try AddressRange("192.0.2.7")])
    }

    @Test func `a profile has at most 20 API tokens`() async throws {
        let house = AdminHouse()
        let furniture = try await house.furnish()
        for number in 2...20 {
            _ = try await house.make("\(furniture.profile)/api-tokens", #"{"name":"t\#(number)"}"#)
        }
        #expect(await house.call("POST", "\(furniture.profile)/api-tokens", #"{"name":"t21"}"#).status == 409)
        #expect(
            await house.call("POST", "\(furniture.token)/refresh", #"{"overlap_seconds":1}"#).status == 409
        )
        #expect(await house.call("POST", "\(furniture.token)/refresh").status == 201)
    }

    @Test(arguments: [
        (#"{"name":"x"}"#, "secret"), (#"{"name":"x","secret":"too short"}"#, "secret"),
        (#"{"name":"x","public_key":"my public key"}"#, "public_key"),
        (#"{"name":"x","public_key":"a","secret":"b"}"#, "secret"),
        (#"{"name":"x","secret":"kJ8nq0cWm2v5Xz7Lr4Tt6Yy9Ub1Ii3Oo","algorithms":["RS256"]}"#, "algorithms"),
        (#"{"name":"x","secret":"kJ8nq0cWm2v5Xz7Lr4Tt6Yy9Ub1Ii3Oo","retire_at":"tomorrow"}"#, "retire_at"),
    ]) func `a key that cannot be used is refused with its field`(
        _ body: String,
        _ field: String
    ) async throws {
        let house = AdminHouse()
        let profile = try await house.furnish().profile
        let answer = await house.call("POST", "\(profile)/keys", body)
        #expect(answer.status == 422)
        #expect(try answer.json["errors"]?.elements.map { $0.text("field") } == [field], "\(answer.text)")
    }

    @Test func `a key of the same name is a conflict`() async throws {
        let house = AdminHouse()
        let profile = try await house.furnish().profile
        let body = #"{"name":"shared","secret":"Wb3Zq8Lk1Xv6Rt0Mn5Jp9Hs2Gd7Fc4Ea"}"#
        let answer = await house.call("POST", "\(profile)/keys", body)
        #expect(answer.status == 409, "\(answer.text)")
        #expect(try answer.json["errors"]?.elements.map { $0.text("field") } == ["name"])
    }

    @Test func `the switch to Base64 makes another key at another place`() async throws {
        let house = AdminHouse()
        let key = try await house.furnish().key
        let refused = await house.call("PATCH", key, #"{"secret_is_base64":true}"#)
        #expect(refused.status == 422, "32 characters are only 24 bytes")
        let long = #"{"name":"long","secret":"a0J5WGp2T2sybFBxUjh3VHpVNm5NYzRBZTFCc0Q5Rlk="}"#
        let profile = key.split(separator: "/").prefix(4).joined(separator: "/")
        let made = try await house.make("/\(profile)/keys", long)
        let path = "/\(profile)/keys/\(made.text("id"))"
        let switched = await house.call("PATCH", path, #"{"secret_is_base64":true}"#)
        #expect(switched.status == 200, "\(switched.text)")
        #expect(try switched.json.text("fingerprint") != made.text("fingerprint"))
        #expect(await house.call("GET", try #require(switched.header("Location"))).status == 200)
    }

    @Test func `no secret is in any answer, audit entry or log line`() async throws {
        let house = AdminHouse()
        let furniture = try await house.furnish()
        let fresh = "Fresh-Secret-Of-At-Least-32-Bytes-0123"
        let keys = "\(furniture.profile)/keys"
        var answers: [AdminAnswer] = []
        for body in [
            #"{"name":"second","secret":"\#(fresh)"}"#, #"{"name":"second","secret":"\#(fresh)"}"#,
            #"{"surprise":"\#(fresh)","secret":"\#(fresh)"}"#, #"{"name":"x","public_key":"\#(fresh)"}"#,
            #"{"name":{"x":"\#(fresh)"},"secret":["\#(fresh)"]}"#,
            #"{"name":"x","secret":"\#(fresh)","kid":"\u0001"}"#,
            #"{"name":"x","secret":"\#(fresh)","#,
            #"{"name":"x","secret":"\#(fresh)","secret_is_base64":true}"#,
        ] {
            answers.append(await house.call("POST", keys, body))
        }
        answers.append(await house.call("PATCH", furniture.key, #"{"secret":"\#(fresh)"}"#))
        answers.append(await house.call("GET", "/api/v1/clients") { $0.authorization = "Bearer \(fresh)" })
        answers.append(await house.call("POST", "/api/v1/explain", #"{"token":"\#(fresh)","url":"/x"}"#))
        let given =
            #"{"name":"p","client":"Acme","api_tokens":[{"name":"a","token":"\#(furniture.apiToken)"}]}"#
        answers.append(await house.call("POST", "/api/v1/profiles", given))
        let file =
            #"{"clients":[{"name":"N","profiles":[{"name":"p","keys":[{"name":"k","secret":"\#(fresh)2"}]}]}]}"#
        answers.append(await house.call("PUT", "/api/v1/catalog", file))
        for target in furniture.paths
            + ["clients", "profiles", "catalog", "audit?limit=200"].map({ "/api/v1/\($0)" })
        {
            answers.append(await house.call("GET", target))
        }
        answers.append(await house.call("GET", keys))
        answers.append(await house.call("GET", "\(furniture.profile)/api-tokens"))
        let texts = answers.map(\.text) + house.log.lines + house.store.entries.map { "\($0)" }
        for secret in [fresh, AdminHouse.secret, furniture.apiToken, AdminHouse.token] {
            for text in texts { #expect(!text.contains(secret)) }
        }
        #expect(house.log.lines.count == 1, "the wrong admin token was logged")
    }
}
