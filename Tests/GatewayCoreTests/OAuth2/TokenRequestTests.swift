import GatewayCore
import JOSE
import Testing

/// One request for an access token, and what is made of it.
struct TokenRequestCase: Sendable, CustomTestStringConvertible {
    let why: String
    var type: [String] = ["application/x-www-form-urlencoded"]
    var authorization: [String] = []
    var hasQuery = false
    var body: String
    var refusal: OAuth2Refusal.Code?
    var scopes: [String] = []

    var testDescription: String { why }

    static let form = "grant_type=client_credentials&client_id=a&client_secret=b"

    static func basic(_ text: String) -> String { "Basic \(Base64.encode(Array(text.utf8)))" }

    static let accepted: [TokenRequestCase] = [
        TokenRequestCase(why: "a form", body: form),
        TokenRequestCase(
            why: "a type in any case, with parameters",
            type: ["Application/X-WWW-Form-URLEncoded ; charset=utf-8"],
            body: form
        ),
        TokenRequestCase(
            why: "HTTP Basic",
            authorization: [basic("a:b")],
            body: "grant_type=client_credentials"
        ),
        TokenRequestCase(
            why: "HTTP Basic, encoded as RFC 6749 §2.3.1 says",
            authorization: [basic("%61:%62")],
            body: "grant_type=client_credentials"
        ),
        TokenRequestCase(
            why: "HTTP Basic with the same client_id in the body",
            authorization: ["bASIC  \(Base64.encode(Array("a:b".utf8)))"],
            body: "grant_type=client_credentials&client_id=a"
        ),
        TokenRequestCase(
            why: "JSON, what is unknown in it of any type",
            type: ["application/json"],
            body:
                #"{"grant_type":"client_credentials","client_id":"a","client_secret":"\u0062","x":[1],"scope":null}"#
        ),
        TokenRequestCase(
            why: "encoded names",
            body: "grant%5Ftype=client%5fcredentials&client_id=a&client_secret=b"
        ),
        TokenRequestCase(why: "scopes, each once", body: "\(form)&scope=x+y%20x", scopes: ["x", "y"]),
        TokenRequestCase(why: "what has no value is left out", body: "\(form)&scope=&resource&=&&"),
    ]

