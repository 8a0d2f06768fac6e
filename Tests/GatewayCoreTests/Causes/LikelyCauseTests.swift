import Foundation
import GatewayCore
import JOSE
import PortcullisTestSupport
import Testing

struct LikelyCauseTests {
    @Test(arguments: CauseCase.named) func `a cause is named, with its remedy and what would happen then`(
        _ row: CauseCase
    ) throws {
        var scene = try Scene()
        try row.arrange(&scene)
        let causes = scene.causes
        let found = try #require(
            causes.first { $0.code == row.code },
            "\(causes.map(\.code)) of \(scene.explained.record.checks.last { $0.result == .failed }?.detail ?? "")"
        )
        #expect(found.remedy.action == row.action)
        if let then = row.then { #expect(found.then == then, "\(found.text)") }
    }

    @Test(arguments: CauseCase.nearMisses) func `a near miss is not taken for the cause`(
        _ row: CauseCase
    ) throws {
        var scene = try Scene()
        try row.arrange(&scene)
        #expect(!scene.causes.contains { $0.code == row.code })
    }

    @Test(arguments: LikelyCause.Code.allCases) func `every cause has a case and a near miss`(
        _ code: LikelyCause.Code
    ) {
        #expect(CauseCase.named.contains { $0.code == code })
        #expect(CauseCase.nearMisses.contains { $0.code == code })
    }

    @Test(arguments: CauseCase.named) func `what a remedy would do is what it does`(_ row: CauseCase) throws {
        var scene = try Scene()
        try row.arrange(&scene)
        for cause in scene.causes where cause.then != .notTried {
            var mended = scene
            guard try cause.remedy.apply(to: &mended.gateway.draft, now: TestGateway.now) else { continue }
            let record = mended.explained.record
            switch cause.then {
            case .admitted: #expect(record.code == nil)
            case .refused(let code, _): #expect(record.code == code)
            case .notTried: break
            }
        }
    }

