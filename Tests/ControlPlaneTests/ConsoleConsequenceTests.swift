import GatewayCore
import Testing

@testable import ControlPlane

/// What is said before something is destroyed: how much it was used.
struct ConsoleConsequenceTests {
    private static func house() async throws -> ConsoleCatalogHouse {
        let traffic = MemoryTelemetryStore()
        let now = Timestamp(secondsSinceEpoch: 1_800_000_000)
        func rows(_ labels: TrafficLabels, _ requests: Int, at time: Timestamp = now) -> TrafficRow {
            var count = TrafficCount()
            count.requests = UInt64(requests)
            return TrafficRow(at: time, labels: labels, count: count)
        }
        func labels(
            _ endpoint: String,
            _ client: String,
            _ profile: String,
            _ code: String = "-"
        )
            -> TrafficLabels
        {
            TrafficLabels(endpoint: endpoint, client: client, profile: profile, code: code)
        }
        let call = "api-endpoints-v1/call"
        try await traffic.add(
            [],
            [
                rows(labels(call, "Acme", "acme-hmac"), 42),
                rows(labels(call, "Acme", "other"), 1000), rows(labels(call, "Beta", "acme-hmac"), 7),
                rows(labels("api-endpoints-v1/order", "Beta", "b", "token_expired"), 1),
                rows(labels("api-endpoints-v10/call", "Beta", "b"), 5),
                rows(labels(call, "Acme", "acme-hmac"), 9, at: Timestamp(secondsSinceEpoch: 1_799_990_000)),
            ]
        )
        let catalog = try await ConsoleCatalogHouse(ConsoleHouse(traffic: traffic))
        func use(_ path: String, _ requests: UInt64, at seconds: Int64 = 1_800_000_000) throws -> UseCount {
            let id = try #require(UseID(ConsoleCatalogHouse.id(path)))
            let minute = TrafficPeriod.minute.slot(of: Timestamp(secondsSinceEpoch: seconds))
            return UseCount(minute: minute, id: id, requests: requests)
        }
        let (key, token) = (catalog.furniture.key, catalog.furniture.token)
        try await traffic.add(
            [],
            [],
            [
                use(key, 40), use(key, 1, at: 1_799_998_000), use(key, 9, at: 1_799_990_000), use(token, 1),
            ]
        )
        return catalog
    }

    @Test func `each page that asks says how many calls there were in the last hour`() async throws {
        let catalog = try await Self.house()
        let profile = "42 calls in the last hour came through this profile."
        let key = "41 calls in the last hour used this key."
        let token = "1 call in the last hour used this API token."
        let client = "1,042 calls in the last hour came from this client."
        let collection = "1,050 calls in the last hour went to this collection. 1 of them was refused."
        let endpoint = "1,049 calls in the last hour went to this endpoint."
        for (page, sentence) in [
            ("\(catalog.profile)/delete", profile), ("\(catalog.profile)/deactivate", profile),
            ("\(catalog.profile)/revocations/new", profile),
            ("\(catalog.key)/delete", key), ("\(catalog.key)/retire", key),
            ("\(catalog.token)/delete", token), ("\(catalog.token)/deactivate", token),
            ("\(catalog.token)/refresh", token),
            ("\(catalog.client)/delete", client), ("\(catalog.client)/deactivate", client),
            ("\(catalog.collection)/delete", collection), ("\(catalog.collection)/deactivate", collection),
            ("\(catalog.endpoint)/delete", endpoint), ("\(catalog.endpoint)/edit", endpoint),
        ] {
            let text = await catalog.house.show(page).text
            #expect(text.contains(sentence), "\(page)")
        }
    }

    @Test func `what nobody called is said to be so`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let text = await catalog.house.show("\(catalog.profile)/delete").text
        #expect(text.contains("No call in the last hour came through this profile."))
        let counted = try await ConsoleCatalogHouse(ConsoleHouse(traffic: MemoryTelemetryStore()))
        let retired = await counted.house.show("\(counted.key)/retire").text
        #expect(retired.contains("No call in the last hour used this key."))
    }

    @Test func `traffic is narrowed down by the admin API`() async throws {
        let catalog = try await Self.house()
        for (query, requests) in [
            ("", 1055), ("client=Acme", 1042), ("client=Acme&profile=acme-hmac", 42),
            ("endpoint=api-endpoints-v1%2Fcall", 1049), ("endpoint=api-endpoints-v1%2F", 1050),
            ("client=Nobody", 0),
        ] {
            let answer = try await catalog.house.admin.call("GET", "/api/v1/traffic?\(query)").json
            #expect(answer.count("requests") == Int64(requests), "\(query)")
        }
        let document = try await catalog.house.admin.call("GET", "/api/v1/openapi.json").json
        let names = (document["paths"]?["/api/v1/traffic"]?["get"]?["parameters"]?.elements ?? []).map {
            $0.text("name")
        }
        #expect(Set(names).isSuperset(of: ["window", "client", "profile", "endpoint"]), "\(names)")
    }

    @Test func `saving what a profile may reach keeps what the list has no room for`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let handles = (0..<1005).map { "c\(String($0 + 10_000).dropFirst())" }
        _ = try await catalog.house.admin.service.edit { draft in
            var generator = SystemRandomNumberGenerator()
            for handle in handles {
                try draft.put(Collection(id: CollectionID(using: &generator), name: handle, handle: handle))
            }
            return ((), [])
        }
        let granted = DocumentValue.list(handles)
        let body = DocumentNode(object: [("collections", granted)]).json()
        #expect(await catalog.house.admin.call("PATCH", catalog.furniture.profile, body).status == 200)
        let text = await catalog.house.show("\(catalog.profile)/access").text
        let shown = text.matches(of: /name="collections" value="([^"]*)" checked/).map { String($0.output.1) }
        #expect(Set(shown) == Set(handles), "\(shown.count)")
        let fields = shown.map { ("collections", $0) }
        #expect(await catalog.house.post("\(catalog.profile)/access", fields).leads(to: catalog.profile))
        let kept = try await catalog.read(catalog.furniture.profile)["collections"]?.elements.count
        #expect(kept == 1005)
    }
}
