#include "PeerLibraries.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

typedef struct {
    char algorithm[8];
    EVP_MD *sha256;
    EVP_MD_CTX *digest;
    // HS256
    EVP_MAC_CTX *mac;
    // RS256 and ES256: initialised once, used for every signature.
    EVP_PKEY_CTX *verification;
    // EdDSA
    EVP_PKEY *key;
} openssl_peer;

static int prepare_mac(openssl_peer *peer, const char *key, size_t length) {
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (hmac == NULL) return 0;
    peer->mac = EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string("digest", (char *)"SHA256", 0), OSSL_PARAM_construct_end()};
    return peer->mac != NULL && EVP_MAC_init(peer->mac, (const unsigned char *)key, length, parameters);
}

static int prepare_key(openssl_peer *peer, const char *pem, size_t length) {
    BIO *text = BIO_new_mem_buf(pem, (int)length);
    if (text == NULL) return 0;
    peer->key = PEM_read_bio_PUBKEY(text, NULL, NULL, NULL);
    BIO_free(text);
    if (peer->key == NULL) return 0;
    if (strcmp(peer->algorithm, "EdDSA") == 0) return EVP_PKEY_is_a(peer->key, "ED25519");
    int is_rsa = strcmp(peer->algorithm, "RS256") == 0;
    if (!EVP_PKEY_is_a(peer->key, is_rsa ? "RSA" : "EC")) return 0;
    peer->verification = EVP_PKEY_CTX_new(peer->key, NULL);
    return peer->verification != NULL && EVP_PKEY_verify_init(peer->verification) == 1
        && (!is_rsa || EVP_PKEY_CTX_set_rsa_padding(peer->verification, RSA_PKCS1_PADDING) == 1)
        && EVP_PKEY_CTX_set_signature_md(peer->verification, peer->sha256) == 1;
}

void *peer_openssl_prepare(const char *algorithm, const char *key, size_t length) {
    openssl_peer *peer = OPENSSL_zalloc(sizeof *peer);
    if (peer == NULL) return NULL;
    strncpy(peer->algorithm, algorithm, sizeof peer->algorithm - 1);
    peer->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    peer->digest = EVP_MD_CTX_new();
    int is_prepared =
        strcmp(algorithm, "HS256") == 0 ? prepare_mac(peer, key, length) : prepare_key(peer, key, length);
    // One peer lives as long as the program: what a failure leaves behind does not matter.
    return peer->sha256 != NULL && peer->digest != NULL && is_prepared ? peer : NULL;
}

static int check_mac(
    openssl_peer *peer, const uint8_t *bytes, size_t length, const uint8_t *signature, size_t signature_length) {
    unsigned char code[32];
    size_t code_length = 0;
    // Without a key the one before is taken, whose block has been hashed already.
    return EVP_MAC_init(peer->mac, NULL, 0, NULL) == 1 && EVP_MAC_update(peer->mac, bytes, length) == 1
        && EVP_MAC_final(peer->mac, code, &code_length, sizeof code) == 1 && signature_length == code_length
        && CRYPTO_memcmp(code, signature, code_length) == 0;
}

static int check_ecdsa(openssl_peer *peer, const uint8_t *digest, const uint8_t *signature, size_t length) {
    if (length != 64) return 0;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    if (pair == NULL) return 0;
    ECDSA_SIG_set0(pair, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL));
    unsigned char der[80];
    unsigned char *end = der;
    int der_length = i2d_ECDSA_SIG(pair, &end);
    ECDSA_SIG_free(pair);
    return der_length > 0 && EVP_PKEY_verify(peer->verification, der, (size_t)der_length, digest, 32) == 1;
}

int peer_openssl_check(
    void *opaque, const uint8_t *signed_bytes, size_t signed_length, const uint8_t *signature,
    size_t signature_length) {
    openssl_peer *peer = opaque;
    if (peer->mac != NULL) return check_mac(peer, signed_bytes, signed_length, signature, signature_length);
    if (peer->verification == NULL) {
        return EVP_DigestVerifyInit(peer->digest, NULL, NULL, NULL, peer->key) == 1
            && EVP_DigestVerify(peer->digest, signature, signature_length, signed_bytes, signed_length) == 1;
    }
    unsigned char digest[32];
    if (EVP_DigestInit_ex2(peer->digest, peer->sha256, NULL) != 1
        || EVP_DigestUpdate(peer->digest, signed_bytes, signed_length) != 1
        || EVP_DigestFinal_ex(peer->digest, digest, NULL) != 1) {
        return 0;
    }
    if (peer->algorithm[0] == 'E') return check_ecdsa(peer, digest, signature, signature_length);
    return EVP_PKEY_verify(peer->verification, signature, signature_length, digest, sizeof digest) == 1;
}

static int base64url_value(char character) {
    if (character >= 'A' && character <= 'Z') return character - 'A';
    if (character >= 'a' && character <= 'z') return character - 'a' + 26;
    if (character >= '0' && character <= '9') return character - '0' + 52;
    if (character == '-') return 62;
    if (character == '_') return 63;
    return -1;
}

/// Decodes strictly into `output`, which has room for three bytes of every four characters; -1 when it is none.
static long decode(const char *text, size_t length, uint8_t *output) {
    uint32_t bits = 0;
    int held = 0;
    long written = 0;
    if (length % 4 == 1) return -1;
    for (size_t index = 0; index < length; index++) {
        int value = base64url_value(text[index]);
        if (value < 0) return -1;
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            output[written++] = (uint8_t)(bits >> held);
        }
    }
    return (bits & ((1u << held) - 1)) == 0 ? written : -1;
}

static json_t *decode_object(const char *text, size_t length) {
    uint8_t bytes[16384];
    if (length > sizeof bytes) return NULL;
    long count = decode(text, length, bytes);
    if (count < 0) return NULL;
    json_t *object = json_loadb((const char *)bytes, (size_t)count, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(object)) return object;
    json_decref(object);
    return NULL;
}

int64_t peer_openssl_verify(void *opaque, const char *token, size_t length, int64_t now) {
    openssl_peer *peer = opaque;
    const char *first = memchr(token, '.', length);
    if (first == NULL) return -1;
    const char *second = memchr(first + 1, '.', length - (size_t)(first + 1 - token));
    if (second == NULL) return -1;
    json_t *header = decode_object(token, (size_t)(first - token));
    const char *algorithm = json_string_value(json_object_get(header, "alg"));
    int is_expected = algorithm != NULL && strcmp(algorithm, peer->algorithm) == 0;
    json_decref(header);
    uint8_t signature[1024];
    size_t signature_length = length - (size_t)(second + 1 - token);
    if (!is_expected || signature_length > sizeof signature) return -1;
    long count = decode(second + 1, signature_length, signature);
    if (count < 0
        || !peer_openssl_check(
            peer, (const uint8_t *)token, (size_t)(second - token), signature, (size_t)count)) {
        return -1;
    }
    json_t *claims = decode_object(first + 1, (size_t)(second - first - 1));
    json_t *expiry = json_object_get(claims, "exp");
    int64_t value = json_is_integer(expiry) ? (int64_t)json_integer_value(expiry) : -1;
    json_decref(claims);
    return value > now ? value : -1;
}

const char *peer_openssl_version(void) { return OpenSSL_version(OPENSSL_VERSION); }
