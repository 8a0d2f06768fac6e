#include "PeerLibraries.h"

#include <jwt.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    jwt_alg_t algorithm;
    unsigned char *key;
    int length;
} libjwt_peer;

void *peer_libjwt_prepare(const char *algorithm, const char *key, size_t length) {
    jwt_alg_t known = jwt_str_alg(algorithm);
    if (known == JWT_ALG_INVAL || known == JWT_ALG_NONE) return NULL;
    libjwt_peer *peer = malloc(sizeof *peer);
    if (peer == NULL) return NULL;
    peer->algorithm = known;
    peer->length = (int)length;
    peer->key = malloc(length);
    if (peer->key == NULL) {
        free(peer);
        return NULL;
    }
    memcpy(peer->key, key, length);
    return peer;
}

int64_t peer_libjwt_verify(void *opaque, const char *token, int64_t now) {
    libjwt_peer *peer = opaque;
    jwt_t *jwt = NULL;
    if (jwt_decode(&jwt, token, peer->key, peer->length) != 0) return -1;
    int64_t expiry = -1;
    // The library takes the token's word for the algorithm: holding it against the key's is left to its user.
    if (jwt_get_alg(jwt) == peer->algorithm) expiry = jwt_get_grant_int(jwt, "exp");
    jwt_free(jwt);
    return expiry > now ? expiry : -1;
}
