import Testing

@testable import ControlPlane
@testable import GatewayCore

/// Mending a likely cause through the API: what was shown is done, or nothing.
struct MendTests {
    /// What mends a call whose token's audience the furniture's profile does not accept.
    private func answer(_ remedy: String) async throws -> (answer: AdminAnswer, audiences: Int) {
        let house = AdminHouse()
        let furniture = try await house.furnish()
        let id = ConsoleCatalogHouse.id(furniture.profile)
        let profile = ProfileID(id)
        var dependencies = AdminHouse.dependencies(.service(house.service, audit: house.store))
        let explain = dependencies.explain
        dependencies.explain = { question in
            let causes = ["billing", "orders"].compactMap { audience in
                profile.map {
                    LikelyCause(
                        code: .audienceUnknown,
                        text: "the audience",
                        remedy: .addAudience($0, audience),
                        then: .admitted
                    )
                }
            }
            return (await explain(question).0, causes)
        }
        let api = AdminAPI(dependencies, hosts: HostRule(listenHost: "127.0.0.1"))
        var request = AdminRequest(
            method: "POST",
            target: "/api/v1/explain/mend",
            authority: "127.0.0.1:8081",
            clientAddress: "192.0.2.7"
        )
        request.authorization = "Bearer \(AdminHouse.token)"
        request.contentType = "application/json"
        let given = remedy.replacing("PROFILE", with: id)
        let bytes = Array(#"{"url":"/x","cause":"audience_unknown"\#(given)}"#.utf8)
        let answer = await api.answer(request) { _ in bytes }
        let changed = try await house.call("GET", furniture.profile).json
        return (answer, changed["audiences"]?.elements.count ?? 0)
    }

    @Test(arguments: [
        #","action":"add_audience","value":"others""#, #","action":"add_issuer","value":"orders""#,
        #","profile_id":"00000000000000000000000000000000""#, #","seconds":5"#,
    ]) func `another remedy than was shown is not applied`(_ given: String) async throws {
        let (answer, audiences) = try await answer(given)
        #expect(answer.status == 409 && audiences == 0, "\(answer.text)")
    }

    @Test(arguments: [
        "", #","action":"add_audience","value":"billing""#,
        #","action":"add_audience","value":"orders","profile_id":"PROFILE""#,
    ]) func `the remedy that was shown is applied, and the first where none was named`(
        _ given: String
    ) async throws {
        let (answer, audiences) = try await answer(given)
        #expect(answer.status == 200 && audiences == 1, "\(answer.text)")
    }

    @Test(arguments: [#","action":"format_disk""#, #","profile_id":"x""#, #","seconds":"5""#])
    func `what cannot be a remedy is refused as such`(_ given: String) async throws {
        #expect(try await answer(given).answer.status == 422)
    }
}
