import JOSE

/// Entry points for fuzzing the parsers of the JOSE library.
///
/// Each takes any bytes. Refusing them is right; trapping is a finding, and so is a broken invariant, which
/// `precondition` turns into a trap.
package enum JOSEFuzzTargets {
    /// A compact token: what is accepted encodes to the very bytes that were given, and nothing verifies.
    package static func token(_ bytes: [UInt8]) {
        // A refusal is the expected outcome of most inputs.
        guard var token = try? UnverifiedToken.parse(bytes.span) else { return }
        precondition(token.signedLength < bytes.count)
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        precondition(parts.count == 3)
        precondition(Array(Base64URL.encode(token.payload).utf8) == Array(parts[1]))
        precondition(Array(Base64URL.encode(token.signature).utf8) == Array(parts[2]))
        precondition(SignatureAlgorithm.allCases.contains(token.algorithm))
        if let claims = try? token.readClaims() {  // as above
            precondition(claims.root.kind == .object)
            // Only the absence of a trap matters here.
            try? TimeWindow.check(claims, now: 1_718_000_000, maximumLifetime: .seconds(3_600))
        }
        let key = try? VerificationKey.hmac(
            secret: Secret(Array("no token is signed with these 32 bytes".utf8))
        )
        if let key { precondition(token.verified(by: key) == nil) }
    }

    /// A JSON text: what is accepted is accepted again, each member and element on its own too.
    package static func json(_ bytes: [UInt8]) {
        // A refusal is the expected outcome of most inputs.
        guard let document = try? JSONDocument(parsing: bytes) else { return }
        visit(document.root, in: document, depth: 0)
    }

    private static func visit(_ element: JSONElement, in document: JSONDocument, depth: Int) {
        precondition(depth <= JSONLimits.default.maximumDepth)
        let text = Array(document.source[element.byteRange])
        if depth <= 2 {
            let again = try? JSONDocument(parsing: text)
            precondition(again?.root.kind == element.kind)
        }
        switch element.kind {
        case .object:
            var count = 0
            for member in element.members {
                let found = element[member: member.nameBytes]
                precondition(found?.byteRange == member.value.byteRange)
                visit(member.value, in: document, depth: depth + 1)
                count += 1
            }
            precondition(count == element.count)
        case .array:
            var count = 0
            for child in element.elements {
                visit(child, in: document, depth: depth + 1)
                count += 1
            }
            precondition(count == element.count)
        case .string:
            let bytes = element.stringBytes ?? []
            precondition(String(validating: bytes, as: UTF8.self) != nil)
            precondition(element.isString(bytes))
        case .number:
            let number = element.number
            precondition(number != nil)
            if let integer = number?.integer, integer != .min, let date = number?.numericDate {
                precondition(date.seconds == integer && date.nanoseconds == 0)
            }
        case .bool:
            precondition(element.bool != nil)
        case .null:
            precondition(text == Array("null".utf8))
        }
    }

    /// A public key in any form: the canonical PEM and the OpenSSH line read back to the same key.
    package static func publicKey(_ bytes: [UInt8]) {
        // A refusal is the expected outcome of most inputs.
        guard let keys = try? VerificationKey.publicKeys(reading: bytes) else { return }
        precondition(!keys.isEmpty)
        for key in keys {
            check(key)
        }
    }

    private static func check(_ key: VerificationKey) {
        precondition(!key.algorithms.isEmpty)
        precondition(key.secret == nil)
        let pem = key.subjectPublicKeyInfoPEM.map { Array($0.utf8) }
        precondition(pem != nil)
        let again = pem.flatMap { try? VerificationKey.publicKey(reading: $0) }
        precondition(again?.fingerprint == key.fingerprint)
        precondition(again?.subjectPublicKeyInfoPEM == key.subjectPublicKeyInfoPEM)
        if let line = key.openSSHPublicLine() {
            let fromLine = try? VerificationKey.publicKey(reading: Array(line.utf8))
            precondition(fromLine?.fingerprint == key.fingerprint)
        }
    }

    /// A private key in any form: what it signs its public half verifies, and PKCS#8 reads back to the same key.
    package static func privateKey(_ bytes: [UInt8]) {
        // Only the absence of a trap matters here.
        _ = try? VerificationKey.anyKey(reading: bytes, algorithm: .hs256)
        // A refusal is the expected outcome of most inputs.
        guard let key = try? SigningKey.read(bytes), let algorithm = key.defaultAlgorithm else { return }
        let signed = Array("signed".utf8)
        if let signature = try? key.signature(for: signed, algorithm: algorithm) {
            let isValid = key.verificationKey.isValidSignature(
                signature.span,
                for: signed.span,
                algorithm: algorithm
            )
            precondition(isValid)
        }
        if let pem = key.pkcs8PEM {
            let again = try? SigningKey.read(Array(pem.reveal().utf8))
            precondition(again?.fingerprint == key.fingerprint)
        }
    }

    /// Base64url and Base64: what is accepted encodes to the very text that was given.
    package static func base64url(_ bytes: [UInt8]) {
        // A refusal is the expected outcome of most inputs.
        if let decoded = try? Base64URL.decode(bytes) {
            precondition(Array(Base64URL.encode(decoded).utf8) == bytes)
        }
        if let decoded = try? Base64.decode(bytes) {
            precondition(Array(Base64.encode(decoded).utf8) == bytes)
        }
        let encoded = Array(Base64URL.encode(bytes).utf8)
        precondition((try? Base64URL.decode(encoded)) == bytes)
    }
}
