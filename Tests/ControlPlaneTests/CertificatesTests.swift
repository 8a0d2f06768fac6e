import GatewayCore
import Testing

@testable import ControlPlane

@Suite struct CertificatesTests {
    private static func notice(_ subject: String, at end: Int64, san: [String] = []) -> CertificateNotice {
        CertificateNotice(
            use: "profile",
            profile: nil,
            subject: subject,
            alternativeNames: san,
            notAfter: Timestamp(secondsSinceEpoch: end)
        )
    }

    @Test(arguments: [1, 2, 3])
    func `every certificate is on some page, those that look alike too`(_ limit: Int) async throws {
        var dependencies = AdminHouse.dependencies(.file { Catalog() })
        dependencies.certificates = { _ in
            [
                Self.notice("CN=b", at: 1_900_000_000, san: ["dns:1"]),
                Self.notice("CN=b", at: 1_900_000_000, san: ["dns:2"]),
                Self.notice("CN=a", at: 1_900_000_000),
                Self.notice("CN=b", at: 1_900_000_000, san: ["dns:3"]),
                Self.notice("CN=b", at: 1_900_000_001),
            ]
        }
        let api = AdminAPI(dependencies, hosts: HostRule(listenHost: "127.0.0.1"))
        var (cursor, shown) = ("", [String]())
        for _ in 0..<10 {
            var request = AdminRequest(
                method: "GET",
                target: "/api/v1/certificates?limit=\(limit)\(cursor)",
                authority: "127.0.0.1",
                clientAddress: "192.0.2.7"
            )
            request.authorization = "Bearer \(AdminHouse.token)"
            let page = try await api.answer(request) { _ in [] }.json
            for item in page["items"]?.elements ?? [] {
                shown.append(
                    item.text("subject") + (item["san"]?.elements.compactMap(\.value.text).joined() ?? "")
                )
            }
            guard let next = page["next_cursor"]?.value.text else { break }
            cursor = "&cursor=\(next)"
        }
        #expect(shown.sorted() == ["CN=a", "CN=b", "CN=bdns:1", "CN=bdns:2", "CN=bdns:3"])
    }
}
