#define _GNU_SOURCE
#include "ctls.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ctls_context {
    SSL_CTX *ssl;
};

struct ctls_session {
    SSL *ssl;
    // Owned by `ssl`.
    BIO *input;
    BIO *output;
};

struct ctls_certificate {
    X509 *certificate;
    // What the peer sent besides; may be NULL.
    STACK_OF(X509) *chain;
};

static void explain(char *error, size_t size, const char *what) {
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    snprintf(error, size, "%s%s%s", what, reason == NULL ? "" : ": ", reason == NULL ? "" : reason);
    ERR_clear_error();
}

// Any chain will do for the handshake, which proves that the client has the key: whose roots count is decided for
// each access profile.
static int accept_any(X509_STORE_CTX *store, void *unused) {
    (void)unused;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

// A key or certificate that is encrypted is refused: nobody sits at a terminal to be asked.
static int no_passphrase(char *buffer, int size, int writing, void *unused) {
    (void)buffer;
    (void)size;
    (void)writing;
    (void)unused;
    return -1;
}

static const unsigned char http[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length, const unsigned char *in,
                           unsigned int in_length, void *unused) {
    (void)ssl;
    (void)unused;
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_length, http, sizeof http, in, in_length) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

// Whoever has the keys of its tickets can read all that TLS 1.2 sent under them, and they live as long as the process;
// in TLS 1.3 every connection has a key exchange of its own besides.
static int no_old_tickets(SSL *ssl, void *unused) {
    (void)unused;
    if (SSL_version(ssl) < TLS1_3_VERSION) SSL_set_options(ssl, SSL_OP_NO_TICKET);
    return 1;
}

ctls_context *ctls_context_new(const char *chain, const char *key, char *error, size_t error_size) {
    ERR_clear_error();
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    if (ssl == NULL) {
        explain(error, error_size, "no TLS");
        return NULL;
    }
    SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // Tickets alone: the server keeps nothing of a connection that is over.
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_cert_verify_callback(ssl, accept_any, NULL);
    SSL_CTX_set_cert_cb(ssl, no_old_tickets, NULL);
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
    // A client's certificates are few and small.
    SSL_CTX_set_max_cert_list(ssl, 65536);
    if (SSL_CTX_set_cipher_list(ssl, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
        explain(error, error_size, "no ciphers");
    } else if (SSL_CTX_use_certificate_chain_file(ssl, chain) != 1) {
        char what[512];
        snprintf(what, sizeof what, "%s has no certificate in PEM", chain);
        explain(error, error_size, what);
    } else if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1) {
        char what[512];
        snprintf(what, sizeof what, "%s has no private key in PEM that belongs to the certificate", key);
        explain(error, error_size, what);
    } else if (SSL_CTX_check_private_key(ssl) != 1) {
        explain(error, error_size, "the private key is not the certificate's");
    } else {
        ctls_context *context = malloc(sizeof *context);
        if (context != NULL) {
            context->ssl = ssl;
            return context;
        }
    }
    SSL_CTX_free(ssl);
    return NULL;
}

void ctls_context_free(ctls_context *context) {
    SSL_CTX_free(context->ssl);
    free(context);
}

static ctls_certificate *wrapped(X509 *certificate, STACK_OF(X509) *chain) {
    ctls_certificate *wrapper = malloc(sizeof *wrapper);
    if (wrapper == NULL) {
        X509_free(certificate);
        sk_X509_pop_free(chain, X509_free);
        return NULL;
    }
    wrapper->certificate = certificate;
    wrapper->chain = chain;
    return wrapper;
}

ctls_certificate *ctls_context_certificate(ctls_context *context) {
    X509 *certificate = SSL_CTX_get0_certificate(context->ssl);
    if (certificate == NULL || X509_up_ref(certificate) != 1) return NULL;
    return wrapped(certificate, NULL);
}

ctls_session *ctls_session_new(ctls_context *context, int asks) {
    ctls_session *session = malloc(sizeof *session);
    SSL *ssl = SSL_new(context->ssl);
    BIO *input = BIO_new(BIO_s_mem());
    BIO *output = BIO_new(BIO_s_mem());
    if (session == NULL || ssl == NULL || input == NULL || output == NULL) {
        free(session);
        SSL_free(ssl);
        BIO_free(input);
        BIO_free(output);
        ERR_clear_error();
        return NULL;
    }
    // An empty buffer is no end: more may come.
    BIO_set_mem_eof_return(input, -1);
    BIO_set_mem_eof_return(output, -1);
    SSL_set_bio(ssl, input, output);
    SSL_set_accept_state(ssl);
    if (asks) {
        SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
        // A resumed session has the certificate, but not the chain that it was proven with.
        SSL_set_options(ssl, SSL_OP_NO_TICKET);
        SSL_set_num_tickets(ssl, 0);
    }
    session->ssl = ssl;
    session->input = input;
    session->output = output;
    return session;
}

void ctls_session_free(ctls_session *session) {
    SSL_free(session->ssl);
    free(session);
}

size_t ctls_feed(ctls_session *session, const void *bytes, size_t count) {
    if (count > INT_MAX) count = INT_MAX;
    int taken = BIO_write(session->input, bytes, (int)count);
    return taken < 0 ? 0 : (size_t)taken;
}

// A buffer keeps room for the most that it ever held; once it is empty, much of it is given back.
enum { KEPT_ROOM = 4096 };

static void give_back_room(BIO *empty) {
    BUF_MEM *memory = NULL;
    if (BIO_get_mem_ptr(empty, &memory) != 1 || memory == NULL || memory->max <= KEPT_ROOM) return;
    BUF_MEM *fresh = BUF_MEM_new();
    if (fresh == NULL) {
        ERR_clear_error();
        return;
    }
    (void)BIO_set_mem_buf(empty, fresh, BIO_CLOSE);
}

static int outcome(ctls_session *session, int result) {
    if (result > 0) return result;
    int code;
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: code = CTLS_NEEDS_MORE; break;
    case SSL_ERROR_ZERO_RETURN: code = CTLS_ENDED; break;
    default: code = CTLS_BROKEN;
    }
    ERR_clear_error();
    return code;
}

