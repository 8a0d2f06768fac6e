import GatewayCore
import Testing

@Suite struct `Times` {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", Int64(0)), ("2026-11-24T12:34:56Z", 1_795_523_696),
        ("1969-12-31T23:59:59Z", -1),
        ("2000-02-29T00:00:00Z", 951_782_400), ("9999-12-31T23:59:59Z", 253_402_300_799),
    ])
    func `are read and written as RFC 3339`(text: String, seconds: Int64) {
        #expect(Timestamp(rfc3339: text)?.secondsSinceEpoch == seconds)
        #expect(Timestamp(secondsSinceEpoch: seconds).description == text)
    }

    @Test(arguments: [
        ("2026-11-24T12:34:56+02:00", "2026-11-24T10:34:56Z"),
        ("2026-11-24t12:34:56.789z", "2026-11-24T12:34:56Z"),
        ("2026-11-24 12:34:56-01:30", "2026-11-24T14:04:56Z"),
    ])
    func `may have an offset and a fraction`(text: String, expected: String) {
        #expect(Timestamp(rfc3339: text)?.description == expected)
    }

    @Test(arguments: [
        "", "2026-11-24", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-24T24:00:00Z",
        "2026-11-24T12:34:56",
        "2026-11-24T12:34:56+2:00", "2026-11-24T12:34:56.Z", "2026-11-24T12:34:56Zx", "+026-11-24T12:34:56Z",
    ])
    func `anything else is refused`(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }
}
