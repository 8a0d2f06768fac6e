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

    @Test func `a search among many profiles ends, and says so`() throws {
        var scene = try Scene()
        for number in 10..<2_600 {
            var profile = AccessProfile(id: .test(number), clientID: .test(2), name: "p\(number)")
            profile.keys = try scene.gateway.profile(3).keys
            try scene.gateway.draft.put(profile)
        }
        try scene.sign("", secret: "3nR8uWq5ZkXv7yB2dF6hJ9mP1sT4wE0a")
        let started = ContinuousClock.now
        let causes = scene.causes
        #expect(causes.contains { $0.text.contains("2000 keys of other profiles") }, "\(causes.map(\.text))")
        // Told and not gated: a debug build takes many times as long as what is shipped.
        print("a search among 2,000 keys took \(ContinuousClock.now - started)")
    }
}
