import GatewayCore

/// One request for a page, and what its handler may use.
struct Visit: Sendable {
    let request: AdminRequest
    /// The values of the path's parameters.
    let path: [String: String]
    /// The names and values of the query.
    let query: Form
    /// The fields of the form that was posted; empty for a page that is shown.
    var form: Form
    /// The session; `nil` only on pages that anyone may see.
    let session: ConsoleSession?
    let now: Timestamp
    /// The admin API, called as the operator.
    let api: ConsoleAPI
    /// The URL of the gateway, as far as it is known; else empty.
    var gateway = ""

    /// Whether the operator has at least this role.
    func may(_ role: Role) -> Bool {
        session.map { $0.principal.role >= role } ?? false
    }

    /// A path parameter as it may stand in a path of the admin API or of the console.
    func segment(_ name: String) -> String {
        PathSegment.encoded(path[name] ?? "")
    }
}

/// Percent-encodes texts for paths and queries (RFC 3986 §2.3: all but unreserved characters).
enum PathSegment {
    static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = Hex.encode([byte])
                result += "%" + digits.uppercased()
            }
        }
        return result
    }
}

/// The fields of a form or a query (application/x-www-form-urlencoded), in order; names may repeat.
struct Form: Sendable {
    /// The largest form that is read, in bytes.
    static let limit = 1 << 20
    // A profile may be granted 10,000 collections, each a box of a form.
    private static let maximumFields = 11_000

    let fields: [(name: String, value: String)]

    init(_ fields: [(name: String, value: String)] = []) {
        self.fields = fields
    }

    /// Reads a posted body.
    ///
    /// - Throws: ``Problem`` 400 when an escape is broken, gives no UTF-8, or there are too many fields.
    init(_ bytes: [UInt8]) throws(Problem) {
        let broken = Problem(.badRequest, "the form cannot be read; go back, and send it again")
        let parts = bytes.split(separator: UInt8(ascii: "&"))
        guard parts.count <= Self.maximumFields else { throw broken }
        var fields: [(name: String, value: String)] = []
        for part in parts {
            let equals = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            guard let name = Self.decoded(part[..<equals]),
                let value = Self.decoded(part[equals...].dropFirst())
            else { throw broken }
            // Browsers send the ends of lines as CR LF whatever the page had (HTML §4.10.21.4).
            fields.append((name, value.replacing("\r\n", with: "\n")))
        }
        self.fields = fields
    }

    private static func decoded(_ text: ArraySlice<UInt8>) -> String? {
        PercentEncoding.decoded(text, plusIsSpace: true)
            .flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// The first value of this name.
    subscript(_ name: String) -> String? {
        fields.first { $0.name == name }?.value
    }

    /// The value without white space around it; empty when there is none.
    func text(_ name: String) -> String {
        let scalars = (self[name] ?? "").unicodeScalars
        let isSpace = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace }
        return String(
            String.UnicodeScalarView(
                scalars.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
            )
        )
    }

    /// All values of this name, without the empty ones.
    func all(_ name: String) -> [String] {
        fields.filter { $0.name == name && !$0.value.isEmpty }.map(\.value)
    }

    /// Whether a check box was checked.
    func isOn(_ name: String) -> Bool { self[name] != nil }

    /// The lines of a text area, without white space around them and without empty ones.
    func lines(_ name: String) -> [String] {
        (self[name] ?? "").split(whereSeparator: \.isNewline).compactMap { line in
            let text = Form([(name: "line", value: String(line))]).text("line")
            return text.isEmpty ? nil : text
        }
    }
}
