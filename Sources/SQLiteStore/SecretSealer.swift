import Crypto
import GatewayCore
import JOSE

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Seals secrets for the database with AES-256-GCM, each bound to the row that it is kept in.
struct SecretSealer: Sendable {
    /// The row and column that a sealed value belongs to.
    enum Place: Sendable {
        /// The secret of a profile's key.
        case keySecret(ProfileID, KeyID)
        /// The private half of a key that the gateway signs with.
        case signingKey(SigningKeyID)
        /// The value that shows whether the master key is the right one.
        case check

        // The number is the version of this form: a value sealed under another one does not open.
        fileprivate var associatedData: [UInt8] {
            switch self {
            case .keySecret(let profile, let key):
                var data = Array("portcullis/1/profile_keys/sealed_secret/".utf8)
                profile.append(to: &data)
                data.append(UInt8(ascii: "/"))
                key.append(to: &data)
                return data
            case .signingKey(let key):
                var data = Array("portcullis/1/signing_keys/sealed_private_key/".utf8)
                key.append(to: &data)
                return data
            case .check:
                return Array("portcullis/1/master_key_check/sealed".utf8)
            }
        }
    }

    private static let checkText = Array("portcullis master key".utf8)
    private let key: SymmetricKey

    init(_ masterKey: MasterKey) {
        key = SymmetricKey(data: masterKey.bytes.reveal())
    }

    /// Seals a secret for its place: nonce, ciphertext and tag in one.
    func seal(_ secret: Secret<[UInt8]>, for place: Place) throws -> Data {
        let box = try AES.GCM.seal(secret.reveal(), using: key, authenticating: place.associatedData)
        // Only a nonce of another size than the default has no combined form.
        guard let combined = box.combined else { throw CryptoKitError.incorrectParameterSize }
        return combined
    }

    /// Opens what was sealed for this very place with this very key; `nil` for anything else.
    func open(_ sealed: Data, from place: Place) -> Secret<[UInt8]>? {
        // The reason is always the same one: the value was not sealed here.
        guard let box = try? AES.GCM.SealedBox(combined: sealed),
            let opened = try? AES.GCM.open(box, using: key, authenticating: place.associatedData)
        else { return nil }
        return Secret(Array(opened))
    }

    /// The value that ``opensCheck(_:)`` recognises.
    func sealedCheck() throws -> Data {
        try seal(Secret(Self.checkText), for: .check)
    }

    /// Whether this check value was sealed with this master key.
    func opensCheck(_ sealed: Data) -> Bool {
        open(sealed, from: .check)?.isEqual(to: Secret(Self.checkText)) ?? false
    }
}