int ctls_read(ctls_session *session, void *bytes, int count) {
    ERR_clear_error();
    int result = outcome(session, SSL_read(session->ssl, bytes, count));
    if (result <= 0 && BIO_pending(session->input) == 0) give_back_room(session->input);
    return result;
}

int ctls_write(ctls_session *session, const void *bytes, int count) {
    ERR_clear_error();
    return outcome(session, SSL_write(session->ssl, bytes, count));
}

void ctls_finish(ctls_session *session) {
    ERR_clear_error();
    if (SSL_is_init_finished(session->ssl)) SSL_shutdown(session->ssl);
    ERR_clear_error();
}

int ctls_is_established(const ctls_session *session) { return SSL_is_init_finished(session->ssl); }

size_t ctls_output(ctls_session *session, const char **bytes) {
    char *start = NULL;
    long count = BIO_get_mem_data(session->output, &start);
    *bytes = start;
    return count < 0 ? 0 : (size_t)count;
}

void ctls_output_sent(ctls_session *session) {
    (void)BIO_reset(session->output);
    give_back_room(session->output);
}

ctls_certificate *ctls_peer_certificate(const ctls_session *session) {
    X509 *certificate = SSL_get1_peer_certificate(session->ssl);
    if (certificate == NULL) return NULL;
    STACK_OF(X509) *sent = SSL_get_peer_cert_chain(session->ssl);
    return wrapped(certificate, sent == NULL ? NULL : X509_chain_up_ref(sent));
}

size_t ctls_certificates_of(const char *pem, size_t count, ctls_certificate **found, size_t limit) {
    BIO *text = count > INT_MAX ? NULL : BIO_new_mem_buf(pem, (int)count);
    size_t number = 0;
    while (text != NULL && number < limit) {
        X509 *certificate = PEM_read_bio_X509(text, NULL, no_passphrase, NULL);
        if (certificate == NULL) break;
        found[number] = wrapped(certificate, NULL);
        if (found[number] == NULL) break;
        number++;
    }
    BIO_free(text);
    ERR_clear_error();
    return number;
}

