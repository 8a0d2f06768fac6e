import GatewayCore
import JOSE
import Testing

struct DocumentJSONTests {
    @Test(arguments: [
        #"{"a":[1,-2,true,false,null,"x",{}],"b":{"c":[]}}"#,
        #"{"big":9223372036854775808,"fraction":1.10,"exponent":-1.5e-3}"#,
        #"["quote \" backslash \\ newline \n tab \t bell \u0007 ä 😀"]"#,
        #""plain""#,
    ])
    func `what is read is written again as it was`(text: String) throws {
        #expect(try DocumentNode(json: Array(text.utf8)).json() == text)
    }

    @Test func `pretty text has a line for each member and says the same`() throws {
        let node = try DocumentNode(json: Array(#"{"a":[1,{"b":null}],"c":[],"d":{}}"#.utf8))
        let pretty = node.json(pretty: true)
        #expect(
            pretty == """
                {
                  "a": [
                    1,
                    {
                      "b": null
                    }
                  ],
                  "c": [],
                  "d": {}
                }
                """
        )
        #expect(try DocumentNode(json: Array(pretty.utf8)).value == node.value)
    }

    @Test(arguments: [
        ("{\"a\": 1,\n \"ä\": x}", "line 2, column 7"),
        ("{\"a\": 1,\n \"a\": 2}", "line 2, column 2"),
        ("", "line 1, column 1"),
        ("{} x", "line 1, column 4"),
    ])
    func `a fault is shown with its line and column`(text: String, place: String) throws {
        let error = #expect(throws: DocumentError.self) {
            try DocumentNode(json: Array(text.utf8), hasPositions: true)
        }
        #expect(error?.position?.description == place)
        #expect(error?.message.hasPrefix("not a JSON text: ") == true)
    }

    @Test func `size and depth are bounded as asked`() {
        let deep = Array((String(repeating: "[", count: 17) + String(repeating: "]", count: 17)).utf8)
        #expect(throws: DocumentError.self) { try DocumentNode(json: deep) }
        #expect(throws: Never.self) {
            try DocumentNode(json: deep, limits: JSONLimits(maximumBytes: 100, maximumDepth: 17))
        }
        #expect(throws: DocumentError.self) {
            try DocumentNode(json: deep, limits: JSONLimits(maximumBytes: 33, maximumDepth: 17))
        }
    }

    @Test(arguments: [
        ("clients[0].profiles[0].name", "line 3, column 13"),
        ("clients[0].profiles[0].keys[4].secret", "line 2, column 28"),
        ("clients[7]", "line 2, column 14"),
        ("nothing", "line 1, column 1"),
        ("clients[-1].x[", "line 2, column 14"),
    ])
    func `a path finds its line, or the line of what comes nearest`(path: String, place: String) throws {
        let node = try CatalogFixture.document(
            "{\n  \"clients\": [{\"profiles\":[{\n    \"name\": \"x\"}]}]}"
        )
        #expect(node.position(ofField: path)?.description == place)
    }
}
