import GatewayCore

/// Why a call of the admin API was refused, as problem+json (RFC 9457).
struct Problem: Error, Sendable {
    /// One field or parameter that is not acceptable.
    struct FieldError: Sendable, Equatable {
        /// The field as a path of the document: `keys[0].public_key`.
        let field: String
        /// What was expected and found; never a secret.
        let detail: String
    }

    /// The stable name of the refusal.
    let code: Code
    /// What was expected and found, for the manager.
    let detail: String
    /// The fields that it is about.
    let errors: [FieldError]
    /// Fields of the answer that go with it: `Allow`, `WWW-Authenticate`.
    var headers: [(name: String, value: String)] = []

    /// Refuses with a sentence, and names the fields.
    init(_ code: Code, _ detail: String, errors: [FieldError] = []) {
        self.code = code
        self.detail = detail
        self.errors = errors
    }

    /// The stable names of the admin API's refusals: they are API, never renamed (docs/errors.md).
    enum Code: String, Sendable, CaseIterable {
        case badRequest = "bad_request"
        case unauthorized
        case readOnly = "read_only"
        case roleNotSufficient = "role_not_sufficient"
        case forbidden
        case notFound = "not_found"
        case methodNotAllowed = "method_not_allowed"
        case requestTimeout = "request_timeout"
        case conflict
        case revisionConflict = "revision_conflict"
        case preconditionFailed = "precondition_failed"
        case bodyTooLarge = "body_too_large"
        case unsupportedMediaType = "unsupported_media_type"
        case hostNotAllowed = "host_not_allowed"
        case invalid
        case tooManyAttempts = "too_many_attempts"
        case internalError = "internal_error"
        case storeUnavailable = "store_unavailable"
        case notReady = "not_ready"
        case storeFull = "store_full"
    }

    /// The problem as a document.
    func document(requestID: String) -> DocumentNode {
        var members: [(String, DocumentValue)] = [
            ("type", .string("urn:portcullis:error:\(code.rawValue)")),
            ("title", .string(code.title)),
            ("status", .integer(Int64(code.status))),
            ("code", .string(code.rawValue)),
            ("detail", .string(detail)),
            ("request_id", .string(requestID)),
        ]
        if !errors.isEmpty {
            let list = errors.map { error in
                DocumentNode(object: [("field", .string(error.field)), ("detail", .string(error.detail))])
            }
            members.append(("errors", .array(list)))
        }
        return DocumentNode(object: members)
    }
}

extension Problem.Code {
    /// The HTTP status that goes with the code (RFC 9110 §15).
    var status: Int {
        switch self {
        case .badRequest: 400
        case .unauthorized: 401
        case .readOnly, .roleNotSufficient, .forbidden: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .requestTimeout: 408
        case .conflict, .revisionConflict: 409
        case .preconditionFailed: 412
        case .bodyTooLarge: 413
        case .unsupportedMediaType: 415
        case .hostNotAllowed: 421
        case .invalid: 422
        case .tooManyAttempts: 429
        case .internalError: 500
        case .storeUnavailable, .notReady: 503
        case .storeFull: 507
        }
    }

    /// The short title of the problem (RFC 9457 §3.1.4).
    var title: String {
        switch self {
        case .badRequest: "Bad request"
        case .unauthorized: "Admin token required"
        case .readOnly: "Read only"
        case .roleNotSufficient: "Role not sufficient"
        case .forbidden: "Forbidden"
        case .notFound: "Not found"
        case .methodNotAllowed: "Method not allowed"
        case .requestTimeout: "Request timeout"
        case .conflict: "Conflict"
        case .revisionConflict: "Revision conflict"
        case .preconditionFailed: "Precondition failed"
        case .bodyTooLarge: "Body too large"
        case .unsupportedMediaType: "Unsupported media type"
        case .hostNotAllowed: "Host not allowed"
        case .invalid: "Invalid value"
        case .tooManyAttempts: "Too many attempts"
        case .internalError: "Internal error"
        case .storeUnavailable: "Store unavailable"
        case .notReady: "Not ready"
        case .storeFull: "Store full"
        }
    }
}

extension Problem {
    /// What an error of the catalog, its documents or its store is to a caller; `nil` for an unknown one.
    init?(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as CatalogError: self.init(error.kind, error.field, error.message)
        case let error as DocumentError: self.init(error.kind, error.field, error.message)
        case let error as CatalogStoreError: self.init(store: error)
        case let error as OperatorStoreError: self.init(operators: error)
        default: return nil
        }
    }

    /// Refuses with what the catalog says about a field.
    init(_ kind: CatalogError.Kind, _ field: String, _ message: String) {
        let code: Code =
            switch kind {
            case .invalid: .invalid
            case .notFound: .notFound
            case .conflict: .conflict
            }
        let errors = field.isEmpty ? [] : [FieldError(field: field, detail: message)]
        self.init(code, field.isEmpty ? message : "\(field): \(message)", errors: errors)
    }

    /// Refuses a body for what is wrong with its fields.
    init(_ faults: [FieldError]) {
        let first = faults.first.map { $0.field.isEmpty ? $0.detail : "\($0.field): \($0.detail)" } ?? ""
        let more = faults.count > 1 ? "; and \(faults.count - 1) more, see errors" : ""
        self.init(.invalid, first + more, errors: faults)
    }

    private init(operators error: OperatorStoreError) {
        switch error {
        case .nameTaken:
            self.init(
                .conflict,
                "name: \(error)",
                errors: [FieldError(field: "name", detail: error.description)]
            )
        case .notFound, .invitationSpent: self.init(.notFound, error.description)
        case .lastOwner, .ownerExists, .tooMany: self.init(.conflict, error.description)
        }
    }

    private init(store error: CatalogStoreError) {
        switch error {
        case .revisionConflict: self.init(.revisionConflict, "\(error); read it again and repeat the change")
        case .full: self.init(.storeFull, "\(error)")
        case .unavailable, .unreadable: self.init(.storeUnavailable, "\(error)")
        }
    }
}

extension DocumentValue {
    /// Makes an object of named values.
    static func fields(_ members: [(String, DocumentValue)]) -> DocumentValue {
        DocumentNode(object: members).value
    }

    /// Makes a list of texts.
    static func list(_ texts: [String]) -> DocumentValue {
        .array(texts.map { DocumentNode(.string($0)) })
    }
}