    @Test(arguments: CauseCase.named) func `nothing of a secret or an API token is told`(
        _ row: CauseCase
    ) throws {
        var scene = try Scene()
        try row.arrange(&scene)
        let secrets = [
            TestGateway.acmeToken, TestGateway.acmeRSAToken, TestGateway.otherToken, TestGateway.acmeSecret,
            TestGateway.otherSecret, Scene.hexSecret, Scene.urlSecret, String(repeating: "0f", count: 32),
        ]
        for cause in scene.causes {
            let told = (cause.text + "\(cause.remedy.arguments)").lowercased()
            for secret in secrets { #expect(!told.contains(secret.lowercased()), "\(cause.code)") }
            #expect(!told.contains("\n"))
        }
    }

    @Test(arguments: ["", "tok:", "https://issuer.example/"], [false, true])
    func `an API token in another claim, or as a claim's name, is not told`(
        _ prefix: String,
        _ isUpperCase: Bool
    ) throws {
        let token = isUpperCase ? TestGateway.acmeToken.uppercased() : TestGateway.acmeToken
        let long = String(repeating: "x ", count: 15) + token
        for members in [
            #""iss":"\#(prefix)\#(token)""#, #""aud":["\#(prefix)\#(token)"]"#,
            #""aud":"\#(prefix)\#(long)""#,
        ] {
            var scene = try Scene()
            try scene.change {
                $0.claimRules.issuers = members.contains("iss") ? ["https://issuer.example"] : []
                $0.claimRules.audiences = members.contains("aud") ? ["orders"] : []
            }
            try scene.sign(members)
            try Self.expectNoToken(in: scene)
        }
        var scene = try Scene()
        try scene.signPayload(#"{"\#(prefix)\#(token)":"\#(TestGateway.acmeToken)"}"#)
        try Self.expectNoToken(in: scene)
        scene = try Scene()
        scene.request.path = "/Api-endpoints-v1/call/\(prefix)\(token)"
        try Self.expectNoToken(in: scene)
    }

    private static func expectNoToken(in scene: Scene) throws {
        let explained = scene.explained
        #expect(explained.record.code != nil)
        let told =
            explained.record.path + explained.record.checks.map(\.detail).joined()
            + scene.causes.map { $0.text + "\($0.remedy.arguments)" }.joined()
        // Not a part of it either, as a cut would leave it.
        let digits = TestGateway.acmeToken.prefix(20)
        #expect(!told.lowercased().contains(digits), "\(told)")
    }

    @Test func `trusting a proxy is advice, which changes nothing`() throws {
        var scene = try Scene()
        let remedy = Remedy.trustProxy(IPAddress(v4: 0x0a00_0001))
        #expect(try !remedy.apply(to: &scene.gateway.draft, now: TestGateway.now))
    }

    @Test func `a call that is let in has no causes`() throws {
        let scene = try Scene()
        #expect(scene.explained.record.code == nil)
        #expect(scene.causes.isEmpty)
    }

    @Test func `actions are listed once each, and all of them`() throws {
        #expect(Set(Remedy.actions).count == Remedy.actions.count)
        for row in CauseCase.named { #expect(Remedy.actions.contains(row.action), "\(row.code)") }
    }

    @Test func `every cause and remedy is in the document`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
        let document = try String(contentsOf: root.appending(path: "docs/explain.md"), encoding: .utf8)
        for code in LikelyCause.Code.allCases {
            #expect(document.contains("| `\(code.rawValue)` |"), "\(code.rawValue)")
        }
        for action in Remedy.actions { #expect(document.contains("`\(action)`"), "\(action)") }
    }

    @Test func `words of the day are those that people use`() {
        let now = TestGateway.now
        let rows: [(Int64, String)] = [
            (-1, "yesterday"), (-86_400, "yesterday"), (-86_401, "2 days ago"), (0, "now"), (60, "in 1 min"),
        ]
        for (seconds, words) in rows { #expect(TimeWords.ago(Scene.after(seconds), now: now) == words) }
    }

    @Test(arguments: [
        KeyKind.hmac(bytes: 32), .rsa(bits: 2048), .ec(.p256), .ec(.p384), .ec(.p521), .ed25519, .mlDSA65,
    ]) func `a search among many profiles ends, and says so`(_ kind: KeyKind) throws {
        var scene = try Scene()
        let keys = [try SigningKey.generate(kind), try SigningKey.generate(kind)]
        let material: ProfileKey.Material =
            if let secret = keys[0].secret {
                .secret(Secret(Array(Base64.encode(secret.reveal()).utf8)), isBase64: true)
            } else {
                .publicKey(keys[0].verificationKey.subjectPublicKeyInfoPEM ?? "")
            }
        let key = try ProfileKey(
            id: .test(1001),
            name: "key",
            material: material,
            createdAt: TestGateway.now
        )
        for number in 10..<2_600 {
            var profile = AccessProfile(id: .test(number), clientID: .test(2), name: "p\(number)")
            profile.keys = [key]
            try scene.gateway.draft.put(profile)
        }
        // The profile's own keys are as many as can be, and of the same kind.
        try scene.change { profile in
            profile.keys = try (0..<AccessProfile.maximumKeys).map { number in
                var own = try ProfileKey(
                    id: .test(5_000 + number),
                    name: "key \(number)",
                    material: material,
                    createdAt: TestGateway.now
                )
                own.isActive = number == 0
                return own
            }
        }
        try scene.sign(with: keys[1])
        let (explained, started) = (scene.explained, ContinuousClock.now)
        let causes = explained.likelyCauses()
        // Told and not gated: a debug build takes many times as long as what is shipped.
        print("causes among many keys, \(kind): \(ContinuousClock.now - started)")
        #expect(causes.contains { $0.text.contains("there are more") }, "\(causes.map(\.text))")
    }
}
