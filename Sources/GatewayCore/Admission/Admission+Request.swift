/// The checks of the request alone: which endpoint it is for, and with what it proves who calls.
extension Admission {
    // MARK: Check 1: the route

    func matchRoute(
        _ snapshot: Snapshot,
        _ host: Span<UInt8>,
        _ method: Span<UInt8>,
        _ path: Span<UInt8>,
        _ findings: inout Findings
    ) throws(Rejection) -> (Route, PathParameters) {
        let match: RouteTable.Match
        do throws(RequestPath.Refusal) {
            if try RequestPath.isNormal(path) {
                match = snapshot.routes.match(host: host, method: method, path: path)
            } else {
                let normal = try RequestPath.normalize(path)
                match = snapshot.routes.match(host: host, method: method, path: normal.span)
                findings.normalPath = normal
            }
        } catch {
            throw Rejection(.badRequest, operatorDetail: error.rawValue)
        }
        findings.check = .route
        switch match {
        case .found(let route, let parameters):
            findings.route = route
            return (route, parameters)
        case .otherMethods(let methods):
            findings.allowedMethods = methods
            throw Rejection(
                .methodNotAllowed,
                operatorDetail:
                    "the path's endpoints answer \(methods.joined(separator: ", ")), not this method"
            )
        case .notFound:
            throw Rejection(
                .endpointNotFound,
                operatorDetail: "no active endpoint matches this host and path"
            )
        }
    }

    // MARK: Check 2: the credential

    func findCredential(
        _ authorization: Span<UInt8>,
        _ apiToken: Span<UInt8>,
        _ question: AdmissionQuestion,
        _ findings: inout Findings
    ) throws(Rejection) -> PresentedCredential {
        findings.check = .credential
        let count = question.authorizationFields + question.apiTokenFields
        guard count <= 1 else {
            throw Rejection(
                .credentialAmbiguous,
                operatorDetail: "\(count) credentials are present, expected 1"
            )
        }
        guard question.authorizationFields == 1 else {
            guard question.apiTokenFields == 1 else {
                throw Rejection(
                    .credentialMissing,
                    operatorDetail: "expected Authorization: Bearer or API-Token, found neither"
                )
            }
            let digest = apiToken.withUnsafeBufferPointer { APITokenDigest(token: $0) }
            return .apiToken(digest, in: .header)
        }
        switch BearerCredential.find(in: authorization) {
        case .token(let range): return .bearer(range)
        case .several:
            throw Rejection(
                .credentialAmbiguous,
                operatorDetail: "one Authorization field lists several credentials"
            )
        case .otherScheme:
            if let credential = BasicCredential.find(in: authorization) { return credential }
            throw Rejection(
                .credentialMissing,
                operatorDetail:
                    "expected Authorization: Bearer, or Basic with the user api-token, found another scheme"
            )
        }
    }
}
