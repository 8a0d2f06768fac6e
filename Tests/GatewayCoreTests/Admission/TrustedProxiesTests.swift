import GatewayCore
import PortcullisTestSupport
import Testing

@Suite struct `Whom a call comes from` {
    private static func client(
        _ header: ClientAddressHeader,
        _ fields: [String],
        peer: String = "10.0.0.1"
    ) throws -> String? {
        var gateway = try TestGateway()
        var settings = GatewaySettings()
        settings.trustedProxies = try ["10.0.0.0/8", "2001:db8:1::/48"].map { try AddressRange($0) }
        settings.clientAddressHeader = header
        try gateway.draft.put(settings)
        let proxies = try #require(gateway.snapshot.trustedProxies)
        let peer = try #require(IPAddress(peer))
        #expect(proxies.contains(peer))
        return proxies.client(behind: peer, fields.map { Array($0.utf8) })?.description
    }

    @Test(
        arguments: [
            ([], "10.0.0.1"),
            ([""], "10.0.0.1"),
            (["198.51.100.7"], "198.51.100.7"),
            (["198.51.100.7:4711"], "198.51.100.7"),
            (["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
            (["1.1.1.1", "198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            (["1.1.1.1, 198.51.100.7", "10.0.0.2 ,\t10.0.0.3"], "198.51.100.7"),
            (["rubbish, 198.51.100.7"], "198.51.100.7"),
            (["10.9.9.9, 10.0.0.2"], "10.9.9.9"),
            (["2001:db8::7"], "2001:db8::7"),
            (["[2001:db8::7]:443, 2001:db8:1::5"], "2001:db8::7"),
            (["unknown"], nil),
            (["198.51.100.7, unknown"], nil),
            (["198.51.100.7, 10.0.0.2x"], nil),
            (["198.51.100.07"], nil),
            (["198.51.100.7:"], nil),
            (["198.51.100.7:123456"], nil),
            (["[2001:db8::7"], nil),
            (["\", 198.51.100.7"], "198.51.100.7"),
            (["\"1.1.1.1, 198.51.100.7, 10.0.0.2\""], nil),
        ] as [([String], String?)]
    )
    func `is counted from the right`(_ fields: [String], _ expected: String?) throws {
        #expect(try Self.client(.xForwardedFor, fields) == expected)
    }

    @Test(
        arguments: [
            (["for=198.51.100.7"], "198.51.100.7"),
            (["For=\"198.51.100.7:80\";proto=https;by=10.0.0.1"], "198.51.100.7"),
            (["for=1.1.1.1, for=\"[2001:db8::7]:4711\"; host=x"], "2001:db8::7"),
            (
                ["for=1.1.1.1;host=\"a,for=2.2.2.2\", for=198.51.100.7", "proto=http;for=10.0.0.9"],
                "198.51.100.7"
            ),
            (["for=_hidden"], nil),
            (["for=unknown"], nil),
            (["proto=http"], nil),
            (["for=1.1.1.1;for=2.2.2.2"], nil),
            (["198.51.100.7"], nil),
        ] as [([String], String?)]
    )
    func `is read from Forwarded`(_ fields: [String], _ expected: String?) throws {
        #expect(try Self.client(.forwarded, fields) == expected)
    }

    @Test(
        arguments: [
            // What stands before ", for=" is the caller's, what follows is the proxy's.
            (#"for=1.1.1.1;x=", for="198.51.100.7:80""#, nil),
            (#"for=1.1.1.1;x="\, for="198.51.100.7:80""#, nil),
            (#"for=1.1.1.1;x="a\", for="198.51.100.7:80""#, nil),
            (#"for="1.1.1.1, for=198.51.100.7"#, nil),
            (#"for=1.1.1.1;x=", for="198.51.100.7:80", for="10.0.0.2:80""#, nil),
            // The proxy escapes the host, which the caller chose.
            (#"for=1.1.1.1;x=", for="198.51.100.7:80";host="a\"b""#, nil),
            (#"for=1.1.1.1;x=", for=198.51.100.7;host=";x=\"y""#, nil),
            (#"for=1.1.1.1;x="a\"b,for=2.2.2.2", for="198.51.100.7:80""#, "198.51.100.7"),
            (#"for=1.1.1.1;x="a\\", for="198.51.100.7:80""#, "198.51.100.7"),
            (#"for=198.51.100.7;host="a\",for=1.1.1.1;x=\"""#, "198.51.100.7"),
            (#"for="198.51.100\.7""#, "198.51.100.7"),
            (#"for="198.51.100.7\""#, nil),
            (#"for="198.51.100.7"x"#, nil),
            (#"for=198.51.100.7""#, nil),
        ] as [(String, String?)]
    )
    func `is not the caller's word, however it quotes`(_ field: String, _ expected: String?) throws {
        #expect(try Self.client(.forwarded, [field]) == expected)
    }

    @Test func `is what the nearest proxy says, whatever stands in fields before it`() throws {
        #expect(try Self.client(.forwarded, ["for=\"", "for=198.51.100.7"]) == "198.51.100.7")
        #expect(try Self.client(.forwarded, ["for=\"", "for=10.0.0.2"]) == nil)
    }

    @Test func `is nobody's word where no proxy is trusted`() throws {
        #expect(try TestGateway().snapshot.trustedProxies == nil)
    }
}
