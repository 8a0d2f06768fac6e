import GatewayCore
import JOSE
import Testing

@testable import ControlPlane

@Suite struct OperatorResourceTests {
    @Test func `operators, sessions and admin tokens are managed through the admin API`() async throws {
        let operators = OperatorHouse()
        let session = try await operators.setUp()
        let house = AdminHouse(operators: operators.service)
        let made = try await house.make("/api/v1/operators", #"{"name":"jdoe","role":"manager"}"#)
        #expect(made.text("invitation_url").hasPrefix("http://127.0.0.1:8081/console/invitation?token="))
        let path = "/api/v1/operators/\(made.text("id"))"
        let token = try await house.make("/api/v1/admin-tokens", #"{"name":"ci"}"#)
        #expect(token.text("role") == "viewer" && token.text("token").count == 64)
        let again = await house.call("POST", "/api/v1/operators", #"{"name":"jdoe"}"#)
        #expect(again.status == 409)
        let changed = await house.call("PATCH", path, #"{"role":"viewer","active":false}"#)
        #expect(changed.status == 200)
        #expect(try changed.json.text("role") == "viewer")
        for target in ["/api/v1/operators", path, "/api/v1/sessions", "/api/v1/admin-tokens"] {
            let answer = await house.call("GET", target)
            #expect(answer.status == 200, "\(answer.text)")
            let secrets = [
                session, token.text("token"), String(made.text("invitation_url").suffix(64)), "scrypt",
                "sha256",
            ]
            #expect(secrets.allSatisfy { !answer.text.contains($0) }, "\(target)")
            let segments = try AdminTarget(target).segments
            let operation = try #require(
                house.api.operations.first { $0.method == .get && $0.match(segments) != nil }
            )
            let object = try #require(operation.successes.first { $0.status == 200 }?.object)
            #expect(Shape.object(object).faults(try answer.json).isEmpty, "\(target)")
        }
        #expect(await house.call("PATCH", path, #"{"active":true}"#).status == 200)
        #expect(await house.call("POST", "\(path)/invitation").status == 201)
        #expect(try await house.call("GET", path).json.text("invitation_expires_at") != "")
        #expect(await house.call("DELETE", "\(path)/invitation").status == 204)
        #expect(await house.call("DELETE", "\(path)/invitation").status == 204)
        #expect(try await house.call("GET", path).json.text("invitation_expires_at") == "")
        #expect(await house.call("DELETE", path).status == 204)
        #expect(await house.call("DELETE", path).status == 404)
        #expect(await house.call("DELETE", "/api/v1/admin-tokens/\(token.text("id"))").status == 204)
        let sessions = try await house.call("GET", "/api/v1/sessions").json
        let id = sessions["items"]?.elements.first?.text("id") ?? ""
        #expect(await house.call("DELETE", "/api/v1/sessions/\(id)").status == 204)
        #expect(try await !operators.isInForce(session))
    }

    @Test func `what people send is checked`() async throws {
        let house = AdminHouse(operators: OperatorHouse().service)
        let bodies = [
            ("/api/v1/operators", #"{"name":""}"#), ("/api/v1/operators", #"{"name":"x","role":"root"}"#),
            ("/api/v1/operators", #"{"name":"a\nb"}"#),
            ("/api/v1/operators", #"{"name":"x","password":"y"}"#),
            ("/api/v1/admin-tokens", #"{"name":"x","expires_in_days":0}"#),
            ("/api/v1/admin-tokens", #"{"name":"x","expires_in_days":10000}"#),
            ("/api/v1/admin-tokens", #"{"name":"x","token":"y"}"#),
        ]
        for (target, body) in bodies {
            #expect(await house.call("POST", target, body).status == 422, "\(body)")
        }
    }
}
