import GatewayCore
import Testing

@testable import ControlPlane

/// Who may do what, tried over every operation that the admin API has.
struct RoleTests {
    @Test(arguments: Role.allCases) func `a role may do what it may, and is told of the rest`(
        _ role: Role
    ) async throws {
        let house = AdminHouse()
        for operation in house.api.operations {
            guard case .role(let needed) = operation.access else { continue }
            // Nothing has this identity, so that an operation that is let through finds nothing to change.
            let target = operation.path.replacing(/\{[a-z_]+\}/) { _ in "00000000000000000000000000000000" }
            var request = AdminRequest(
                method: operation.method.rawValue,
                target: target,
                authority: "127.0.0.1:8081"
            )
            request.contentType = "application/json"
            let principal = Principal(actor: "operator:x", role: role)
            let answer = await house.api.answer(request, as: principal) { _ in Array("{}".utf8) }
            let isRefused = answer.status == 403
            #expect(isRefused == (role < needed), "\(operation.name) as \(role): \(answer.text)")
        }
    }

    @Test func `viewers only read`() {
        for operation in AdminHouse().api.operations where operation.changesCatalog {
            #expect(operation.access != .anyone && operation.access != .role(.viewer), "\(operation.name)")
        }
    }

    @Test func `the audit log names who made a change`() async throws {
        let house = AdminHouse()
        var request = AdminRequest(
            method: "POST",
            target: "/api/v1/clients",
            authority: "127.0.0.1:8081"
        )
        request.contentType = "application/json"
        let principal = Principal(actor: "operator:jdoe", role: .manager)
        let answer = await house.api.answer(request, as: principal) { _ in Array(#"{"name":"Acme"}"#.utf8) }
        #expect(answer.status == 201)
        let records = try await house.store.auditEntries(before: nil, limit: 1)
        #expect(records.first?.entry.actor == "operator:jdoe")
    }
}
