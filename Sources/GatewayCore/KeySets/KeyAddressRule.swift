/// Which addresses keys may be fetched from: those of the public internet, and what the operator allows besides.
package struct KeyAddressRule: Sendable {
    private let allowed: [AddressRange]

    /// Takes the ranges that are allowed although they are not public.
    package init(allowing allowed: [AddressRange] = []) {
        self.allowed = allowed
    }

    /// Whether the address may be connected to.
    package func allows(_ address: IPAddress) -> Bool {
        Self.isPublic(address) || allowed.contains { $0.contains(address) }
    }

    /// Why a URL's host may not be asked, when it is an address that is not allowed.
    package func fault(_ url: KeyURL) -> String? {
        guard let address = IPAddress(url.host), !allows(address) else { return nil }
        return
            "URL has the address \(address), which is not public; the operator can allow it with --key-fetch-allow"
    }

    /// Whether an address is one of the public internet (the special-purpose registries of RFC 6890).
    package static func isPublic(_ address: IPAddress) -> Bool {
        if address.isV4 { return !specialV4.contains { $0.contains(address) } }
        // Only 2000::/3 is given out at all; whatever embeds an IPv4 address lies outside of it or is named below.
        return address.high >> 61 == 1 && !specialV6.contains { $0.contains(address) }
    }

    private static let specialV4 = ranges([
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
        "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    ])

    // Teredo and others of the IETF, documentation, 6to4.
    private static let specialV6 = ranges(["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"])

    private static func ranges(_ texts: [String]) -> [AddressRange] {
        texts.map { text in
            do throws(InvalidValue) {
                return try AddressRange(text)
            } catch {
                preconditionFailure(error.description)
            }
        }
    }
}
