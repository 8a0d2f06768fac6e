/// Textual key files (RFC 7468).
enum PEM {
    /// One `BEGIN` … `END` block.
    struct Block {
        let label: String
        /// Whether the block has headers that say it is encrypted (RFC 1421 §4.6.1.1).
        let isEncrypted: Bool
        let contents: Result<[UInt8], Base64Error>
    }

    private static let begin = Array("-----BEGIN ".utf8)
    private static let end = Array("-----END ".utf8)
    private static let dashes = Array("-----".utf8)

    /// Whether some line of a text begins a block.
    static func isPEM(_ text: [UInt8]) -> Bool {
        text.split(separator: UInt8(ascii: "\n")).contains { trimmed($0).starts(with: begin) }
    }

    /// Finds the blocks of a text; what stands outside of them is explanation (RFC 7468 §2).
    ///
    /// - Throws: the reason, in words, if a block is not complete.
    static func blocks(in text: [UInt8]) throws(PEMFault) -> [Block] {
        var blocks: [Block] = []
        var label: [UInt8]?
        var body: [UInt8] = []
        var isEncrypted = false
        for rawLine in text.split(separator: UInt8(ascii: "\n")) {
            let line = trimmed(rawLine)
            if line.starts(with: begin) {
                guard label == nil else { throw PEMFault(reason: "a block begins inside another") }
                label = try self.label(line.dropFirst(begin.count))
                body = []
                isEncrypted = false
            } else if let open = label {
                if line.starts(with: end) {
                    guard try self.label(line.dropFirst(end.count)) == open else {
                        throw PEMFault(reason: "the END line does not match the BEGIN line")
                    }
                    blocks.append(block(open, isEncrypted, body))
                    label = nil
                } else if line.contains(UInt8(ascii: ":")) {
                    isEncrypted = isEncrypted || line.starts(with: "Proc-Type: 4,ENCRYPTED".utf8)
                } else if !line.starts(with: "DEK-Info".utf8) {
                    body += line
                }
            }
        }
        guard label == nil else { throw PEMFault(reason: "the END line is missing; paste the whole file") }
        return blocks
    }

    private static func block(_ label: [UInt8], _ isEncrypted: Bool, _ body: [UInt8]) -> Block {
        let contents: Result<[UInt8], Base64Error>
        do {
            contents = .success(try Base64.decode(body))
        } catch {
            contents = .failure(error)
        }
        return Block(
            label: String(decoding: label, as: UTF8.self),
            isEncrypted: isEncrypted,
            contents: contents
        )
    }

    private static func label(_ rest: ArraySlice<UInt8>) throws(PEMFault) -> [UInt8] {
        guard rest.count > dashes.count, rest.suffix(dashes.count).elementsEqual(dashes) else {
            throw PEMFault(reason: "the BEGIN or END line is not a line of its own; keep the line breaks")
        }
        let label = rest.dropLast(dashes.count)
        guard label.count <= 64, label.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
            throw PEMFault(reason: "the label of the BEGIN line is not a name")
        }
        return Array(label)
    }

    static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
        var line = line.drop(while: isSpace)
        while let last = line.last, isSpace(last) { line = line.dropLast() }
        return line
    }

    /// Writes a block with lines of 64 characters and a final line break.
    static func encode(_ bytes: [UInt8], label: String) -> String {
        var text = "-----BEGIN \(label)-----\n"
        var rest = Base64.encode(bytes)[...]
        while !rest.isEmpty {
            text += rest.prefix(64) + "\n"
            rest = rest.dropFirst(64)
        }
        return text + "-----END \(label)-----\n"
    }
}

/// Why a text's PEM blocks cannot be told apart.
struct PEMFault: Error {
    let reason: String
}
