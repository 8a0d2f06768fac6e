import Crypto
import CryptoExtras
import FoundationEssentials

extension KeyMaterial {
    /// Checks a signature with an algorithm that the key is known to allow.
    func isValid(_ signature: Span<UInt8>, for signed: Span<UInt8>, algorithm: SignatureAlgorithm) -> Bool {
        if let signatureLength, signature.count != signatureLength { return false }
        return unsafe signature.withUnsafeBytes { signature in
            unsafe signed.withUnsafeBytes { signed in
                unsafe isValid(signature, signed, algorithm)
            }
        }
    }

    private func isValid(
        _ signature: UnsafeRawBufferPointer,
        _ signed: UnsafeRawBufferPointer,
        _ algorithm: SignatureAlgorithm
    ) -> Bool {
        switch self {
        case .hmac(let key):
            return unsafe key.isValid(signature, signed, algorithm)
        case .rsa(let key):
            return unsafe key.isValid(signature, signed, algorithm)
        case .p256(let key):
            guard algorithm == .es256,
                let signature = unsafe try? P256.Signing.ECDSASignature(rawRepresentation: signature)
            else { return false }  // a signature that does not parse is not valid; there is no more to know
            return unsafe key.isValidSignature(signature, for: SHA256.hash(bufferPointer: signed))
        case .p384(let key):
            guard algorithm == .es384,
                let signature = unsafe try? P384.Signing.ECDSASignature(rawRepresentation: signature)
            else { return false }  // as above
            return unsafe key.isValidSignature(signature, for: SHA384.hash(bufferPointer: signed))
        case .p521(let key):
            guard algorithm == .es512,
                let signature = unsafe try? P521.Signing.ECDSASignature(rawRepresentation: signature)
            else { return false }  // as above
            return unsafe key.isValidSignature(signature, for: SHA512.hash(bufferPointer: signed))
        case .ed25519(let key):
            return unsafe algorithm == .edDSA && key.isValidSignature(signature, for: signed)
        case .mlDSA65(let key):
            return unsafe algorithm == .mlDSA65 && key.isValidSignature(signature, for: signed)
        case .mlDSA87(let key):
            return unsafe algorithm == .mlDSA87 && key.isValidSignature(signature, for: signed)
        }
    }
}

extension HashFunction {
    /// Hashes bytes where they lie.
    fileprivate static func hash(bufferPointer: UnsafeRawBufferPointer) -> Digest {
        var function = Self()
        unsafe function.update(bufferPointer: bufferPointer)
        return function.finalize()
    }
}

extension HMACKey {
    fileprivate func isValid(
        _ signature: UnsafeRawBufferPointer,
        _ signed: UnsafeRawBufferPointer,
        _ algorithm: SignatureAlgorithm
    ) -> Bool {
        switch algorithm {
        case .hs256: return unsafe Self.isValid(signature, signed, sha256)
        case .hs384: return unsafe Self.isValid(signature, signed, sha384)
        case .hs512: return unsafe Self.isValid(signature, signed, sha512)
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512, .es256, .es384, .es512, .edDSA, .mlDSA65,
            .mlDSA87:
            return false
        }
    }

    private static func isValid<Hash: HashFunction>(
        _ signature: UnsafeRawBufferPointer,
        _ signed: UnsafeRawBufferPointer,
        _ keyed: HMAC<Hash>
    ) -> Bool {
        var code = keyed
        unsafe code.update(data: signed)
        return unsafe code.finalize().withUnsafeBytes { expected in
            unsafe ConstantTime.equal(Span(_unsafeBytes: expected), Span(_unsafeBytes: signature))
        }
    }
}

extension RSAPublicKey {
    fileprivate func isValid(
        _ signature: UnsafeRawBufferPointer,
        _ signed: UnsafeRawBufferPointer,
        _ algorithm: SignatureAlgorithm
    ) -> Bool {
        guard unsafe isBelowModulus(signature) else {
            // Refused before any arithmetic, this would be quicker than any other wrong signature, and for one
            // key only: the time would tell which key a caller's token was held against.
            var reduced = unsafe [UInt8](signature)
            reduced[0] = 0
            _ = unsafe check(_RSA.Signing.RSASignature(rawRepresentation: reduced), signed, algorithm)
            return false
        }
        return unsafe check(_RSA.Signing.RSASignature(rawRepresentation: signature), signed, algorithm)
    }

    /// Whether a signature of the modulus's length is a number below the modulus (RFC 8017 §5.2.2).
    private func isBelowModulus(_ signature: UnsafeRawBufferPointer) -> Bool {
        for index in modulus.indices where unsafe signature[index] != modulus[index] {
            return unsafe signature[index] < modulus[index]
        }
        return false
    }

    private func check(
        _ signature: _RSA.Signing.RSASignature,
        _ signed: UnsafeRawBufferPointer,
        _ algorithm: SignatureAlgorithm
    ) -> Bool {
        switch algorithm {
        case .rs256:
            return unsafe key.isValidSignature(
                signature,
                for: SHA256.hash(bufferPointer: signed),
                padding: .insecurePKCS1v1_5
            )
        case .rs384:
            return unsafe key.isValidSignature(
                signature,
                for: SHA384.hash(bufferPointer: signed),
                padding: .insecurePKCS1v1_5
            )
        case .rs512:
            return unsafe key.isValidSignature(
                signature,
                for: SHA512.hash(bufferPointer: signed),
                padding: .insecurePKCS1v1_5
            )
        case .ps256:
            return unsafe key.isValidSignature(
                signature,
                for: SHA256.hash(bufferPointer: signed),
                padding: .PSS
            )
        case .ps384:
            return unsafe key.isValidSignature(
                signature,
                for: SHA384.hash(bufferPointer: signed),
                padding: .PSS
            )
        case .ps512:
            return unsafe key.isValidSignature(
                signature,
                for: SHA512.hash(bufferPointer: signed),
                padding: .PSS
            )
        case .hs256, .hs384, .hs512, .es256, .es384, .es512, .edDSA, .mlDSA65, .mlDSA87:
            return false
        }
    }
}