void ctls_certificate_free(ctls_certificate *certificate) {
    X509_free(certificate->certificate);
    sk_X509_pop_free(certificate->chain, X509_free);
    free(certificate);
}

void ctls_certificate_thumbprint(const ctls_certificate *certificate, uint8_t digest[32]) {
    unsigned int length = 0;
    memset(digest, 0, 32);
    X509_digest(certificate->certificate, EVP_sha256(), digest, &length);
}

size_t ctls_certificate_subject(const ctls_certificate *certificate, char *text, size_t size) {
    BIO *output = BIO_new(BIO_s_mem());
    size_t length = 0;
    if (output != NULL) {
        X509_NAME_print_ex(output, X509_get_subject_name(certificate->certificate), 0, XN_FLAG_RFC2253);
        int read = BIO_read(output, text, size > INT_MAX ? INT_MAX : (int)size);
        length = read < 0 ? 0 : (size_t)read;
    }
    BIO_free(output);
    ERR_clear_error();
    return length;
}

void ctls_certificate_names(const ctls_certificate *certificate, void *owner,
                            void (*found)(void *owner, const char *kind, const uint8_t *bytes, size_t count)) {
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate->certificate, NID_subject_alt_name, NULL, NULL);
    for (int index = 0; index < sk_GENERAL_NAME_num(names); index++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
        const char *kind = NULL;
        switch (name->type) {
        case GEN_DNS: kind = "dns"; break;
        case GEN_EMAIL: kind = "email"; break;
        case GEN_URI: kind = "uri"; break;
        case GEN_IPADD: kind = "ip"; break;
        default: continue;
        }
        const ASN1_STRING *value = name->d.ia5;
        int count = ASN1_STRING_length(value);
        if (count > 0) found(owner, kind, ASN1_STRING_get0_data(value), (size_t)count);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}

// The end of the year 9999: what cannot be read is not valid yet, or no longer.
static const int64_t LATEST = 253402300799;

static int64_t seconds(const ASN1_TIME *time, int64_t fallback) {
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1) return fallback;
    return (int64_t)timegm(&parts);
}

int64_t ctls_certificate_not_before(const ctls_certificate *certificate) {
    return seconds(X509_get0_notBefore(certificate->certificate), LATEST);
}

int64_t ctls_certificate_not_after(const ctls_certificate *certificate) {
    return seconds(X509_get0_notAfter(certificate->certificate), 0);
}

int ctls_certificate_verify(const ctls_certificate *certificate, const char *roots, size_t count, int64_t time,
                            char *error, size_t error_size) {
    int isTrusted = 0;
    ERR_clear_error();
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    BIO *text = count > INT_MAX ? NULL : BIO_new_mem_buf(roots, (int)count);
    snprintf(error, error_size, "it cannot be checked");
    if (store != NULL && check != NULL && text != NULL) {
        X509 *root;
        while ((root = PEM_read_bio_X509(text, NULL, no_passphrase, NULL)) != NULL) {
            X509_STORE_add_cert(store, root);
            X509_free(root);
        }
        if (X509_STORE_CTX_init(check, store, certificate->certificate, certificate->chain) == 1) {
            X509_VERIFY_PARAM *rules = X509_STORE_CTX_get0_param(check);
            X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_CLIENT);
            X509_VERIFY_PARAM_set_time(rules, (time_t)time);
            X509_VERIFY_PARAM_set_depth(rules, 8);
            // Roots are what the profile says, be they intermediates in a larger hierarchy.
            X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
            // At least 112 bits of security: no 1024-bit keys, no SHA-1.
            X509_VERIFY_PARAM_set_auth_level(rules, 2);
            isTrusted = X509_verify_cert(check) == 1;
            if (!isTrusted) {
                const char *reason = X509_verify_cert_error_string(X509_STORE_CTX_get_error(check));
                snprintf(error, error_size, "%s", reason);
            }
        }
    }
    BIO_free(text);
    X509_STORE_CTX_free(check);
    X509_STORE_free(store);
    ERR_clear_error();
    return isTrusted;
}
