package import GatewayCore
package import JOSE
import Logging
import Synchronization

/// Where somebody signs in from.
package struct SignInOrigin: Sendable {
    /// The address.
    package let address: String
    /// What the browser says that it is.
    package let userAgent: String
    /// The token of the session that the browser has already, and that ends with the new one.
    package let earlierToken: String?

    /// Takes the parts.
    package init(address: String, userAgent: String = "", earlierToken: String? = nil) {
        self.address = address
        self.userAgent = userAgent
        self.earlierToken = earlierToken
    }

    /// The address to count failures by.
    fileprivate var counted: IPAddress { IPAddress(address) ?? .unknown }
}

// MARK: - Setting up

extension OperatorService {
    /// Makes the link's token with which the first owner is set up; an earlier one ends.
    ///
    /// - Returns: `nil` when there is an owner who can sign in, or when there are no operators at all.
    /// - Throws: ``CatalogStoreError``.
    package func openSetUp(at now: Timestamp) async throws -> String? {
        guard !isReadOnly, try await !store.operators().contains(where: \.isAbleOwner) else { return nil }
        let token = try makeToken()
        let end = Timestamp(secondsSinceEpoch: now.secondsSinceEpoch + Self.setUpLifetime)
        setUp.withLock { $0 = Invitation(digest: token.digest, expiresAt: end) }
        return token.text
    }

    /// Whether a token is the one with which the first owner may be set up.
    package func isSetUpOpen(_ token: String, at now: Timestamp) -> Bool {
        guard let digest = APITokenDigest(token: token.utf8), let open = setUp.withLock({ $0 }) else {
            return false
        }
        return digest.isEqualInConstantTime(open.digest) && now < open.expiresAt
    }

    /// Sets up the first owner and signs in.
    ///
    /// - Returns: the token of the session.
    /// - Throws: ``Problem``: 404 for a token that is spent, 422 for a name or password that is not acceptable.
    package func setUpOwner(
        token: String,
        name: String,
        password: Secret<String>,
        from origin: SignInOrigin,
        at now: Timestamp
    ) async throws -> String {
        let spent = Problem(
            .notFound,
            "this link was used, or has expired; starting the gateway prints a new one"
        )
        guard isSetUpOpen(token, at: now) else { throw spent }
        try checkName(name)
        try check(password, of: name)
        let hash = try await hasher.hash(password)
        var owner = Operator(id: makeID(), name: name, role: .owner, createdAt: now)
        owner.passwordHash = hash
        let acting = Acting(owner.principal(), from: origin.address, at: now)
        do {
            try await change(
                [.addFirst(owner)],
                acting.audit("set-up", "operator", id: owner.id.text, name: name)
            )
        } catch OperatorStoreError.ownerExists {
            // Of two who used the link at once, the first one has it.
            throw spent
        }
        setUp.withLock { $0 = nil }
        return try await beginSession(owner, hash, origin, at: now)
    }

    /// The name of whoever may choose a password with this invitation; `nil` when it is spent.
    package func invited(_ token: String, at now: Timestamp) async throws -> String? {
        try await invitation(token, at: now)?.name
    }

    /// Sets a password by an invitation, ends all sessions, and signs in.
    ///
    /// - Returns: the token of the session.
    /// - Throws: ``Problem``: 404 for a token that is spent, 422 for a password that is not acceptable.
    package func acceptInvitation(
        token: String,
        password: Secret<String>,
        from origin: SignInOrigin,
        at now: Timestamp
    ) async throws -> String {
        guard let digest = APITokenDigest(token: token.utf8), let found = try await invitation(token, at: now)
        else { throw OperatorStoreError.invitationSpent }
        try check(password, of: found.name)
        let hash = try await hasher.hash(password)
        let acting = Acting(found.principal(), from: origin.address, at: now)
        try await change(
            [.acceptInvitation(digest, passwordHash: hash, at: now)],
            acting.audit("set-password", "operator", id: found.id.text, name: found.name)
        )
        return try await beginSession(found, hash, origin, at: now)
    }

