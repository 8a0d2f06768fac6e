import JOSE
import Testing

@Suite struct Base64Tests {
    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
        ("foobar", "Zm9vYmFy"),
    ])
    func `the vectors of RFC 4648 hold without padding`(plain: String, encoded: String) throws {
        #expect(Base64URL.encode(bytes(plain)) == encoded)
        #expect(try Base64URL.decode(bytes(encoded)) == bytes(plain))
    }

    @Test func `every byte survives at every length`() throws {
        for length in 0..<70 {
            let original = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ length) }
            #expect(try Base64URL.decode(bytes(Base64URL.encode(original))) == original)
            #expect(try Base64.decode(bytes(Base64.encode(original))) == original)
        }
    }

    @Test(
        arguments: [
            ("Zg==", Base64Error.byteOutsideAlphabet(found: 0x3D, position: 2)),
            ("Zm9v\n", .byteOutsideAlphabet(found: 0x0A, position: 4)),
            (" Zm9v", .byteOutsideAlphabet(found: 0x20, position: 0)),
            ("Zm 9v", .byteOutsideAlphabet(found: 0x20, position: 2)),
            ("Zm+v", .byteOutsideAlphabet(found: 0x2B, position: 2)),
            ("Zm/v", .byteOutsideAlphabet(found: 0x2F, position: 2)),
            ("Zm9v.", .byteOutsideAlphabet(found: 0x2E, position: 4)),
            ("Zé", .byteOutsideAlphabet(found: 0xC3, position: 1)),
            ("Zm9\0", .byteOutsideAlphabet(found: 0x00, position: 3)),
            ("A", .impossibleLength(1)),
            ("Zm9vY", .impossibleLength(5)),
            ("Zh", .spareBitsSet(position: 1)),
            ("Zm9", .spareBitsSet(position: 2)),
            ("Zm8B", nil),
        ] as [(String, Base64Error?)]
    )
    func `Base64url that is not canonical is refused with its position`(text: String, fault: Base64Error?) {
        let found = refusal { () throws(Base64Error) in _ = try Base64URL.decode(bytes(text)) }
        #expect(found == fault)
        #expect(fault == nil || found?.description.isEmpty == false)
    }

    @Test(
        arguments: [
            ("Zg==", nil), ("Zm8=", nil), ("Zm9v", nil), ("+/+/", nil), ("", nil),
            ("Zg", .paddingWrong(position: 2)), ("Zg=", .paddingWrong(position: 3)),
            ("Zm9v====", .byteOutsideAlphabet(found: 0x3D, position: 4)),
            ("Zm9vZ===", .byteOutsideAlphabet(found: 0x3D, position: 5)),
            ("====", .byteOutsideAlphabet(found: 0x3D, position: 0)), ("Zh==", .spareBitsSet(position: 1)),
            ("Zm9v\n", .byteOutsideAlphabet(found: 0x0A, position: 4)),
            ("-_-_", .byteOutsideAlphabet(found: 0x2D, position: 0)),
        ] as [(String, Base64Error?)]
    )
    func `Base64 with padding is as strict`(text: String, fault: Base64Error?) {
        let found = refusal { () throws(Base64Error) in _ = try Base64.decode(bytes(text)) }
        #expect(found == fault)
    }
}

@Suite struct SecretTests {
    @Test func `a secret shows itself nowhere but when revealed`() {
        let secret = Secret("hunter2")
        var dumped = ""
        dump(secret, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), String(describing: [secret]), dumped] {
            #expect(!text.contains("hunter2"))
        }
        #expect("\(secret)" == "<redacted>")
        #expect(Mirror(reflecting: secret).children.isEmpty)
        #expect(secret.reveal() == "hunter2")
    }

    @Test func `constant time comparison compares`() {
        #expect(ConstantTime.equal([1, 2, 3], [1, 2, 3]))
        #expect(!ConstantTime.equal([1, 2, 3], [1, 2, 4]))
        #expect(!ConstantTime.equal([0, 2, 3], [1, 2, 3]))
        #expect(!ConstantTime.equal([1, 2, 3], [1, 2]))
        #expect(ConstantTime.equal([UInt8](), []))
    }
}
