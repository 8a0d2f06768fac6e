/// Untrusted bytes made fit for a message: printable ASCII, bounded, never raw.
enum PrintableBytes {
    /// At most this many bytes of anything untrusted are shown.
    static let limit = 40

    /// One byte, as `"x"` or `0x0A`.
    static func describe(_ byte: UInt8) -> String {
        isPrintable(byte)
            ? "\"\(Character(Unicode.Scalar(byte)))\""
            : "0x" + hexadecimal(byte)
    }

    /// Several bytes in double quotes, with everything but printable ASCII as `\xNN`, cut at ``limit``.
    static func quote(_ bytes: some Collection<UInt8>) -> String {
        var text = "\""
        for byte in bytes.prefix(limit) {
            if isPrintable(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "\\x" + hexadecimal(byte)
            }
        }
        // Callers cut before as well, so that what is as long as it may be may have been longer.
        text = TokenMask.masked(text, isCut: bytes.count >= limit)
        return text + (bytes.count > limit ? "\"… (\(bytes.count) bytes)" : "\"")
    }

    /// Bytes as lower-case hexadecimal digits.
    static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { hexadecimal($0).lowercased() }.joined()
    }

    private static func isPrintable(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return digits.utf8.count == 1 ? "0" + digits : digits
    }
}
