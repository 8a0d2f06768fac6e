import Crypto

/// What reading documents needs besides them: the time, and where identities come from.
package struct DocumentContext: Sendable {
    /// What a list of nested entities (endpoints, keys, API tokens) means for those that it leaves out.
    package enum Nested: Sendable {
        /// The list is the whole: those left out go; a list that is absent leaves all as they are.
        case wholeList
        /// Those left out stay, as in a catalog file.
        case keepsUnmentioned
        /// Those left out go, also when the list is absent, as in a catalog file that is applied with
        /// pruning.
        case prunesUnmentioned
    }

    /// The time at which new keys and API tokens are said to be made.
    package var now: Timestamp
    /// What random identities are made from.
    package var generator: any RandomNumberGenerator & Sendable
    /// Whether identities follow from the names, so that reading a file again gives the same ones.
    package var derivesIdentities: Bool
    /// What a list of nested entities means for those that it leaves out.
    package var nested: Nested

    /// Makes a context; random identities and whole lists unless said otherwise.
    package init(
        now: Timestamp,
        generator: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
        derivesIdentities: Bool = false,
        nested: Nested = .wholeList
    ) {
        self.now = now
        self.generator = generator
        self.derivesIdentities = derivesIdentities
        self.nested = nested
    }

    /// Makes the identity of a new entity.
    ///
    /// - Parameters:
    ///   - kind: the kind in words: `client`.
    ///   - names: what identifies it by name, its owner's names (or identity) first.
    /// - Returns: random, or the first half of a SHA-256 digest of kind and names.
    package mutating func makeID<Entity>(_ kind: String, _ names: [String] = []) -> EntityID<Entity> {
        guard derivesIdentities else { return EntityID(using: &generator) }
        var hash = SHA256()
        for part in [kind] + names {
            // With its length, so that no two lists of names are one text.
            hash.update(data: Array("\(part.utf8.count):\(part)".utf8))
        }
        return EntityID(digest: hash.finalize())
    }
}

/// The two ways in which entities are shown.
package enum DocumentForm: Sendable {
    /// As the admin API answers: every field, with identities.
    case resource
    /// As the catalog file has it: names alone, defaults left out, digests and fingerprints where secrets
    /// were.
    case export
}

/// Puts an object together; in the export form fields at their default are left out.
struct DocumentWriter {
    private(set) var members: [DocumentMember] = []
    let form: DocumentForm

    init(_ form: DocumentForm) {
        self.form = form
    }

    var node: DocumentNode { DocumentNode(.object(members)) }

    mutating func add(_ name: String, _ value: DocumentValue) {
        members.append(DocumentMember(name, DocumentNode(value)))
    }

    /// Adds a field of the resource form only.
    mutating func addInResource(_ name: String, _ value: @autoclosure () -> DocumentValue) {
        if form == .resource { add(name, value()) }
    }

    mutating func add(_ name: String, _ text: String, default fallback: String? = nil) {
        if form == .resource || text != fallback { add(name, .string(text)) }
    }

    mutating func add(_ name: String, _ bool: Bool, default fallback: Bool) {
        if form == .resource || bool != fallback { add(name, .bool(bool)) }
    }

    mutating func add(_ name: String, _ number: Int64, default fallback: Int64) {
        if form == .resource || number != fallback { add(name, .integer(number)) }
    }

    /// Adds a value that may be missing: `null` in the resource form, left out in the export.
    mutating func add(optional name: String, _ value: DocumentValue?) {
        if form == .resource || value != nil { add(name, value ?? .null) }
    }

    mutating func add(_ name: String, _ texts: [String], default fallback: [String] = []) {
        if form == .resource || texts != fallback { add(name, .texts(texts)) }
    }
}

extension DocumentValue {
    /// A list of texts.
    package static func texts(_ texts: [String]) -> DocumentValue {
        .array(texts.map { DocumentNode(.string($0)) })
    }
}

extension DocumentValue: Equatable {
    /// Whether two values are the same, wherever they stand; texts are compared as bytes.
    package static func == (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.decimal(let a), .decimal(let b)), (.string(let a), .string(let b)):
            a.utf8.elementsEqual(b.utf8)
        case (.array(let a), .array(let b)): a.map(\.value) == b.map(\.value)
        case (.object(let a), .object(let b)):
            a.count == b.count
                && zip(a, b).allSatisfy {
                    $0.name.utf8.elementsEqual($1.name.utf8) && $0.node.value == $1.node.value
                }
        case (.null, _), (.bool, _), (.integer, _), (.decimal, _), (.string, _), (.array, _), (.object, _):
            false
        }
    }
}
