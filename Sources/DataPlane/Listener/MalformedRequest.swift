import GatewayCore

extension Rejection {
    /// Check 0: what the codec refused.
    init(_ refusal: HTTPRefusal) {
        let code: Code =
            switch refusal {
            case .badRequest, .versionNotSupported: .badRequest
            case .uriTooLong: .uriTooLong
            case .headersTooLarge: .headersTooLarge
            }
        self.init(code, operatorDetail: refusal.operatorDetail)
    }
}
