/// The checks of single values and lists that the rules are made of.
extension CatalogRules {
    // The field's name is put together only for an error.
    static func text(
        _ value: String,
        _ field: @autoclosure () -> String,
        _ allowed: ClosedRange<Int>,
        allowsLineBreaks: Bool = false
    ) throws(CatalogError) {
        if isPlain(value), allowed.contains(value.utf8.count) { return }
        guard allowed.contains(value.count) else {
            throw .invalid(
                field(),
                "length is \(value.count) characters, expected \(allowed.lowerBound) to \(allowed.upperBound)"
            )
        }
        for scalar in value.unicodeScalars where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) {
            if allowsLineBreaks, scalar == "\n" || scalar == "\r" || scalar == "\t" { continue }
            throw .invalid(
                field(),
                "it has the control character U+\(String(scalar.value, radix: 16)), expected plain text"
            )
        }
        guard value.first.map({ !$0.isWhitespace }) ?? true, value.last.map({ !$0.isWhitespace }) ?? true
        else {
            throw .invalid(field(), "it begins or ends with white space, expected text without")
        }
    }

    /// Whether it is visible ASCII from end to end, with single characters for its bytes.
    static func isPlain(_ value: String) -> Bool {
        let bytes = value.utf8
        guard bytes.first != UInt8(ascii: " "), bytes.last != UInt8(ascii: " ") else { return false }
        return bytes.allSatisfy { (0x20..<0x7f).contains($0) }
    }

    static func range(
        _ value: Int,
        _ field: String,
        _ allowed: ClosedRange<Int>,
        unit: String
    ) throws(CatalogError) {
        guard allowed.contains(value) else {
            throw .invalid(
                field,
                "value is \(value) \(unit), expected \(allowed.lowerBound) to \(allowed.upperBound)"
            )
        }
    }

    static func limit(_ count: Int, _ field: String, _ limit: Int) throws(CatalogError) {
        guard count <= limit else { throw .invalid(field, "there are \(count), expected at most \(limit)") }
    }

    static func list<Element>(
        _ values: [Element],
        _ field: String,
        limit maximum: Int,
        check: (Element) throws(CatalogError) -> Void
    ) throws(CatalogError) {
        try limit(values.count, field, maximum)
        for value in values { try check(value) }
    }

    static func unique<Value: Hashable>(
        _ values: [Value],
        _ field: String
    ) throws(CatalogError) {
        try unique(values, field) { $0 }
    }

    static func unique<Element, Value: Hashable>(
        _ elements: [Element],
        _ field: String,
        showsValue: Bool = true,
        by value: (Element) -> Value
    ) throws(CatalogError) {
        // Most lists of most profiles are that short, and a large catalog has a million of them.
        guard elements.count > 1 else { return }
        var seen: Set<Value> = []
        for (index, element) in elements.enumerated() {
            let value = value(element)
            guard seen.insert(value).inserted else {
                throw .conflict(
                    "\(field)[\(index)]",
                    showsValue ? "\"\(value)\" is there twice" : "it is there twice"
                )
            }
        }
    }

    static func isEmail(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty }
            && !text.contains { $0.isWhitespace || $0 == "," }
    }

    /// A name or an IPv4 address, or an IPv6 address in brackets; with a port it would never match.
    static func isHost(_ host: String) -> Bool {
        if host.hasPrefix("["), host.hasSuffix("]") {
            return IPAddress(String(host.dropFirst().dropLast())) != nil
        }
        return (1...253).contains(host.utf8.count) && host.utf8.allSatisfy(isHostByte)
    }

    static func isHostByte(_ byte: UInt8) -> Bool {
        isMethodByte(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    static func isMethodByte(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || byte == UInt8(ascii: "-")
    }
}
