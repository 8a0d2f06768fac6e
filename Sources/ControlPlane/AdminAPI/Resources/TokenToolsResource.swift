import GatewayCore
import JOSE

/// Looking into tokens, checking them and signing them, below `/api/v1/tokens`.
///
/// Tokens are never logged or kept.
struct TokenToolsResource {
    let catalog: CatalogAccess
    private let tag = "Tools"

    init(catalog: CatalogAccess) {
        self.catalog = catalog
    }

    /// The operations.
    var operations: [Operation] { [decodeOperation, verifyOperation, mintOperation] }

    private var decodeOperation: Operation {
        Operation(
            method: .post,
            path: "/api/v1/tokens/decode",
            name: "decodeToken",
            summary: "Shows what a token says, without believing it, and what is wrong with its form.",
            tag: tag,
            body: Operation.Body(object: TokenToolShapes.presented.input),
            successes: [
                Operation.Success(
                    status: 200,
                    summary: "What it says.",
                    object: TokenToolShapes.reading.output
                )
            ],
            access: .role(.viewer),
            perform: { call in
                let reading = TokenReading(Self.bytes("token", call), now: call.now.secondsSinceEpoch)
                return AdminAnswer(200, TokenToolShapes.document(reading))
            }
        )
    }

    private var verifyOperation: Operation {
        Operation(
            method: .post,
            path: "/api/v1/tokens/verify",
            name: "verifyToken",
            summary: "Tells which key of a profile, or whether a pasted key, verifies a token's signature.",
            tag: tag,
            body: Operation.Body(object: TokenToolShapes.verification.input),
            successes: [
                Operation.Success(
                    status: 200,
                    summary: "Whether it is verified, and with what.",
                    object: TokenToolShapes.verdict.output
                )
            ],
            problems: [.notFound],
            access: .role(.viewer),
            perform: { call in AdminAnswer(200, try verify(call)) }
        )
    }

    private var mintOperation: Operation {
        Operation(
            method: .post,
            path: "/api/v1/tokens/mint",
            name: "mintToken",
            summary:
                "Signs a token with a secret of a profile, or with a pasted key; the audit log notes that it was done.",
            tag: tag,
            body: Operation.Body(object: TokenToolShapes.order.input),
            successes: [
                Operation.Success(
                    status: 200,
                    summary: "The token, shown this once.",
                    object: TokenToolShapes.minted.output
                )
            ],
            problems: [.notFound, .readOnly],
            access: .role(.manager),
            perform: { call in AdminAnswer(200, try await mint(call)) }
        )
    }

    private static func bytes(_ field: String, _ call: Call) -> [UInt8] {
        Array((call.body[field]?.value.text ?? "").utf8)
    }

    // MARK: Verifying

    private func verify(_ call: Call) throws -> DocumentNode {
        let token = Self.bytes("token", call)
        if call.body.given("profile_id") != nil {
            guard call.body.given("key") == nil, call.body.given("secret") == nil else {
                throw Problem(.invalid, "a profile and a key are both given, expected one")
            }
            let profile = try profile(call)
            do throws(TokenError) {
                let found = try ProfileVerification.check(token, profile, now: call.now)
                return TokenToolShapes.verdict(
                    isVerified: found.key != nil && found.reason == nil,
                    keyID: found.key?.id.text,
                    keyName: found.key?.name,
                    key: found.key?.verificationKey,
                    reason: found.reason
                )
            } catch {
                return TokenToolShapes.verdict(isVerified: false, reason: "\(error)")
            }
        }
        let key = try pasted(call)
        do throws(SignatureRefusal) {
            let check = try SignatureCheck(token, key: key)
            return TokenToolShapes.verdict(isVerified: true, key: check.key)
        } catch {
            return TokenToolShapes.verdict(isVerified: false, reason: "\(error)")
        }
    }

    private func profile(_ call: Call) throws(Problem) -> AccessProfile {
        let id = call.body.given("profile_id").flatMap { ProfileID($0) }
        guard let profile = catalog.current.profiles[id] else {
            throw Problem(.notFound, "there is no profile with this id")
        }
        return profile
    }

