/// Checks 6 to 8: whether the caller, known by now, may do what is asked.
enum CallerRules {
    /// Check 6: client, profile and API token are active.
    static func checkActive(_ caller: Caller?, now: Timestamp) throws(Rejection) {
        guard let caller else {
            throw Rejection(.clientInactive, operatorDetail: "the caller is not known any more")
        }
        let profile = caller.profile
        guard profile.client.isActive else {
            throw Rejection(.clientInactive, operatorDetail: "client \"\(profile.client.name)\" is inactive")
        }
        guard profile.profile.isActive else {
            throw Rejection(
                .clientInactive,
                operatorDetail: "profile \"\(profile.profile.name)\" is inactive"
            )
        }
        guard let apiToken = caller.apiToken, !apiToken.isUsable(at: now) else { return }
        let reason = apiToken.isActive ? "has expired" : "is inactive"
        throw Rejection(.clientInactive, operatorDetail: "API token \"\(apiToken.name)\" \(reason)")
    }

    /// Check 7: the IP lists.
    static func checkAddress(_ address: IPAddress, of caller: Caller) throws(Rejection) {
        guard caller.profile.hasAddressRules else { return }
        let profile = caller.profile.profile
        try check(address, profile.allowedAddresses, profile.deniedAddresses, "the profile")
        guard let token = caller.apiToken else { return }
        try check(address, token.allowedAddresses, token.deniedAddresses, "the API token")
    }

    private static func check(
        _ address: IPAddress,
        _ allowed: [AddressRange],
        _ denied: [AddressRange],
        _ owner: String
    ) throws(Rejection) {
        if let range = denied.first(where: { $0.contains(address) }) {
            throw Rejection(
                .addressNotAllowed,
                operatorDetail: "the address is in the deny list of \(owner) (\(range))"
            )
        }
        guard allowed.isEmpty || allowed.contains(where: { $0.contains(address) }) else {
            let ranges = allowed.prefix(10).map(\.description).joined(separator: ", ")
            throw Rejection(
                .addressNotAllowed,
                operatorDetail: "the address is not in the allow list of \(owner) (\(ranges))"
            )
        }
    }

    /// Check 8: the profile is granted the collection.
    static func checkGrant(of route: Route, to profile: CompiledProfile) throws(Rejection) {
        guard profile.isGranted(route.collectionID) else {
            throw Rejection(
                .collectionNotGranted,
                operatorDetail:
                    "profile \"\(profile.profile.name)\" is not granted the collection of \(route.label)"
            )
        }
    }
}
