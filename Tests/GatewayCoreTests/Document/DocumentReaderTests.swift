import GatewayCore
import Testing

struct DocumentReaderTests {
    private func reader(_ json: String) throws -> DocumentReader {
        try DocumentReader(CatalogFixture.document(json), path: "thing")
    }

    @Test func `absent leaves a field, null resets it, a value sets it`() throws {
        var reader = try reader(#"{"reset": null, "set": "new", "number": null}"#)
        var (kept, reset, set, number) = ("kept", "old", "old", Int?.some(5))
        try reader.text("kept", &kept, default: "default")
        try reader.text("reset", &reset, default: "default")
        try reader.text("set", &set, default: "default")
        try reader.optionalInteger("number", &number)
        try reader.finish()
        #expect((kept, reset, set) == ("kept", "default", "new"))
        #expect(number == nil)
    }

    @Test(arguments: [
        (#"{"name": 1}"#, "thing.name", "expected a text, found a number"),
        (#"{"name": null}"#, "thing.name", "expected a text, found null"),
        (#"{"name": ["x"]}"#, "thing.name", "expected a text, found a list"),
        (#"{"activ": true}"#, "thing.activ", "unknown field, did you mean \"active\"?"),
        (#"{"nmae": "x"}"#, "thing.nmae", "unknown field, did you mean \"name\"?"),
        (#"{"colour": "x"}"#, "thing.colour", "unknown field"),
        (
            #"{"active": "yes"}"#, "thing.active",
            "value is the text \"yes\", expected true or false without quotation marks"
        ),
        (#"{"active": 1}"#, "thing.active", "expected true or false, found a number"),
        (#"{"limit": 1.5}"#, "thing.limit", "number is 1.5, expected a whole number"),
        (#"{"limit": "5"}"#, "thing.limit", "expected a whole number, found a text"),
        (#"{"limit": 1e400}"#, "thing.limit", "number is 1e400, expected a whole number"),
        (
            #"{"at": "yesterday"}"#, "thing.at",
            "time is \"yesterday\", expected the form 2026-11-24T18:00:00Z (RFC 3339)"
        ),
        (#"{"at": 5}"#, "thing.at", "expected a time as text, found a number"),
        (#"{"hosts": "x"}"#, "thing.hosts", "expected a list, found a text"),
        (#"{"hosts": ["x", 2]}"#, "thing.hosts[1]", "expected a text, found a number"),
    ])
    func `a wrong field is refused with its path and both sides`(
        json: String,
        field: String,
        message: String
    ) throws {
        var reader = try reader(json)
        var (name, active, limit, time, hosts) = ("", true, Int64(0), Timestamp?.none, [""])
        let error = #expect(throws: DocumentError.self) {
            try reader.text("name", &name)
            try reader.bool("active", &active, default: true)
            try reader.integer("limit", &limit, default: 0)
            try reader.optionalTime("at", &time)
            try reader.texts("hosts", &hosts)
            try reader.finish()
        }
        #expect(error?.field == field)
        #expect(error?.message == message)
        #expect(error?.position?.line == 1)
    }

    @Test func `a field that is there twice is refused`() {
        let members = (0..<40).map { DocumentMember("field\($0 % 39)", DocumentNode(.null)) }
        for count in [40, 2] {
            let some = Array(members.prefix(1) + members.suffix(count - 1))
            let error = #expect(throws: DocumentError.self) {
                try DocumentReader(DocumentNode(.object(some)))
            }
            #expect(error?.description == "field0: the field is there twice")
        }
    }

    @Test func `a name from outside is cut short and loses its control characters`() throws {
        let name = "\u{1b}[31m" + String(repeating: "x", count: 1000)
        let node = DocumentNode(.object([DocumentMember(name, DocumentNode(.null))]))
        let reader = try DocumentReader(node)
        let error = #expect(throws: DocumentError.self) { try reader.finish() }
        #expect(error?.field.count == 61)
        #expect(error?.field.contains("\u{1b}") == false)
    }
}
