import JOSE

/// What a token says, without believing it, and everything that is wrong with its form.
package struct TokenReading: Sendable {
    /// One fault, and where it is.
    package struct Fault: Sendable {
        /// The part that it is in: `token`, `header`, `payload` or `signature`.
        package let part: String
        /// The position in bytes from the token's beginning; `nil` where it lies within what was decoded.
        package let position: Int?
        /// What is wrong, in words.
        package let text: String
    }

    /// One part between dots.
    package struct Part: Sendable {
        /// Its name: `header`, `payload`, `signature`.
        package let name: String
        /// Where it stands in the token, in bytes.
        package let range: Range<Int>
    }

    /// The header's text; `nil` where it is none.
    package let header: String?
    /// The payload's text, as it was written; `nil` where it is none.
    package let payload: String?
    /// How long the signature is; `nil` where it cannot be decoded.
    package let signatureBytes: Int?
    /// The parts in order.
    package let parts: [Part]
    /// The times in words.
    package let times: [String]
    /// Everything that is wrong with the form; empty for a token that a gateway would look at.
    package let faults: [Fault]

    /// Reads a token.
    ///
    /// - Parameters:
    ///   - token: the bytes.
    ///   - now: seconds since 1970, for the times.
    package init(_ token: [UInt8], now: Int64) {
        var faults: [Fault] = []
        var parts: [Part] = []
        var start = 0
        for text in token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).prefix(3) {
            parts.append(
                Part(
                    name: ["header", "payload", "signature"][parts.count],
                    range: start..<start + text.count
                )
            )
            start += text.count + 1
        }
        self.parts = parts
        var decoded: [[UInt8]?] = parts.map { part in
            do throws(Base64URLError) {
                return try Base64URL.decode(Array(token[part.range]))
            } catch {
                let position = part.range.lowerBound + error.position
                faults.append(Fault(part: part.name, position: position, text: "not Base64url: \(error)"))
                return nil
            }
        }
        decoded += Array(repeating: nil, count: 3 - decoded.count)
        let documents = zip(["header", "payload"], decoded).map { name, bytes in
            bytes.flatMap { Self.document($0, name, &faults) }
        }
        header = decoded[0].flatMap { String(validating: $0, as: UTF8.self) }
        payload = decoded[1].flatMap { String(validating: $0, as: UTF8.self) }
        signatureBytes = decoded[2]?.count
        times = documents[1].map { $0.root.kind == .object ? TokenTimes.lines($0, now: now) : [] } ?? []
        do throws(TokenError) {
            _ = try UnverifiedToken.parse(token.span).claims()
        } catch {
            // What is told above with its place is not told again.
            if faults.isEmpty { faults.append(Fault(part: "token", position: nil, text: "\(error)")) }
        }
        self.faults = faults
    }

    private static func document(_ bytes: [UInt8], _ name: String, _ faults: inout [Fault]) -> JSONDocument? {
        do throws(JSONError) {
            return try JSONDocument(parsing: bytes, limits: JSONLimits(maximumBytes: bytes.count))
        } catch {
            faults.append(Fault(part: name, position: nil, text: "not strict JSON: \(error)"))
            return nil
        }
    }
}
