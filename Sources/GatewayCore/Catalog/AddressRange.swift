/// An IPv4 or IPv6 address as 16 bytes; an IPv4 address is held in its IPv6-mapped form (RFC 4291 §2.5.5.2).
package struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// The upper and lower half, most significant first.
    package let high: UInt64, low: UInt64

    /// No address at all (RFC 4291 §2.5.2): in no list of anybody.
    package static let unknown = IPAddress(high: 0, low: 0)

    /// Takes the two halves of an IPv6 address.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Takes an IPv4 address as a number, first octet most significant.
    package init(v4 value: UInt32) {
        high = 0
        low = 0xffff_0000_0000 | UInt64(value)
    }

    /// Whether it is an IPv4 address (also when it came in as IPv6-mapped).
    package var isV4: Bool { high == 0 && low >> 32 == 0xffff }

    /// Reads dotted decimal or the forms of RFC 4291 §2.2, without zone or brackets.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count <= 45 else { return nil }
        if bytes.contains(UInt8(ascii: ":")) {
            guard let groups = Self.groups(bytes) else { return nil }
            self.init(
                high: groups[0..<4].reduce(0) { $0 << 16 | UInt64($1) },
                low: groups[4..<8].reduce(0) { $0 << 16 | UInt64($1) }
            )
        } else {
            guard let value = Self.dotted(bytes[...]) else { return nil }
            self.init(v4: value)
        }
    }

    /// Dotted decimal, or the form of RFC 5952 §4.
    package var description: String {
        if isV4 {
            return [low >> 24, low >> 16, low >> 8, low].map { String($0 & 255) }.joined(separator: ".")
        }
        let groups = (0..<8).map { (index: UInt64) -> UInt64 in
            let half = index < 4 ? high : low
            return (half >> (48 - 16 * (index % 4))) & 0xffff
        }
        guard let gap = Self.longestGap(groups) else {
            return groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
        let head = groups[..<gap.lowerBound].map { String($0, radix: 16) }.joined(separator: ":")
        let tail = groups[gap.upperBound...].map { String($0, radix: 16) }.joined(separator: ":")
        return "\(head)::\(tail)"
    }

    /// The longest run of two or more zero groups, the first of several.
    private static func longestGap(_ groups: [UInt64]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count, groups[end] == 0 { end += 1 }
            if end - start >= 2, end - start > (best?.count ?? 0) { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }

    private static func dotted(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            // A leading zero is refused: some readers take it for octal.
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0"),
                part.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                let octet = UInt8(String(decoding: part, as: UTF8.self))
            else { return nil }
            value = value << 8 | UInt32(octet)
        }
        return value
    }

    private static func groups(_ bytes: [UInt8]) -> [UInt16]? {
        let fields = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard (3...9).contains(fields.count) else { return nil }
        var head: [UInt16] = []
        var tail: [UInt16]?
        for (index, field) in fields.enumerated() {
            if field.isEmpty {
                let isEdge = index == 0 || index == fields.count - 1
                if isEdge {
                    let neighbour = index == 0 ? 1 : fields.count - 2
                    guard fields[neighbour].isEmpty else { return nil }
                    if index != 0 || fields.count == 3 { continue }
                    continue
                }
                guard tail == nil else { return nil }
                tail = []
                continue
            }
            guard let values = values(of: field, isLast: index == fields.count - 1) else { return nil }
            if tail == nil { head += values } else { tail? += values }
        }
        guard let tail else { return head.count == 8 ? head : nil }
        guard head.count + tail.count < 8 else { return nil }
        return head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
    }

    private static func values(of field: ArraySlice<UInt8>, isLast: Bool) -> [UInt16]? {
        if field.contains(UInt8(ascii: ".")) {
            guard isLast, let value = dotted(field) else { return nil }
            return [UInt16(value >> 16), UInt16(truncatingIfNeeded: value)]
        }
        guard field.count <= 4, !field.contains(UInt8(ascii: "+")), !field.contains(UInt8(ascii: "-")),
            let value = UInt16(String(decoding: field, as: UTF8.self), radix: 16)
        else { return nil }
        return [value]
    }
}

/// An address or a CIDR block (RFC 4632), IPv4 or IPv6.
package struct AddressRange: Hashable, Sendable, CustomStringConvertible {
    /// The text as written.
    package let description: String
    private let network: IPAddress
    private let mask: IPAddress

    /// Reads `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`.
    ///
    /// - Throws: a sentence that says what was expected and found, also when host bits are set.
    package init(_ text: String) throws(InvalidValue) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress(String($0)) }) else {
            throw InvalidValue("address is \"\(text)\", expected an IPv4 or IPv6 address or CIDR block")
        }
        let isV4 = address.isV4 && !text.contains(":")
        var bits = 128
        if parts.count == 2 {
            guard let length = Int(parts[1]), (0...(isV4 ? 32 : 128)).contains(length), parts[1].first != "+"
            else {
                throw InvalidValue(
                    "prefix length of \"\(text)\" is \"\(parts[1])\", expected 0 to \(isV4 ? 32 : 128)"
                )
            }
            bits = isV4 ? 96 + length : length
        }
        mask = IPAddress(high: Self.mask(min(bits, 64)), low: Self.mask(max(0, bits - 64)))
        guard address.high & ~mask.high == 0, address.low & ~mask.low == 0 else {
            throw InvalidValue(
                "\"\(text)\" has bits set behind its prefix, expected the first address of the block"
            )
        }
        network = address
        description = text
    }

    /// Whether the address lies in the block.
    package func contains(_ address: IPAddress) -> Bool {
        address.high & mask.high == network.high && address.low & mask.low == network.low
    }

    private static func mask(_ bits: Int) -> UInt64 {
        bits == 0 ? 0 : ~UInt64(0) << UInt64(64 - bits)
    }
}