    private func invitation(_ token: String, at now: Timestamp) async throws -> Operator? {
        guard let digest = APITokenDigest(token: token.utf8),
            let found = try await store.findOperator(.invitation(digest)), let open = found.invitation,
            digest.isEqualInConstantTime(open.digest), found.isActive, now < open.expiresAt
        else { return nil }
        return found
    }
}

// MARK: - Signing in and out

extension OperatorService {
    /// Signs in.
    ///
    /// - Parameters:
    ///   - name: the operator's name; of no account when the gateway runs from a file.
    ///   - password: the password; the gateway's admin token when it runs from a file.
    ///   - origin: where it comes from.
    ///   - now: the time.
    /// - Returns: the token of the session; `nil` when name or password are not right, whichever it is.
    /// - Throws: ``Problem`` 429 when too many attempts have failed or too many sign in at once, or
    ///   ``CatalogStoreError``.
    package func signIn(
        name: String,
        password: Secret<String>,
        from origin: SignInOrigin,
        at now: Timestamp
    ) async throws -> String? {
        let (account, address) = (isReadOnly ? "" : name, origin.counted)
        try limiter.begin(account, address, at: now)
        let token: String?
        do {
            token =
                isReadOnly
                ? try await signInWithAdminToken(password, origin, at: now)
                : try await signInAsOperator(name, password, origin, at: now)
        } catch {
            limiter.giveBack(account, address)
            throw error
        }
        if token == nil { logRefusal(origin, at: now) } else { limiter.succeeded(account, address) }
        return token
    }

    private func signInAsOperator(
        _ name: String,
        _ password: Secret<String>,
        _ origin: SignInOrigin,
        at now: Timestamp
    ) async throws -> String? {
        // No password is so long, and no name: this tells nobody who is known here.
        guard password.reveal().utf8.count <= PasswordRule.maximumBytes,
            name.unicodeScalars.count <= Operator.maximumNameLength
        else { return nil }
        let found = try await store.findOperator(.name(name))
        let hash = found.flatMap { $0.maySignIn ? $0.passwordHash : nil }
        guard try await hasher.matches(password, hash), let found, let hash else { return nil }
        do {
            return try await beginSession(found, hash, origin, at: now)
        } catch OperatorStoreError.notFound {
            // Deactivated, or given another password, since it was read.
            return nil
        }
    }

    private func signInWithAdminToken(
        _ token: Secret<String>,
        _ origin: SignInOrigin,
        at now: Timestamp
    ) async throws -> String? {
        guard try await isAdminToken(Array(token.reveal().utf8)) else { return nil }
        return try await beginSession(nil, nil, origin, at: now)
    }

    private func beginSession(
        _ owner: Operator?,
        _ hash: Secret<String>?,
        _ origin: SignInOrigin,
        at now: Timestamp
    ) async throws -> String {
        // The token is always a new one: what a browser brings along never becomes a session.
        let token = try makeToken()
        let session = OperatorSession(
            id: makeID(),
            digest: token.digest,
            operatorID: owner?.id,
            createdAt: now,
            address: origin.address,
            userAgent: origin.userAgent
        )
        var changes: [OperatorChange] = [
            .forgetSessions(
                createdBefore: Timestamp(secondsSinceEpoch: now.secondsSinceEpoch - Self.absoluteLifetime),
                seenBefore: Timestamp(
                    secondsSinceEpoch: now.secondsSinceEpoch - Self.idleLifetime - Self.useInterval
                )
            )
        ]
        if let earlier = origin.earlierToken.flatMap({ APITokenDigest(token: $0.utf8) }),
            let found = try await store.findSession(earlier)
        {
            changes.append(.endSession(found.session.id))
        }
        changes.append(.addSession(session, passwordHash: hash))
        let principal = owner?.principal() ?? Principal(actor: Principal.adminToken.actor, role: .viewer)
        let acting = Acting(principal, from: origin.address, at: now)
        let entry = acting.audit(
            "sign-in",
            "session",
            id: session.id.text,
            name: owner?.name ?? "admin-token"
        )
        try await store.apply(changes, audit: [entry])
        return token.text
    }

    private func logRefusal(_ origin: SignInOrigin, at now: Timestamp) {
        guard let count = refusals.countToReport(at: now) else { return }
        // Not the name that was given: people type their password there.
        logger.warning(
            "a sign-in was refused",
            metadata: ["client_address": "\(origin.address)", "refusals_since_last_line": "\(count)"]
        )
    }

