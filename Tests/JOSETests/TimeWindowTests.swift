import JOSE
import Testing

@Suite struct TimeWindowTests {
    private static let now: NumericDate = 1_718_000_000
    private static let leeway = Duration.seconds(30)

    @Test(arguments: [
        #"{}"#, #"{"exp":1718000001}"#, #"{"exp":1717999971}"#, #"{"exp":1717999970.000000001}"#,
        #"{"exp":1.7180001e9}"#,
        #"{"exp":253402300799}"#, #"{"nbf":1718000030}"#, #"{"nbf":0}"#, #"{"nbf":-1e400}"#,
        #"{"iat":1718000030.0}"#,
        #"{"iat":-5,"nbf":1717999999,"exp":1718000060}"#,
    ])
    func `a token inside its window is let through`(payload: String) throws {
        try TimeWindow.check(claims(payload), now: Self.now, leeway: Self.leeway)
    }

    @Test(
        arguments: [
            (#"{"exp":1717999970}"#, .expired(expiry: 1_717_999_970, now: now, leeway: leeway)),
            (#"{"exp":0}"#, .expired(expiry: 0, now: now, leeway: leeway)),
            (#"{"exp":-1}"#, .expired(expiry: -1, now: now, leeway: leeway)),
            (#"{"exp":-1e400}"#, .expired(expiry: NumericDate(seconds: .min), now: now, leeway: leeway)),
            (#"{"exp":1e-400}"#, .expired(expiry: 0, now: now, leeway: leeway)),
            (#"{"exp":"1718000060"}"#, .malformed(.expiry, found: "a string")),
            (#"{"exp":null}"#, .malformed(.expiry, found: "null")),
            (#"{"exp":true}"#, .malformed(.expiry, found: "a boolean")),
            (#"{"exp":{}}"#, .malformed(.expiry, found: "an object")),
            (#"{"exp":[1718000060]}"#, .malformed(.expiry, found: "an array")),
            (#"{"nbf":"0"}"#, .malformed(.notBefore, found: "a string")),
            (#"{"iat":null}"#, .malformed(.issuedAt, found: "null")),
            (
                #"{"nbf":1718000030.5}"#,
                .notYetValid(
                    .notBefore,
                    value: NumericDate(seconds: 1_718_000_030, nanoseconds: 500_000_000),
                    now: now,
                    leeway: leeway
                )
            ),
            (#"{"iat":1718000031}"#, .notYetValid(.issuedAt, value: 1_718_000_031, now: now, leeway: leeway)),
            (
                #"{"iat":1718000000000}"#,
                .notYetValid(.issuedAt, value: 1_718_000_000_000, now: now, leeway: leeway)
            ),
            (
                #"{"nbf":1e400}"#,
                .notYetValid(.notBefore, value: NumericDate(seconds: .max), now: now, leeway: leeway)
            ),
        ] as [(String, TimeWindowRefusal)]
    )
    func `a token outside its window is turned away with both sides`(
        payload: String,
        refusal: TimeWindowRefusal
    ) {
        #expect(throws: refusal) {
            try TimeWindow.check(claims(payload), now: Self.now, leeway: Self.leeway)
        }
        #expect(!refusal.description.isEmpty)
    }

    @Test(arguments: [
        "253402300800", "1718000060000", "1e400", "99999999999999999999999999", "9223372036854775807",
    ])
    func `an expiry after the year 9999 is a mistake, not forever`(value: String) throws {
        let refusal = #expect(throws: TimeWindowRefusal.self) {
            try TimeWindow.check(claims("{\"exp\":\(value)}"), now: Self.now)
        }
        guard case .malformed(.expiry, let found) = refusal else {
            Issue.record("\(String(describing: refusal))")
            return
        }
        #expect(found.contains("milliseconds"))
    }

    @Test(
        arguments: [
            (#"{"iat":1718000000,"exp":1718003600}"#, nil), (#"{"exp":1718003600}"#, nil),
            (
                #"{"iat":1718000000,"exp":1718003600.1}"#,
                .lifetimeTooLong(
                    start: now,
                    expiry: NumericDate(seconds: 1_718_003_600, nanoseconds: 100_000_000),
                    maximum: .seconds(3_600)
                )
            ),
            (
                #"{"exp":1718003601}"#,
                .lifetimeTooLong(start: now, expiry: 1_718_003_601, maximum: .seconds(3_600))
            ),
            (
                #"{"nbf":1717999000,"exp":1718002601}"#,
                .lifetimeTooLong(start: 1_717_999_000, expiry: 1_718_002_601, maximum: .seconds(3_600))
            ),
            (
                #"{"iat":-1e400,"exp":1718000001}"#,
                .lifetimeTooLong(
                    start: NumericDate(seconds: .min),
                    expiry: 1_718_000_001,
                    maximum: .seconds(3_600)
                )
            ),
            (#"{"iat":1718000000}"#, .missingExpiry),
        ] as [(String, TimeWindowRefusal?)]
    )
    func `a maximum lifetime is counted from the issue`(payload: String, refusal: TimeWindowRefusal?) throws {
        let claims = try claims(payload)
        let found = JOSETests.refusal { () throws(TimeWindowRefusal) in
            try TimeWindow.check(
                claims,
                now: Self.now,
                leeway: Self.leeway,
                maximumLifetime: .seconds(3_600)
            )
        }
        #expect(found == refusal)
    }

    @Test func `an expiry can be required`() throws {
        #expect(throws: TimeWindowRefusal.missingExpiry) {
            try TimeWindow.check(claims("{}"), now: Self.now, requireExpiry: true)
        }
    }

    @Test func `dates stop at the ends of their range`() {
        #expect(NumericDate(seconds: .max).advanced(by: .seconds(1)) == NumericDate(seconds: .max))
        #expect(NumericDate(seconds: .min).advanced(by: .seconds(-1)) == NumericDate(seconds: .min))
        #expect(
            NumericDate(seconds: 1, nanoseconds: 600_000_000).advanced(by: .milliseconds(500))
                == NumericDate(seconds: 2, nanoseconds: 100_000_000)
        )
        #expect(
            NumericDate(seconds: 1).advanced(by: .milliseconds(-500))
                == NumericDate(seconds: 0, nanoseconds: 500_000_000)
        )
    }
}
