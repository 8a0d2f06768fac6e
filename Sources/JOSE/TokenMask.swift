/// Hides what could be an API token, 64 hex digits, wherever untrusted text becomes text for people.
///
/// Callers put their tokens anywhere: into another claim, into a path, behind a prefix. What is shown, logged or kept
/// therefore has no run of so many digits, whatever it stands for.
package enum TokenMask {
    /// From so many hex digits in a row on they are hidden.
    package static let runLength = 64
    /// What stands in their place.
    package static let replacement = "<64 hex digits>"

    // What is left of a token by a cut: fewer digits than these give nothing away.
    private static let remainderLength = 16

    /// Whether bytes have a run that is hidden.
    package static func hasRun(_ bytes: some Sequence<UInt8>) -> Bool {
        var length = 0
        for byte in bytes {
            length = isDigit(byte) ? length + 1 : 0
            if length == runLength { return true }
        }
        return false
    }

    /// The text with every long run of hex digits, of either case, hidden.
    ///
    /// - Parameters:
    ///   - text: any text.
    ///   - isCut: whether the text goes on where it ends here, so that a token may begin at its end.
    /// - Returns: the text to be shown.
    package static func masked(_ text: String, isCut: Bool = false) -> String {
        // Nearly all texts have none.
        guard isCut || hasRun(text.utf8) else { return text }
        var result: [UInt8] = []
        var run: [UInt8] = []
        for byte in text.utf8 {
            if isDigit(byte) {
                run.append(byte)
            } else {
                result += shown(run, from: runLength)
                run = []
                result.append(byte)
            }
        }
        result += shown(run, from: isCut ? remainderLength : runLength)
        return String(decoding: result, as: UTF8.self)
    }

    private static func shown(_ run: [UInt8], from length: Int) -> [UInt8] {
        run.count >= length ? Array(replacement.utf8) : run
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
