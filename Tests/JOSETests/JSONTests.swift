import JOSE
import Testing

@Suite struct JSONTests {
    @Test(arguments: [
        "{}", "[]", "null", "true", "false", "0", "-0", "1e400", "-1.5E-7", "\"\"", " \t\r\n[ 1 , 2 ]\n",
        #"{"a":{"b":[{"a":1},{"a":2}]}}"#, #""\u0000\ud83d\ude00\"\\\/\b\f\n\r\t""#, "\"é😀\u{10FFFF}\"",
        "\"\u{7F}\"",
        #"{"a":1,"A":2,"":3}"#, "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
    ])
    func `strict JSON is accepted`(text: String) throws {
        let document = try JSONDocument(parsing: bytes(text))
        let outer = document.root.byteRange
        #expect(try JSONDocument(parsing: Array(document.source[outer])).root.kind == document.root.kind)
    }

    @Test(
        arguments: [
            ("", .unexpectedEnd(expected: .value), 0),
            ("  ", .unexpectedEnd(expected: .value), 2),
            ("{", .unexpectedEnd(expected: .memberNameOrEnd), 1),
            ("[", .unexpectedEnd(expected: .value), 1),
            ("[1", .unexpectedEnd(expected: .commaOrArrayEnd), 2),
            ("[1,]", .unexpectedByte(found: 0x5D, expected: .value), 3),
            ("[,1]", .unexpectedByte(found: 0x2C, expected: .value), 1),
            ("{\"a\":1,}", .unexpectedByte(found: 0x7D, expected: .memberName), 7),
            ("{\"a\" 1}", .unexpectedByte(found: 0x31, expected: .colon), 5),
            ("{\"a\":}", .unexpectedByte(found: 0x7D, expected: .value), 5),
            ("{a:1}", .unexpectedByte(found: 0x61, expected: .memberNameOrEnd), 1),
            ("{'a':1}", .unexpectedByte(found: 0x27, expected: .memberNameOrEnd), 1),
            ("[1}", .unexpectedByte(found: 0x7D, expected: .commaOrArrayEnd), 2),
            ("{\"a\":1]", .unexpectedByte(found: 0x5D, expected: .commaOrObjectEnd), 6),
            ("1 2", .trailingBytes(found: 0x32), 2), ("{}{}", .trailingBytes(found: 0x7B), 2),
            ("{}\0", .trailingBytes(found: 0), 2), ("01", .trailingBytes(found: 0x31), 1),
            ("-", .unexpectedEnd(expected: .digit), 1),
            ("-a", .unexpectedByte(found: 0x61, expected: .digit), 1),
            ("1.", .unexpectedEnd(expected: .digit), 2),
            ("1.e1", .unexpectedByte(found: 0x65, expected: .digit), 2),
            ("1e", .unexpectedEnd(expected: .digit), 2), ("1e+", .unexpectedEnd(expected: .digit), 3),
            ("+1", .unexpectedByte(found: 0x2B, expected: .value), 0),
            (".5", .unexpectedByte(found: 0x2E, expected: .value), 0),
            ("NaN", .unexpectedByte(found: 0x4E, expected: .value), 0),
            ("tru", .unexpectedEnd(expected: .literal), 3),
            ("nulL", .unexpectedByte(found: 0x4C, expected: .literal), 3),
            ("0x10", .trailingBytes(found: 0x78), 1),
            ("\"a", .unexpectedEnd(expected: .stringEnd), 2), ("\"\\", .unexpectedEnd(expected: .escape), 1),
            ("\"\\x41\"", .invalidEscape(found: 0x78), 1),
            ("\"\\u12\"", .unexpectedByte(found: 0x22, expected: .hexadecimalDigit), 5),
            ("\"\n\"", .controlCharacter(0x0A), 1), ("\"\0\"", .controlCharacter(0), 1),
            ("/*a*/1", .unexpectedByte(found: 0x2F, expected: .value), 0),
            (#""\ud800""#, .loneSurrogate, 7), (#""\udc00""#, .loneSurrogate, 7),
            (#""\ud800\u0041""#, .loneSurrogate, 13),
            (#""\ud800\ud800""#, .loneSurrogate, 13),
        ] as [(String, JSONError.Problem, Int)]
    )
    func `anything else is refused with what was found and where`(
        text: String,
        problem: JSONError.Problem,
        offset: Int
    ) {
        #expect(fault(bytes(text)) == JSONError(problem: problem, offset: offset))
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80],
            [0xED, 0xBF, 0xBF],
            [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xC3],
            [0xE2, 0x82], [0xF0, 0x9F, 0x98],
            [0xC3, 0x28], [0xE2, 0x28, 0xA1], [0xE2, 0x82, 0x28],
        ] as [[UInt8]]
    )
    func `strings that are not UTF-8 are refused`(sequence: [UInt8]) {
        #expect(fault([0x22] + sequence + [0x22])?.problem == .invalidUTF8)
        #expect(fault([0x22] + sequence) != nil)
    }

    @Test func `a byte order mark is refused`() {
        #expect(fault([0xEF, 0xBB, 0xBF] + bytes("{}")) == JSONError(problem: .byteOrderMark, offset: 0))
    }

    @Test(arguments: [
        (#"{"a":1,"a":2}"#, "a", 7), (#"{"x":{"a":1,"b":2,"a":3}}"#, "a", 18),
        (#"[{"a":1},{"b":1,"b":1}]"#, "b", 16),
        (#"{"a":1,"\u0061":2}"#, "a", 7), (#"{"\u0061":1,"a":2}"#, "a", 12), (#"{"a\/":1,"a/":2}"#, "a/", 9),
        (#"{"":1,"":2}"#, "", 6), (#"{"a":{"a":1},"b":[],"a":{}}"#, "a", 20),
        (#"{"é":1,"\u00e9":2}"#, "é", 8),
    ])
    func `a member named twice is refused at every level`(text: String, name: String, offset: Int) {
        #expect(fault(bytes(text)) == JSONError(problem: .duplicateMember(name: bytes(name)), offset: offset))
    }

    @Test func `names that only look alike are different`() throws {
        let document = try JSONDocument(parsing: bytes("{\"\u{E9}\":1,\"e\u{301}\":2}"))
        #expect(document.root.count == 2)
        #expect(document.root[member: bytes("e\u{301}")]?.number?.integer == 2)
    }

    @Test func `a duplicate among thousands of members is found, and quickly`() throws {
        let members = (0..<5_000).map { "\"\($0)\":0" }.joined(separator: ",")
        let sound = try JSONDocument(parsing: bytes("{\(members)}"))
        #expect(sound.root.count == 5_000)
        #expect(sound.root[member: "4999"] != nil)
        let found = fault(bytes("{\(members),\"\\u0037\":1}"))
        #expect(found?.problem == .duplicateMember(name: bytes("7")))
        #expect(found?.offset == members.utf8.count + 2)
    }

    @Test func `depth and size are bounded`() {
        let deep = String(repeating: "[", count: 17) + String(repeating: "]", count: 17)
        #expect(fault(bytes(deep)) == JSONError(problem: .tooDeep(limit: 16), offset: 16))
        let bottomless = [UInt8](repeating: UInt8(ascii: "["), count: 60_000)
        #expect(fault(bottomless)?.problem == .tooDeep(limit: 16))
        let objects = bytes(String(repeating: "{\"a\":", count: 12_000))
        #expect(fault(objects)?.problem == .tooDeep(limit: 16))
        #expect(
            fault(bytes("[1,2,3]"), JSONLimits(maximumBytes: 6))?.problem == .tooLarge(found: 7, limit: 6)
        )
        #expect(fault(bytes("[1]"), JSONLimits(maximumDepth: 0))?.problem == .tooDeep(limit: 0))
        #expect(fault(bytes("1"), JSONLimits(maximumDepth: 0)) == nil)
    }

    @Test func `values are found by name, in order, with their place in the source`() throws {
        let text = #"{"s":"a\nb","n":12,"t":true,"f":false,"z":null,"l":[1,"x",{"y":[]}],"o":{"s":"inner"}}"#
        let root = try JSONDocument(parsing: bytes(text)).root
        #expect(root.members.map(\.nameBytes) == ["s", "n", "t", "f", "z", "l", "o"].map(bytes))
        #expect(root[member: "s"]?.string == "a\nb")
        #expect(root[member: "s"]?.isString(bytes("a\nb")) == true)
        #expect(root[member: "n"]?.number?.integer == 12)
        #expect(root[member: "t"]?.bool == true)
        #expect(root[member: "f"]?.bool == false)
        #expect(root[member: "z"]?.kind == .null)
        #expect(root[member: "z"]?.string == nil)
        #expect(root[member: "absent"] == nil)
        let list = try #require(root[member: "l"])
        #expect(list.elements.map(\.kind) == [.number, .string, .object])
        #expect(
            list.elements.map { String(decoding: bytes(text)[$0.byteRange], as: UTF8.self) } == [
                "1", "\"x\"", #"{"y":[]}"#,
            ]
        )
        #expect(list[member: "y"] == nil)
        #expect(root[member: "o"]?[member: "s"]?.string == "inner")
        #expect(root.elements.map(\.kind).isEmpty)
    }

    private func fault(_ text: [UInt8], _ limits: JSONLimits = .default) -> JSONError? {
        let found = refusal { () throws(JSONError) in _ = try JSONDocument(parsing: text, limits: limits) }
        #expect(found?.description.isEmpty != true)
        return found
    }
}

@Suite struct JSONNumberTests {
    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("-0.0e5", 0), ("1e3", 1_000), ("1E+3", 1_000), ("10.0", 10), ("1.50e1", 15),
            ("-1", -1),
            ("9223372036854775807", .max), ("-9223372036854775808", .min), ("9223372036854775808", nil),
            ("-9223372036854775809", nil),
            ("0.9223372036854775807e19", .max), ("18446744073709551616", nil), ("1.5", nil), ("1e-1", nil),
            ("1e400", nil), ("-1e400", nil),
            ("1e-400", nil), ("1000e-3", 1), ("1e99999999999999999999", nil), ("0e99999999999999999999", 0),
            ("1e-99999999999999999999", nil),
            ("0.000000000000000000000000000001e30", 1), ("100000000000000000000000000000000e-30", 100),
            (
                "1.0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001",
                nil
            ),
        ] as [(String, Int64?)]
    )
    func `an integer is one only if it is exactly one`(text: String, value: Int64?) throws {
        let number = try #require(try JSONDocument(parsing: bytes(text)).root.number)
        #expect(number.integer == value)
    }

    @Test(
        arguments: [
            ("1718000000", NumericDate(seconds: 1_718_000_000)),
            ("1718000000.25", NumericDate(seconds: 1_718_000_000, nanoseconds: 250_000_000)),
            ("1.718e9", NumericDate(seconds: 1_718_000_000)),
            ("0.1e-8", NumericDate(seconds: 0, nanoseconds: 1)),
            ("-1", NumericDate(seconds: -1)), ("-0.25", NumericDate(seconds: -1, nanoseconds: 750_000_000)),
            ("-1e-400", NumericDate(seconds: -1, nanoseconds: 999_999_999)),
            ("1e-400", NumericDate(seconds: 0)),
            ("0.0000000019", NumericDate(seconds: 0, nanoseconds: 1)),
            ("123e-2", NumericDate(seconds: 1, nanoseconds: 230_000_000)),
            ("12345678901234567890.5", nil), ("1e400", nil), ("-1e400", nil),
        ] as [(String, NumericDate?)]
    )
    func `a date is rounded down to the nanosecond`(text: String, date: NumericDate?) throws {
        let number = try #require(try JSONDocument(parsing: bytes(text)).root.number)
        #expect(number.numericDate == date)
        #expect(number.isBeyondRange == (date == nil))
        #expect(number.isNegative == text.hasPrefix("-"))
    }

    @Test func `a mantissa of fifty thousand digits is read without effort`() throws {
        let digits = String(repeating: "9", count: 50_000)
        let huge = try #require(try JSONDocument(parsing: bytes(digits)).root.number)
        #expect(huge.isBeyondRange)
        let small = try #require(try JSONDocument(parsing: bytes("0.\(digits)")).root.number)
        #expect(small.numericDate == NumericDate(seconds: 0, nanoseconds: 999_999_999))
        #expect(small.integer == nil)
        let scaled = try #require(
            try JSONDocument(parsing: bytes("1\(String(repeating: "0", count: 50_000))e-50000")).root.number
        )
        #expect(scaled.integer == 1)
    }
}
