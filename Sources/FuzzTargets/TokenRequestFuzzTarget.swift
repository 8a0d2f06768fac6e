import GatewayCore
import JOSE

/// A request for an access token.
enum TokenRequestFuzzTarget {
    /// The first line is `Content-Type`, the second `Authorization`, the rest the body: what is accepted says the same
    /// when it is written afresh as a form, and what is refused is told in the characters of RFC 6749 §5.2.
    static func request(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 2, omittingEmptySubsequences: false)
        let authorization = parts.count > 1 ? Array(parts[1]) : []
        let request: TokenRequest
        do throws(OAuth2Refusal) {
            request = try read(
                type: Array(parts[0]),
                authorization: authorization,
                body: parts.count > 2 ? Array(parts[2]) : []
            )
        } catch {
            let description = error.document["error_description"]?.value.text ?? ""
            precondition(!description.isEmpty && description.utf8.allSatisfy { (0x20...0x7e).contains($0) })
            precondition([400, 401].contains(error.status))
            return
        }
        let form =
            "grant_type=client_credentials&client_id=\(encoded(request.unverifiedClientID))"
            + "&client_secret=\(encoded(request.secret.reveal()))&scope=\(encoded(Array(request.scopes.joined(separator: " ").utf8)))"
        // What is empty, or no UTF-8, can be said with HTTP Basic alone.
        guard !request.unverifiedClientID.isEmpty, !request.secret.reveal().isEmpty,
            String(validating: request.unverifiedClientID, as: UTF8.self) != nil,
            String(validating: request.secret.reveal(), as: UTF8.self) != nil,
            form.utf8.count <= TokenRequest.maximumBodyBytes
        else { return }
        let again = try? read(
            type: Array("application/x-www-form-urlencoded".utf8),
            authorization: [],
            body: Array(form.utf8)
        )
        precondition(again?.unverifiedClientID == request.unverifiedClientID)
        precondition(again?.secret.reveal() == request.secret.reveal())
        precondition(again?.scopes == request.scopes)
    }

    private static func read(
        type: [UInt8],
        authorization: [UInt8],
        body: [UInt8]
    ) throws(OAuth2Refusal) -> TokenRequest {
        try TokenRequest(
            TokenRequestParts(
                contentTypes: [type],
                authorizations: authorization.isEmpty ? [] : [authorization],
                hasQuery: false,
                body: body
            )
        )
    }

    private static func encoded(_ bytes: [UInt8]) -> String {
        bytes.map { "%" + Hex.encode([$0]) }.joined()
    }
}
