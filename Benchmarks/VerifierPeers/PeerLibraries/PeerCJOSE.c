#include "PeerLibraries.h"

#include <cjose/cjose.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char algorithm[8];
    cjose_jwk_t *key;
} cjose_peer;

void *peer_cjose_prepare(const char *algorithm, const char *jwk, size_t length) {
    cjose_peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL) return NULL;
    strncpy(peer->algorithm, algorithm, sizeof peer->algorithm - 1);
    cjose_err error;
    peer->key = cjose_jwk_import(jwk, length, &error);
    if (peer->key == NULL) {
        free(peer);
        return NULL;
    }
    return peer;
}

static int64_t read_expiry(const uint8_t *payload, size_t length, int64_t now) {
    json_t *claims = json_loadb((const char *)payload, length, JSON_REJECT_DUPLICATES, NULL);
    if (claims == NULL) return -1;
    json_t *expiry = json_object_get(claims, "exp");
    int64_t value = json_is_integer(expiry) ? (int64_t)json_integer_value(expiry) : -1;
    json_decref(claims);
    return value > now ? value : -1;
}

int64_t peer_cjose_verify(void *opaque, const char *token, size_t length, int64_t now) {
    cjose_peer *peer = opaque;
    cjose_err error;
    cjose_jws_t *jws = cjose_jws_import(token, length, &error);
    if (jws == NULL) return -1;
    int64_t expiry = -1;
    const char *algorithm = cjose_header_get(cjose_jws_get_protected(jws), CJOSE_HDR_ALG, &error);
    uint8_t *payload = NULL;
    size_t payload_length = 0;
    // The library takes the token's word for the algorithm: holding it against the key's is left to its user.
    if (algorithm != NULL && strcmp(algorithm, peer->algorithm) == 0 && cjose_jws_verify(jws, peer->key, &error)
        && cjose_jws_get_plaintext(jws, &payload, &payload_length, &error)) {
        expiry = read_expiry(payload, payload_length, now);
    }
    cjose_jws_release(jws);
    return expiry;
}

const char *peer_cjose_version(void) { return CJOSE_VERSION; }
