#ifndef PEER_LIBRARIES_H
#define PEER_LIBRARIES_H

#include <stddef.h>
#include <stdint.h>

/// Other verifiers, each in its own best way: the key is prepared once, then whole tokens come in.
///
/// `algorithm` is HS256, RS256, ES256 or EdDSA. A `…_verify` gives the verified token's `exp`, or -1 for a token
/// that is refused: bad form, another algorithm, a wrong signature, no `exp`, or one that is not after `now`.
/// A `…_prepare` gives NULL where the library cannot do the algorithm or read the key.

/// libjwt 1; the key is the secret's bytes or PEM. It reads the key again for each token: it has no other way.
void *peer_libjwt_prepare(const char *algorithm, const char *key, size_t length);
int64_t peer_libjwt_verify(void *peer, const char *token, int64_t now);

/// cjose; the key is a JWK.
void *peer_cjose_prepare(const char *algorithm, const char *jwk, size_t length);
int64_t peer_cjose_verify(void *peer, const char *token, size_t length, int64_t now);

/// OpenSSL called directly, with jansson for the JSON: what a C programmer would write by hand.
void *peer_openssl_prepare(const char *algorithm, const char *key, size_t length);
int64_t peer_openssl_verify(void *peer, const char *token, size_t length, int64_t now);

/// OpenSSL's own check of a signature as JWS has it, and nothing else: 1 when it is right.
///
/// An ECDSA signature is first brought into the form that OpenSSL takes, as every user has to.
int peer_openssl_check(
    void *peer, const uint8_t *signed_bytes, size_t signed_length, const uint8_t *signature,
    size_t signature_length);

/// What the libraries say of their versions.
const char *peer_openssl_version(void);
const char *peer_cjose_version(void);

#endif
