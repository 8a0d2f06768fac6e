import Foundation
import JOSE
import Testing

extension Tag {
    @Tag static var security: Self
}

func bytes(_ text: String) -> [UInt8] {
    Array(text.utf8)
}

func parse(_ token: String, limits: TokenLimits = .default) throws(TokenError) -> UnverifiedToken {
    try UnverifiedToken.parse(bytes(token).span, limits: limits)
}

/// A token of a header and a payload as written, with a signature that is only well-formed.
func unsigned(header: String, payload: String = "{}") -> String {
    [header, payload, "signature"].map { Base64URL.encode(bytes($0)) }.joined(separator: ".")
}

func claims(_ json: String) throws -> JSONDocument {
    try JSONDocument(parsing: bytes(json))
}

/// The error that something ends in, or nil if it succeeds.
func refusal<Failure: Error>(of body: () throws(Failure) -> Void) -> Failure? {
    do {
        try body()
        return nil
    } catch {
        return error
    }
}

extension VerificationKey {
    /// ``isValidSignature(_:for:algorithm:)`` over arrays, which `#expect` can take apart.
    func accepts(_ signature: [UInt8], for signed: [UInt8], _ algorithm: SignatureAlgorithm) -> Bool {
        isValidSignature(signature.span, for: signed.span, algorithm: algorithm)
    }
}

/// Whether a key accepts a token, from its bytes to its signature.
func verifies(_ token: String, _ key: VerificationKey) -> Bool {
    guard let parsed = try? parse(token) else { return false }  // a token that does not parse does not verify
    return parsed.verified(by: key) != nil
}

/// A folder of its own, gone with the value.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "jose-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)  // what is left behind harms nobody
    }

    func file(_ name: String) -> String {
        path + "/" + name
    }

    func write(_ name: String, _ contents: [UInt8]) throws -> String {
        try Data(contents).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }

    func read(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: file(name))))
    }
}

struct ToolFailure: Error {
    let command: String
    let output: String
}

/// Runs a program found through PATH and gives what it prints.
@discardableResult
func run(_ command: String, in folder: TemporaryFolder) throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    let output = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let printed = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        throw ToolFailure(command: command, output: String(decoding: printed, as: UTF8.self))
    }
    return [UInt8](printed)
}
