/// A text that lists are searched for, in whatever case.
struct SearchText: Sendable {
    private let bytes: [UInt8]

    /// Takes the text as it was typed.
    init(_ text: String) {
        bytes = Array(text.lowercased().utf8)
    }

    /// Whether it stands within one of the texts.
    func isFound(in texts: [String]) -> Bool {
        texts.contains { text in
            // Bytes of UTF-8 can be searched for as they are, and that is many times quicker than characters.
            let searched = Array(text.lowercased().utf8)
            guard let first = bytes.first else { return true }
            guard searched.count >= bytes.count else { return false }
            return (0...(searched.count - bytes.count)).contains { start in
                searched[start] == first && searched[start..<(start + bytes.count)].elementsEqual(bytes)
            }
        }
    }
}
