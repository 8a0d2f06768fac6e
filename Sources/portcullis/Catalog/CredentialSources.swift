import Foundation
import GatewayCore
import JOSE

/// Puts the contents of files and environment variables where a catalog file names them.
struct CredentialSources {
    private enum Source {
        case file, variable
    }

    /// Which field each of the naming fields stands for, and what it names.
    private static let fields: [String: (field: String, source: Source)] = [
        "public_key_file": ("public_key", .file),
        "secret_file": ("secret", .file),
        "roots_file": ("roots", .file),
        "jwks_file": ("jwks", .file),
        "secret_env": ("secret", .variable),
        "token_file": ("token", .file),
        "token_env": ("token", .variable),
    ]

    private let directory: String
    private let environment: [String: String]

    /// Files are looked for in the directory, unless their path is absolute.
    init(directory: String, environment: [String: String]) {
        self.directory = directory
        self.environment = environment
    }

    /// Gives the document with every `…_file` and `…_env` replaced.
    ///
    /// - Throws: ``DocumentError`` with the place of the name.
    func resolve(_ document: DocumentNode) throws(DocumentError) -> DocumentNode {
        try resolve(document, path: "")
    }

    // Recursion is bounded by the depth that the parser let through.
    private func resolve(_ node: DocumentNode, path: String) throws(DocumentError) -> DocumentNode {
        switch node.value {
        case .null, .bool, .integer, .decimal, .string: return node
        case .array(let nodes):
            if nodes.allSatisfy({ $0.value.text != nil }) { return node }
            var resolved: [DocumentNode] = []
            resolved.reserveCapacity(nodes.count)
            for (index, node) in nodes.enumerated() {
                resolved.append(try resolve(node, path: "\(path)[\(index)]"))
            }
            return DocumentNode(.array(resolved), at: node.position)
        case .object(let members):
            return DocumentNode(.object(try resolve(members, path)), at: node.position)
        }
    }

    private func resolve(
        _ members: [DocumentMember],
        _ path: String
    ) throws(DocumentError) -> [DocumentMember] {
        var resolved: [DocumentMember] = []
        resolved.reserveCapacity(members.count)
        for member in members {
            let memberPath = path.isEmpty ? member.name : "\(path).\(member.name)"
            guard let (field, source) = Self.fields[member.name] else {
                let node = try resolve(member.node, path: memberPath)
                resolved.append(DocumentMember(member.name, node))
                continue
            }
            let rival = members.first { other in
                other.name != member.name && (other.name == field || Self.fields[other.name]?.field == field)
            }
            if let rival {
                throw DocumentError(
                    "there is \(rival.name) too, expected one of the two",
                    field: memberPath,
                    at: member.node.position
                )
            }
            guard let name = member.node.value.text, !name.isEmpty, !name.utf8.contains(0) else {
                let expected = source == .file ? "the path of a file" : "the name of an environment variable"
                throw DocumentError(
                    "expected \(expected), found \(member.node.value.kind)",
                    field: memberPath,
                    at: member.node.position
                )
            }
            do {
                let text = try text(of: name, source, field)
                resolved.append(DocumentMember(field, DocumentNode(.string(text), at: member.node.position)))
            } catch {
                throw DocumentError(error.description, field: memberPath, at: member.node.position)
            }
        }
        return resolved
    }

    private func text(of name: String, _ source: Source, _ field: String) throws(InvalidValue) -> String {
        switch source {
        case .variable:
            guard let value = environment[name], !value.isEmpty else {
                throw InvalidValue("the environment variable \(name) is not set, or empty")
            }
            return value
        case .file:
            let path = name.hasPrefix("/") ? name : "\(directory)/\(name)"
            let bytes: [UInt8]
            do {
                bytes = try Files.read(path, what: field, limit: VerificationKey.maximumTextBytes)
            } catch {
                throw InvalidValue(error.description)
            }
            if field == "public_key" { return try publicKey(bytes, path) }
            guard let text = String(validating: Self.withoutFinalNewline(bytes), as: UTF8.self) else {
                throw InvalidValue("\(path): the file is not UTF-8 text; give it in Base64")
            }
            return text
        }
    }

    /// A key in a binary form (DER) goes into the document as PEM.
    private func publicKey(_ bytes: [UInt8], _ path: String) throws(InvalidValue) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        do {
            let key = try VerificationKey.publicKey(reading: bytes)
            if let pem = key.subjectPublicKeyInfoPEM { return pem }
        } catch {
            throw InvalidValue("\(path): \(error)")
        }
        throw InvalidValue("\(path): the file is no public key")
    }

    private static func withoutFinalNewline(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        var text = bytes[...]
        if text.last == UInt8(ascii: "\n") { text.removeLast() }
        if text.count < bytes.count, text.last == UInt8(ascii: "\r") { text.removeLast() }
        return text
    }
}