    static let refused: [TokenRequestCase] = [
        TokenRequestCase(why: "nothing", body: "", refusal: .invalidRequest),
        TokenRequestCase(why: "no type", type: [], body: form, refusal: .invalidRequest),
        TokenRequestCase(
            why: "two types",
            type: ["application/json", "application/json"],
            body: "{}",
            refusal: .invalidRequest
        ),
        TokenRequestCase(why: "another type", type: ["text/plain"], body: form, refusal: .invalidRequest),
        TokenRequestCase(why: "a query", hasQuery: true, body: form, refusal: .invalidRequest),
        TokenRequestCase(why: "another grant", body: "grant_type=password", refusal: .unsupportedGrantType),
        TokenRequestCase(
            why: "a grant in another case",
            body: "grant_type=Client_Credentials",
            refusal: .unsupportedGrantType
        ),
        TokenRequestCase(why: "a parameter twice", body: "\(form)&client_id=a", refusal: .invalidRequest),
        TokenRequestCase(why: "an unknown one twice", body: "\(form)&x=1&x=1", refusal: .invalidRequest),
        TokenRequestCase(why: "an empty one twice", body: "\(form)&scope=&scope=", refusal: .invalidRequest),
        TokenRequestCase(why: "a broken escape", body: "\(form)&x=%2", refusal: .invalidRequest),
        TokenRequestCase(why: "no UTF-8", body: "\(form)&x=%c3", refusal: .invalidRequest),
        TokenRequestCase(why: "no client", body: "grant_type=client_credentials", refusal: .invalidClient),
        TokenRequestCase(
            why: "no secret",
            body: "grant_type=client_credentials&client_id=a",
            refusal: .invalidClient
        ),
        TokenRequestCase(
            why: "two ways",
            authorization: [basic("a:b")],
            body: form,
            refusal: .invalidRequest
        ),
        TokenRequestCase(
            why: "two fields",
            authorization: [basic("a:b"), basic("a:b")],
            body: "grant_type=client_credentials",
            refusal: .invalidRequest
        ),
        TokenRequestCase(
            why: "two clients",
            authorization: [basic("a:b")],
            body: "grant_type=client_credentials&client_id=c",
            refusal: .invalidRequest
        ),
        TokenRequestCase(
            why: "another scheme",
            authorization: ["Bearer a"],
            body: "grant_type=client_credentials",
            refusal: .invalidClient
        ),
        TokenRequestCase(
            why: "no colon",
            authorization: [basic("ab")],
            body: "grant_type=client_credentials",
            refusal: .invalidClient
        ),
        TokenRequestCase(
            why: "no Base64",
            authorization: ["Basic a:b"],
            body: "grant_type=client_credentials",
            refusal: .invalidClient
        ),
        TokenRequestCase(why: "no JSON", type: ["application/json"], body: form, refusal: .invalidRequest),
        TokenRequestCase(why: "no object", type: ["application/json"], body: "[]", refusal: .invalidRequest),
        TokenRequestCase(
            why: "a list for a text",
            type: ["application/json"],
            body: #"{"grant_type":["client_credentials"]}"#,
            refusal: .invalidRequest
        ),
        TokenRequestCase(
            why: "a member twice",
            type: ["application/json"],
            body: #"{"grant_type":"client_credentials","grant_type":"client_credentials"}"#,
            refusal: .invalidRequest
        ),
        TokenRequestCase(why: "two spaces", body: "\(form)&scope=x++y", refusal: .invalidScope),
        TokenRequestCase(why: "a space first", body: "\(form)&scope=+x", refusal: .invalidScope),
        TokenRequestCase(why: "a quotation mark", body: "\(form)&scope=%22", refusal: .invalidScope),
        TokenRequestCase(
            why: "a letter that is not ASCII",
            body: "\(form)&scope=%C3%A9",
            refusal: .invalidScope
        ),
    ]

    func read() throws(OAuth2Refusal) -> TokenRequest {
        try TokenRequest(
            TokenRequestParts(
                contentTypes: type.map { Array($0.utf8) },
                authorizations: authorization.map { Array($0.utf8) },
                hasQuery: hasQuery,
                body: Array(body.utf8)
            )
        )
    }
}

@Suite struct `A request for an access token` {
    @Test(arguments: TokenRequestCase.accepted)
    func `is read`(_ row: TokenRequestCase) throws {
        let request = try row.read()
        #expect(request.unverifiedClientID == Array("a".utf8))
        #expect(request.secret.reveal() == Array("b".utf8))
        #expect(request.scopes == row.scopes)
        #expect(!"\(request)".contains("98"), "the secret is printed nowhere")
    }

    @Test(arguments: TokenRequestCase.refused)
    func `is refused as RFC 6749 says`(_ row: TokenRequestCase) throws {
        let refusal = try #require(throws: OAuth2Refusal.self) { try row.read() }
        #expect(refusal.code == row.refusal)
        #expect(refusal.status == (row.refusal == .invalidClient ? 401 : 400))
        let document = refusal.document
        #expect(document["error"]?.value.text == row.refusal?.rawValue)
        // RFC 6749 §5.2: visible ASCII and spaces, but for the quotation mark and the backslash.
        let description = try #require(document["error_description"]?.value.text)
        #expect(description.utf8.allSatisfy { (0x20...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c })
    }

    @Test func `has a body of bounded length`() throws {
        let form = TokenRequestCase.form + "&x="
        let rest = TokenRequest.maximumBodyBytes - form.utf8.count
        _ = try TokenRequestCase(why: "", body: form + String(repeating: "y", count: rest)).read()
        let longer = TokenRequestCase(why: "", body: form + String(repeating: "y", count: rest + 1))
        #expect(throws: OAuth2Refusal.self) { try longer.read() }
    }
}
