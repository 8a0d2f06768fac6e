import Crypto
import GatewayCore

extension DocumentNode {
    /// The strong entity tag of this document: a digest of its bytes (RFC 9110 §8.8.3).
    var entityTag: String {
        "\"\(Hex.encode(SHA256.hash(data: jsonBytes()).prefix(16)))\""
    }
}

/// The conditions of a request on the entity tag of what it is about.
enum EntityTag {
    /// Whether an `If-Match` holds for a document with this tag; it holds when there is none.
    static func matches(ifMatch value: String?, _ tag: String) -> Bool {
        guard let value else { return true }
        // Weak tags never match here (RFC 9110 §13.1.1).
        return list(value).contains { $0 == "*" || $0 == tag }
    }

    /// Whether an `If-None-Match` says that the caller has this document already.
    static func isKnown(ifNoneMatch value: String?, _ tag: String) -> Bool {
        guard let value else { return false }
        return list(value).contains { $0 == "*" || $0 == tag || $0 == "W/\(tag)" }
    }

    private static func list(_ value: String) -> [String] {
        // The tags made here hold no comma, so that a comma within another tag does no harm.
        value.split(separator: ",").map { part in
            String(part.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
        }
    }

    private static func isSpace(_ character: Character) -> Bool {
        character == " " || character == "\t"
    }
}
