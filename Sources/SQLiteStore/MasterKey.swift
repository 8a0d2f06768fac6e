package import GatewayCore
import Glibc
import JOSE

/// Where the master key comes from.
package enum MasterKeySource: Sendable {
    /// The file `master.key` in the data directory, made at the first start.
    case file
    /// A key that the operator keeps elsewhere, for instance in the environment.
    case given(MasterKey)
}

/// The key that seals the secrets of a store: 256 bits.
package struct MasterKey: Sendable {
    /// The number of bytes of a master key.
    package static let byteCount = 32

    /// The 32 bytes.
    let bytes: Secret<[UInt8]>

    private init(bytes: [UInt8]) {
        self.bytes = Secret(bytes)
    }

    /// Reads 64 hex digits or the Base64 form of 32 bytes; white space around it does not count.
    ///
    /// - Throws: ``InvalidValue`` that says what was expected, and nothing of what was found but its length.
    package init(_ text: String) throws(InvalidValue) {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0d).contains($0) }
        let characters = Array(
            Array(text.utf8.drop(while: isSpace)).reversed().drop(while: isSpace).reversed()
        )
        let lowered = characters.map { (UInt8(ascii: "A")...UInt8(ascii: "F")).contains($0) ? $0 | 0x20 : $0 }
        if lowered.count == 2 * Self.byteCount, let bytes = Hex.decode(lowered) {
            self.init(bytes: bytes)
            return
        }
        do {
            let bytes = try Base64.decode(characters)
            guard bytes.count == Self.byteCount else {
                throw InvalidValue(
                    "master key has \(bytes.count) bytes in Base64, expected \(Self.byteCount); "
                        + "make one with openssl rand -hex \(Self.byteCount)"
                )
            }
            self.init(bytes: bytes)
        } catch let error as InvalidValue {
            throw error
        } catch {
            throw InvalidValue(
                "master key is \(characters.count) characters that are neither hex nor Base64, expected "
                    + "\(2 * Self.byteCount) hex digits; make them with openssl rand -hex \(Self.byteCount)"
            )
        }
    }

    /// Makes a new key.
    package init(using generator: inout some RandomNumberGenerator) {
        self.init(bytes: (0..<Self.byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    /// Reads the key file of a data directory, or makes it when there is no database yet.
    ///
    /// - Throws: ``CatalogStoreError/unreadable(detail:)`` when the file is open to others, damaged, or
    ///   missing beside a database.
    static func file(in directory: DataDirectory) throws(CatalogStoreError) -> MasterKey {
        let path = directory.masterKeyPath
        if let mode = DataDirectory.mode(of: path) {
            guard mode & 0o077 == 0 else {
                throw .unreadable(
                    detail:
                        "\(path) has mode \(String(mode & 0o7777, radix: 8)), others must not be able to use "
                        + "it, expected 600; run chmod 600 \(path), and change the secrets if others could read it"
                )
            }
            return try read(path)
        }
        guard errno == ENOENT else { throw DataDirectory.systemFailure("look at", path) }
        if DataDirectory.mode(of: directory.databasePath) != nil {
            throw .unreadable(
                detail:
                    "\(directory.databasePath) is there but its master key \(path) is missing; put the file "
                    + "back from a backup, or give the key in the environment"
            )
        }
        var generator = SystemRandomNumberGenerator()
        let key = MasterKey(using: &generator)
        try directory.writeAtomically(Array("\(Hex.encode(key.bytes.reveal()))\n".utf8), to: path)
        return key
    }

    private static func read(_ path: String) throws(CatalogStoreError) -> MasterKey {
        let file = try FileDescriptor(opening: path, O_RDONLY)
        // A key in either form, with its line break, is far shorter.
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = buffer.withUnsafeMutableBytes { Glibc.read(file.number, $0.baseAddress, $0.count) }
        guard count >= 0 else { throw DataDirectory.systemFailure("read", path) }
        guard let text = String(validating: buffer.prefix(count), as: UTF8.self) else {
            throw .unreadable(detail: "\(path) is not text; put the master key back from a backup")
        }
        do {
            return try MasterKey(text)
        } catch {
            throw .unreadable(detail: "\(path): \(error); put the master key back from a backup")
        }
    }
}

extension MasterKey: CustomStringConvertible, CustomReflectable {
    package var description: String { "<redacted>" }

    package var customMirror: Mirror {
        Mirror(self, children: [(label: String?, value: Any)](), displayStyle: .struct)
    }
}
