// TLS over memory buffers: what of OpenSSL the data plane uses, without the macros that Swift cannot see.
//
// Nothing here reads or writes a descriptor. Every function is for one thread at a time and object.
#ifndef CTLS_H
#define CTLS_H

#include <stddef.h>
#include <stdint.h>

typedef struct ctls_context ctls_context;
typedef struct ctls_session ctls_session;
typedef struct ctls_certificate ctls_certificate;

// A certificate chain and its private key, both PEM files; NULL with the reason in `error`.
ctls_context *ctls_context_new(const char *chain, const char *key, char *error, size_t error_size);
void ctls_context_free(ctls_context *context);
// The first certificate of the chain; to be freed.
ctls_certificate *ctls_context_certificate(ctls_context *context);

// A server's side of one connection; asks for a client certificate if `asks` is not 0.
ctls_session *ctls_session_new(ctls_context *context, int asks);
void ctls_session_free(ctls_session *session);

// Takes what was received; how much of it was taken, which is all of it unless memory is short.
size_t ctls_feed(ctls_session *session, const void *bytes, size_t count);

// What a read or a write comes to that gave or took nothing.
static const int CTLS_NEEDS_MORE = 0;
static const int CTLS_ENDED = -1;
static const int CTLS_BROKEN = -2;
// Gives plain bytes, doing the handshake on the way: how many, or one of the above.
int ctls_read(ctls_session *session, void *bytes, int count);
// Takes plain bytes; how many were taken, or one of the above.
int ctls_write(ctls_session *session, const void *bytes, int count);
// Says that nothing more will be written.
void ctls_finish(ctls_session *session);
int ctls_is_established(const ctls_session *session);

// What is to be sent: its start, and how much; valid until the next call with this session.
size_t ctls_output(ctls_session *session, const char **bytes);
// Forgets all that is to be sent.
void ctls_output_sent(ctls_session *session);

// The certificate that the client proved to have; NULL without one. To be freed.
ctls_certificate *ctls_peer_certificate(const ctls_session *session);
// The certificates of a PEM text, at most `limit`; how many.
size_t ctls_certificates_of(const char *pem, size_t count, ctls_certificate **found, size_t limit);
void ctls_certificate_free(ctls_certificate *certificate);
void ctls_certificate_thumbprint(const ctls_certificate *certificate, uint8_t digest[32]);
// The subject in the form of RFC 2253, as `openssl x509 -nameopt RFC2253` prints it; its length.
size_t ctls_certificate_subject(const ctls_certificate *certificate, char *text, size_t size);
// Calls for each alternative name: kind is one of `dns`, `email`, `uri`, `ip` (4 or 16 bytes).
void ctls_certificate_names(const ctls_certificate *certificate, void *owner,
                            void (*found)(void *owner, const char *kind, const uint8_t *bytes, size_t count));
int64_t ctls_certificate_not_before(const ctls_certificate *certificate);
int64_t ctls_certificate_not_after(const ctls_certificate *certificate);
// Whether the client's chain ends in one of these PEM certificates at that time; 0 with the reason in `error`.
int ctls_certificate_verify(const ctls_certificate *certificate, const char *roots, size_t count, int64_t time,
                            char *error, size_t error_size);

#endif
