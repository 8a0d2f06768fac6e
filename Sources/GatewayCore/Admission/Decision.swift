package import JOSE

/// What the decision is asked about, besides the texts of the request.
package struct AdmissionQuestion: Sendable {
    /// The address that the call came from; `nil` when a trusted proxy names none.
    package var clientAddress: IPAddress?
    /// How many `Authorization` fields the request has.
    package var authorizationFields: Int
    /// How many `API-Token` fields it has.
    package var apiTokenFields: Int
    /// The certificate that the caller proved to have in TLS; `nil` for none.
    package var certificate: (any PresentedCertificate)?
    /// Now.
    package var now: Timestamp

    /// Takes the parts.
    package init(clientAddress: IPAddress?, authorizationFields: Int, apiTokenFields: Int, now: Timestamp) {
        self.clientAddress = clientAddress
        self.authorizationFields = authorizationFields
        self.apiTokenFields = apiTokenFields
        self.now = now
    }
}

/// The permit to forward a request.
///
/// Only ``Admission`` makes one, so holding it is the proof.
package struct Admitted: Sendable {
    /// The endpoint.
    package let route: Route
    /// The path in normal form; `nil` when it was in normal form as written.
    package let normalPath: [UInt8]?
    /// What stood for the template's parameters, as ranges of the normal path.
    package let parameters: PathParameters
    /// Who calls; `nil` at an endpoint that asks for no credential.
    package let profile: CompiledProfile?
    /// The identity headers for the upstream, each ended by CRLF; empty without a caller.
    package let identityHeaders: [UInt8]

    init(
        _ findings: Findings,
        route: Route,
        parameters: PathParameters,
        identityHeaders: [UInt8] = []
    ) {
        self.route = route
        normalPath = findings.normalPath
        self.parameters = parameters
        profile = findings.caller?.profile
        self.identityHeaders = identityHeaders
    }
}

/// How a request was decided, with everything that was found on the way.
package struct Decision: Sendable {
    /// How it ended.
    package enum Outcome: Sendable {
        /// It may be forwarded.
        case admitted(Admitted)
        /// It is turned away.
        case rejected(Rejection)
    }

    /// How it ended.
    package let outcome: Outcome
    /// What was found.
    package let findings: Findings
}

/// What the checks found, as they went: the matter that decision records are written from.
///
/// It holds references only, no texts, so keeping it costs the request path nothing worth naming.
package struct Findings: Sendable {
    /// The check that was made last.
    package internal(set) var check = Check.wellFormed
    /// The endpoint.
    package internal(set) var route: Route?
    /// The path in normal form, when it was not in normal form as written.
    package internal(set) var normalPath: [UInt8]?
    /// The methods that the path's endpoints answer, when they do not answer this one.
    package internal(set) var allowedMethods: [String] = []
    /// The time that was decided at.
    package internal(set) var now: Timestamp
    /// The algorithm that the token's header names.
    package internal(set) var algorithm: SignatureAlgorithm?
    /// Whether the signature was found verified in the cache.
    package internal(set) var wasRemembered = false

    /// Which of the gateway's own endpoints was called; `nil` for a call that goes to an upstream.
    package private(set) var ownEndpoint: OwnEndpoint?
    /// The key that was missing, and may be fetched: then the request can be decided once more.
    package internal(set) var neededKey: NeededKey?

    var caller: Caller?
    // Not the token itself: decisions are kept, and tokens can be long.
    var proof: TokenProof?
    /// The caller's address; all zero when it is not known.
    package internal(set) var clientAddress = IPAddress.unknown

    /// Makes findings of nothing, for a request that was no well-formed HTTP.
    package init(now: Timestamp) {
        self.now = now
    }

    /// Makes findings of nothing yet, for a call of one of the gateway's own endpoints.
    package init(now: Timestamp, at endpoint: OwnEndpoint) {
        self.now = now
        ownEndpoint = endpoint
        check = .route
        allowedMethods = endpoint.methods
    }

    /// The caller as the token named it: believed only once ``Check/signature`` has passed.
    package var namedProfile: CompiledProfile? { caller?.profile }
}
