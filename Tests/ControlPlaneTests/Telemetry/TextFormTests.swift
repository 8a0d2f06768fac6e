import GatewayCore
import Testing

@testable import ControlPlane

@Suite struct `Names that want to be more than text` {
    @Test(arguments: [
        ("plain", "plain"),
        ("two words", "\"two words\""),
        ("a,b", "\"a,b\""),
        ("say \"no\"", "\"say \"\"no\"\"\""),
        ("=1+1", "\"'=1+1\""),
        ("=HYPERLINK(\"http://x\")", "\"'=HYPERLINK(\"\"http://x\"\")\""),
        ("+1", "\"'+1\""),
        ("-1", "\"'-1\""),
        ("@SUM(A1)", "\"'@SUM(A1)\""),
        ("\t=1", "\"'\t=1\""),
        ("\r\n=1", "\"'\r\n=1\""),
        ("a\r\n=1", "\"a\r\n=1\""),
        ("\u{ff1d}1", "\"'\u{ff1d}1\""),
        ("", ""),
    ])
    func `a cell of a table stays one cell and no formula`(value: String, cell: String) {
        var table = CSV(["name", "next"])
        table.add([value, "z"])
        #expect(
            String(decoding: table.answer(named: "t").body, as: UTF8.self) == "name,next\r\n\(cell),z\r\n"
        )
    }

    @Test(arguments: [
        ("plain", "plain"),
        ("say \"no\"", "say \\\"no\\\""),
        ("back\\slash", "back\\\\slash"),
        ("two\nlines", "two\\nlines"),
        ("x\"} 1\nfake{a=\"b", "x\\\"} 1\\nfake{a=\\\"b"),
        ("\r\n", "\r\\n"),
        ("e\u{301}\\", "e\u{301}\\\\"),
    ])
    func `a label stays within its quotes`(value: String, label: String) {
        let family = MetricFamily(
            "m",
            .counter,
            "Back\\slash and\nline.",
            [MetricFamily.Sample(1, [("name", value)])]
        )
        let text = String(decoding: MetricsText.write([family]), as: UTF8.self)
        #expect(text == "# HELP m Back\\\\slash and\\nline.\n# TYPE m counter\nm{name=\"\(label)\"} 1\n")
    }
}
