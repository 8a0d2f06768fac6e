import Foundation
import GatewayCore
import Testing

@testable import portcullis

/// Options from the command line, the environment and a settings file; durations and times in words.
struct SettingsTests {
    private let place: Workplace

    init() throws {
        place = try Workplace()
    }

    private func source(
        file: String? = nil,
        environment: [String: String] = [:],
        commandLine: [String: String?] = [:]
    ) throws -> SettingsSource {
        var environment = environment
        if let file {
            try place.write("settings.yaml", file)
            environment["PORTCULLIS_CONFIG"] = place.url("settings.yaml").path()
        }
        return try SettingsSource(commandLine: commandLine, environment: environment)
    }

    @Test func `the command line goes before the environment, and that before the file`() throws {
        let file = "# the gateway\ndata-dir: from-file\nlisten: 0.0.0.0:1\nthreads: 3\n"
        let settings = try source(
            file: file,
            environment: ["PORTCULLIS_DATA_DIR": "from-environment", "PORTCULLIS_LISTEN": ""],
            commandLine: ["data-dir": "from-command-line", "catalog": nil]
        )
        #expect(try settings.string("data-dir") == "from-command-line")
        #expect(try source(file: file, environment: ["PORTCULLIS_DATA_DIR": "x"]).string("data-dir") == "x")
        #expect(try settings.string("listen") == "0.0.0.0:1")
        #expect(try settings.integer("threads", 1...1_024) == 3)
        #expect(try settings.string("catalog") == nil)
    }

    @Test func `a wrong value is refused with its source and what was expected`() throws {
        let settings = try source(
            file: "log-level: info\nthreads: many\n",
            environment: ["PORTCULLIS_DRAIN_SECONDS": "x"],
            commandLine: ["header-timeout-seconds": "0"]
        )
        let reasons = [
            ("drain-seconds", 0...3_600), ("header-timeout-seconds", 1...300), ("threads", 1...1_024),
        ]
        .map { name, range in
            #expect(throws: CommandFailure.self) { try settings.integer(name, range) }?.description ?? ""
        }
        #expect(reasons[0] == "PORTCULLIS_DRAIN_SECONDS is \"x\", expected a number from 0 to 3600")
        #expect(reasons[1] == "--header-timeout-seconds is \"0\", expected a number from 1 to 300")
        #expect(reasons[2].hasPrefix("threads in "))
        #expect(reasons[2].hasSuffix("line 2 is \"many\", expected a number from 1 to 1024"))
    }

    @Test(arguments: [
        ("listen: a\nlisten: b\n", "given twice"), ("lisen: a\n", "line 1: \"lisen\" is no setting"),
        ("threads: 1\ndata_dir: x\n", "line 2: \"data_dir\" is no setting"), ("- listen\n", "expected lines"),
        ("listen: [a]\n", "expected a single value"), ("listen: \"a\n", "is not YAML"), ("{", "is not YAML"),
        ("listen", "expected lines"),
    ])
    func `a file that is not understood is refused`(file: String, words: String) throws {
        let failure = #expect(throws: CommandFailure.self) { try source(file: file) }
        #expect(failure?.kind == .trouble)
        #expect(failure?.description.contains(words) == true, "\(failure?.description ?? "")")
    }

    @Test func `a broken file is not quoted, as it may hold a secret`() throws {
        let failure = #expect(throws: CommandFailure.self) {
            try source(file: "admin-token: \"hush-hush\nlisten: *\n")
        }
        #expect(failure?.description.contains("hush-hush") == false)
    }

    @Test func `an empty file and a missing one are different things`() throws {
        #expect(try source(file: "# nothing\n").string("listen") == nil)
        #expect(throws: CommandFailure.self) { try SettingsSource(config: "/nonexistent", commandLine: [:]) }
    }

    @Test(arguments: [
        ("true", true), ("Yes", true), ("on", true), ("1", true), ("false", false), ("off", false),
        ("0", false),
    ])
    func `switches are read`(text: String, value: Bool) throws {
        #expect(try source(environment: ["PORTCULLIS_FORCE": text]).flag("force") == value)
    }

    @Test func `a switch that is neither on nor off is refused`() throws {
        let settings = try source(environment: ["PORTCULLIS_FORCE": "perhaps"])
        #expect(throws: CommandFailure.self) { try settings.flag("force") }
        #expect(try source().flag("force") == false)
    }

    @Test func `of options that exclude one another the nearest source decides`() throws {
        let settings = try source(environment: ["PORTCULLIS_KEY": "a"], commandLine: ["secret-file": "b"])
        #expect(try settings.exclusive(["key", "secret-file"])?.name == "secret-file")
        let both = try source(commandLine: ["key": "a", "secret-file": "b"])
        #expect(throws: CommandFailure.self) { try both.exclusive(["key", "secret-file"]) }
    }

    @Test func `commands take their options from the environment and from a file`() async throws {
        try await place.success("keygen", "ed25519", "--out", "key")
        try place.write("settings.yaml", "key: key\nexpires-in: 2h\n")
        let run = try await place.portcullis(
            "token",
            "mint",
            "--config",
            "settings.yaml",
            environment: ["PORTCULLIS_API_TOKEN": "t0", "PORTCULLIS_KID": "k1"]
        )
        #expect(run.status == 0, "\(run.errors)")
        let shown = try await place.success("token", "decode", run.line).output
        #expect(shown.contains("\"sub\": \"t0\""))
        #expect(shown.contains("\"kid\": \"k1\""))
        #expect(shown.contains("expires in 2 h") || shown.contains("expires in 1 h 59 min"))
    }

    @Test(
        arguments: [
            ("90s", 90), ("15m", 900), ("1h30m", 5_400), ("7d", 604_800), ("1d1h1m1s", 90_061),
            ("36500d", 3_153_600_000),
            ("", nil), ("15", nil), ("m", nil), ("1m1h", nil), ("1h1h", nil), ("1.5h", nil), ("-1s", nil),
            ("0s", nil),
            ("1 h", nil), ("1w", nil), ("36501d", nil), ("9223372036854775807d", nil),
            ("99999999999999999999s", nil),
            ("٣s", nil),
        ] as [(String, Int64?)]
    )
    func `durations are numbers with units, the larger unit first`(text: String, seconds: Int64?) {
        #expect(DurationText.seconds(text) == seconds)
    }

    @Test(
        arguments: [
            (0, "now"), (-1, "1 s ago"), (-190, "3 min ago"), (3_600, "in 1 h"), (5_400, "in 1 h 30 min"),
            (86_400, "in 1 day"),
            (-864_000, "10 days ago"), (946_080_000, "in 30 years"), (.max, "in ages"), (.min, "ages ago"),
        ] as [(Int64, String)]
    )
    func `distances are told in words`(offset: Int64, words: String) {
        let now: Int64 = offset == .max ? -1 : offset == .min ? 1 : 0
        #expect(TimeWords.distance(to: offset, from: now) == words)
    }

    @Test(arguments: [Int64.min, .max, -62_135_596_801, 253_402_300_800])
    func `times that no calendar reaches are told as numbers`(moment: Int64) {
        #expect(TimeWords.date(moment) == "\(moment) s since 1970")
    }
}