    /// The session of a token; notes that it was used, unless a page asks by itself.
    ///
    /// - Returns: `nil` when there is none, it has ended, or its operator may not come in any more.
    /// - Throws: ``CatalogStoreError``.
    package func session(
        _ token: String,
        at now: Timestamp,
        isUse: Bool = true
    ) async throws -> ConsoleSession? {
        guard let digest = APITokenDigest(token: token.utf8),
            let (session, owner) = try await store.findSession(digest),
            digest.isEqualInConstantTime(session.digest), Self.isInForce(session, at: now)
        else { return nil }
        let principal: Principal
        if let owner, owner.maySignIn, owner.id == session.operatorID {
            principal = owner.principal(session: session.id)
        } else if session.operatorID == nil, isReadOnly {
            principal = Principal(
                actor: Principal.adminToken.actor,
                role: .viewer,
                sessionID: session.id
            )
        } else {
            return nil
        }
        if isUse, now.secondsSinceEpoch - session.lastSeenAt.secondsSinceEpoch >= Self.useInterval {
            await note { try await store.noteUse(of: session.id, at: now) }
        }
        return ConsoleSession(
            principal: principal,
            name: owner?.name ?? "admin token",
            formToken: Self.formToken(of: token)
        )
    }

    /// Notes a use; a store that cannot be written keeps nobody out.
    func note(_ body: () async throws -> Void) async {
        do {
            try await body()
        } catch {
            logger.warning("the time of a last use could not be kept", metadata: ["reason": "\(error)"])
        }
    }

    static func isInForce(_ session: OperatorSession, at now: Timestamp) -> Bool {
        now.secondsSinceEpoch - session.createdAt.secondsSinceEpoch < absoluteLifetime
            && now.secondsSinceEpoch - session.lastSeenAt.secondsSinceEpoch < idleLifetime
    }

    /// Signs out: ends the session of a token, if there is one.
    package func signOut(_ token: String, from address: String, at now: Timestamp) async throws {
        guard let digest = APITokenDigest(token: token.utf8),
            let (session, owner) = try await store.findSession(digest)
        else { return }
        let principal = owner?.principal() ?? Principal(actor: Principal.adminToken.actor, role: .viewer)
        let entry = Acting(principal, from: address, at: now)
            .audit("sign-out", "session", id: session.id.text, name: owner?.name ?? "admin-token")
        try await store.apply([.endSession(session.id)], audit: [entry])
    }
}

// MARK: - One's own password

extension OperatorService {
    /// Changes the password of whoever acts, and ends the other sessions.
    ///
    /// - Throws: ``Problem``: 409 for who has none, 422 when the old one is wrong or the new one not acceptable, 429
    ///   when too many attempts have failed.
    package func changePassword(
        old: Secret<String>,
        new: Secret<String>,
        _ acting: Acting
    ) async throws {
        try checkIsWritable()
        guard let sessionID = acting.principal.sessionID, let id = acting.principal.operatorID,
            let found = try await store.findOperator(.id(id)), let hash = found.passwordHash
        else { throw Problem(.conflict, "only an operator who has signed in has a password to change") }
        try check(new, of: found.name, field: "new_password")
        let address = IPAddress(acting.address) ?? .unknown
        try limiter.begin(found.name, address, at: acting.now)
        let isRight: Bool
        let newHash: Secret<String>
        do {
            let isBearable = old.reveal().utf8.count <= PasswordRule.maximumBytes
            isRight = isBearable ? try await hasher.matches(old, hash) : false
            guard isRight else {
                throw Problem([Problem.FieldError(field: "old_password", detail: "it is not your password")])
            }
            newHash = try await hasher.hash(new)
        } catch let problem as Problem where problem.code == .tooManyAttempts {
            limiter.giveBack(found.name, address)
            throw problem
        }
        limiter.succeeded(found.name, address)
        try await change(
            [
                .setPassword(id, newHash, replacing: hash),
                .endSessions(of: id, except: sessionID),
            ],
            acting.audit("set-password", "operator", id: id.text, name: found.name)
        )
    }
}
