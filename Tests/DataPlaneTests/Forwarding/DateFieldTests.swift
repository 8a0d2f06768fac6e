import GatewayCore
import Testing

@testable import DataPlane

@Suite struct `The Date field` {
    @Test(arguments: [
        (Int64(0), "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (1_795_523_696, "Tue, 24 Nov 2026 12:34:56 GMT"), (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
    ])
    func `is written as RFC 9110 wants it`(seconds: Int64, expected: String) {
        var field = DateField()
        #expect(field.value(at: Timestamp(secondsSinceEpoch: seconds)) == expected)
    }

    @Test func `moves on with the time`() {
        var field = DateField()
        #expect(field.value(at: Timestamp(secondsSinceEpoch: 59)).hasSuffix("00:00:59 GMT"))
        #expect(field.value(at: Timestamp(secondsSinceEpoch: 60)).hasSuffix("00:01:00 GMT"))
    }
}