    private func pasted(_ call: Call) throws(Problem) -> PastedKey {
        switch (call.body.given("key"), call.body.given("secret")) {
        case (let text?, nil): return PastedKey(anyForm: Array(text.utf8))
        case (nil, let text?):
            let isBase64 = call.body.isOn("secret_is_base64")
            guard let key = PastedKey(secret: Array(text.utf8), isBase64: isBase64) else {
                throw Problem(
                    .invalid,
                    "secret: it is a key pair's key, or what is left of one; give it as key"
                )
            }
            return key
        case (nil, nil): throw Problem(.invalid, "expected a profile_id, a key or a secret")
        case (.some, .some): throw Problem(.invalid, "a key and a secret are both given, expected one")
        }
    }

    // MARK: Minting

    private func mint(_ call: Call) async throws -> DocumentNode {
        let (key, stored, profile) = try signingKey(call)
        if stored != nil, case .file = catalog.source {
            throw Problem(
                .readOnly,
                "this gateway runs from a file and has no audit log, without which no stored secret signs"
            )
        }
        let algorithm = call.body.given("alg").flatMap { SignatureAlgorithm(headerValue: Array($0.utf8)) }
        let claims = (call.body["payload"] ?? DocumentNode(.object([]))).jsonBytes()
        let lifetime = call.body.integer("expires_in") ?? 900
        let token: String
        let payload: [UInt8]
        do throws(TokenMint.Refusal) {
            payload = try TokenMint.payload(claims, now: call.now.secondsSinceEpoch, lifetime: lifetime)
            token = try TokenMint.sign(
                payload,
                with: key,
                algorithm: algorithm,
                keyID: call.body.given("kid") ?? stored?.keyID
            )
        } catch {
            throw Problem(.invalid, "\(error)")
        }
        // Noted before it is shown: a token that nobody knows of must not get out.
        if case .service(_, let store) = catalog.source {
            let name = profile.map { "\($0.name)/\(stored?.name ?? "")" } ?? "a pasted key"
            try await store.append(call.audit("mint", "token", id: stored?.id.text ?? "", name: name))
        }
        // It was read before.
        let expiry = try? JSONDocument(parsing: payload).root[member: "exp"]?.number?.numericDate?.seconds
        return TokenToolShapes.minted(token, key, expiresAt: expiry ?? nil)
    }

    /// The key to sign with, and which of a profile's it is.
    private func signingKey(
        _ call: Call
    ) throws(Problem) -> (key: SigningKey, stored: ProfileKey?, profile: AccessProfile?) {
        do throws(KeyReadingError) {
            guard call.body.given("profile_id") != nil else {
                return (try pastedSigningKey(call), nil, nil)
            }
            guard call.body.given("key") == nil, call.body.given("secret") == nil else {
                throw KeyReadingError.unsupported(found: "a profile and a key", advice: "give one of them")
            }
        } catch {
            throw Problem(.invalid, "\(error)")
        }
        let profile = try profile(call)
        let id = call.body.given("key_id").flatMap { KeyID($0) }
        guard let stored = profile.keys.first(where: { $0.id == id }) else {
            throw Problem(.notFound, "the profile has no key with this id")
        }
        guard case .secret(let secret, let isBase64) = stored.material else {
            throw Problem(
                .invalid,
                "key_id: only its public half is kept, which signs nothing; paste the private key as key"
            )
        }
        do throws(KeyReadingError) {
            return (try SigningKey.hmac(secret: secret, secretIsBase64: isBase64), stored, profile)
        } catch {
            throw Problem(.invalid, "\(error)")
        }
    }

    private func pastedSigningKey(_ call: Call) throws(KeyReadingError) -> SigningKey {
        let key: PastedKey
        do throws(Problem) {
            key = try pasted(call)
        } catch {
            throw .unsupported(found: "no key to sign with", advice: error.detail)
        }
        return try key.signingKey()
    }
}

extension DocumentNode {
    /// The text of a field, when it was given.
    fileprivate func given(_ name: String) -> String? { self[name]?.value.text }
}
