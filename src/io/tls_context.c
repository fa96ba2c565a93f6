/* What sessions share: versions, ciphers, certificates and the keys of tickets.
 *
 * A server has one SSL_CTX for each certificate. A session begins with the first and is moved to
 * another when the client has told the name it wants (SNI); everything but the certificate is the
 * same in all of them. To change certificates a new context is made and the old one released: it
 * goes when its last session has. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/memory.h"
#include "io/tls_internal.h"

/* Forward secrecy and authenticated encryption only. Those of TLS 1.3 all are, and stay as OpenSSL
 * has them. */
#define CIPHERS_TLS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"
#define GROUPS "X25519:P-256:P-384"

/* Whoever steals the key of a ticket can read what was said under it (TLS 1.2), so keys are
 * forgotten. A client that comes later makes a whole handshake. */
#define TICKET_KEYS_MS (12 * 3600 * 1000)
#define TICKETS_PER_SESSION 1

/* ALPN's way to write a list (RFC 7301 section 3.1). */
static const unsigned char http_1_1[] = "\x08http/1.1";

SSL_CTX *tls_settings_new(const SSL_METHOD *method) {
    SSL_CTX *settings = SSL_CTX_new(method);

    SSL_CTX_set_min_proto_version(settings, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(settings, CIPHERS_TLS_1_2);
    SSL_CTX_set1_groups_list(settings, GROUPS);
    SSL_CTX_set_options(settings, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(settings, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(settings, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(settings, TICKETS_PER_SESSION);
    return settings;
}

struct tls_context *tls_context_new(const SSL_METHOD *method) {
    struct tls_context *context = memory_new_struct(struct tls_context);

    context->holders = 1;
    context->transport = tls_transport_new();
    context->contexts = memory_new(sizeof(*context->contexts));
    context->contexts[0] = tls_settings_new(method);
    context->count = 1;
    context->expiry_s = INT64_MAX;
    return context;
}

struct tls_context *tls_context_hold(struct tls_context *context) {
    context->holders++;
    return context;
}

void tls_context_release(struct tls_context *context) {
    if (!context || --context->holders > 0)
        return;
    for (size_t i = 0; i < context->count; i++)
        SSL_CTX_free(context->contexts[i]);
    memory_free(context->contexts);
    BIO_meth_free(context->transport);
    memory_free(context);
}

int64_t tls_context_expiry(const struct tls_context *context) {
    return context->expiry_s;
}

/* What OpenSSL noted last, in words. */
static const char *last_reason(void) {
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    return reason ? reason : "no reason was given";
}

static int refuse_file(const char *what, const char *path, const char *why, char *message,
                       size_t size) {
    snprintf(message, size, "the %s %s %s", what, path, why);
    ERR_clear_error();
    return ERR_BAD_REQUEST;
}

static int open_file(const char *what, const char *path, BIO **file, char *message, size_t size) {
    errno = 0;
    *file = BIO_new_file(path, "r");
    if (*file)
        return 0;
    snprintf(message, size, "cannot read the %s %s: %s", what, path, strerror(errno));
    ERR_clear_error();
    return ERR_IO;
}

/* An encrypted key would have OpenSSL ask for the password at the terminal. */
static int refuse_password(char *text, int size, int writing, void *encrypted) {
    (void)text, (void)size, (void)writing;
    *(bool *)encrypted = true;
    return -1;
}

/* The first certificate of the file is the server's, the others vouch for it. */
static int load_chain(SSL_CTX *settings, const char *path, char *message, size_t size) {
    X509 *certificate = NULL;
    size_t count = 0;
    BIO *file;
    int error = open_file("certificate", path, &file, message, size);

    if (error)
        return error;
    while (!error && (certificate = PEM_read_bio_X509(file, NULL, NULL, NULL))) {
        bool taken = count++ == 0 ? SSL_CTX_use_certificate(settings, certificate) == 1
                                  : SSL_CTX_add1_chain_cert(settings, certificate) == 1;
        if (!taken)
            error = refuse_file("certificate", path, last_reason(), message, size);
        X509_free(certificate);
    }
    if (!error && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        error = refuse_file("certificate", path, "is damaged", message, size);
    if (!error && count == 0)
        error = refuse_file("certificate", path,
                            "is not PEM: it must have a line -----BEGIN CERTIFICATE-----", message,
                            size);
    ERR_clear_error();
    BIO_free(file);
    return error;
}

static int load_key(SSL_CTX *settings, const struct tls_certificate *files, char *message,
                    size_t size) {
    bool encrypted = false;
    EVP_PKEY *key;
    BIO *file;
    int error = open_file("key", files->key, &file, message, size);

    if (error)
        return error;
    key = PEM_read_bio_PrivateKey(file, NULL, refuse_password, &encrypted);
    BIO_free(file);
    if (encrypted)
        error = refuse_file("key", files->key,
                            "is encrypted: decrypt it with `openssl pkey`, and protect the file",
                            message, size);
    else if (!key)
        error =
            refuse_file("key", files->key,
                        "is no private key in PEM: it must have a line -----BEGIN PRIVATE KEY-----",
                        message, size);
    else if (X509_check_private_key(SSL_CTX_get0_certificate(settings), key) != 1) {
        snprintf(message, size, "the key %s does not belong to the certificate %s", files->key,
                 files->chain);
        error = ERR_BAD_REQUEST;
    } else if (SSL_CTX_use_PrivateKey(settings, key) != 1) {
        error = refuse_file("key", files->key, last_reason(), message, size);
    }
    EVP_PKEY_free(key);
    ERR_clear_error();
    return error;
}

static int64_t expiry_of(const SSL_CTX *settings) {
    const ASN1_TIME *end = X509_get0_notAfter(SSL_CTX_get0_certificate(settings));
    struct tm parts;

    return ASN1_TIME_to_tm(end, &parts) == 1 ? (int64_t)timegm(&parts) : INT64_MAX;
}

/* The certificate for a name; names written out come before wildcards. */
static SSL_CTX *find_name(const struct tls_context *context, const char *name) {
    static const unsigned rounds[] = {X509_CHECK_FLAG_NO_WILDCARDS,
                                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS};

    for (size_t round = 0; round < sizeof(rounds) / sizeof(rounds[0]); round++) {
        for (size_t i = 0; i < context->count; i++) {
            X509 *certificate = SSL_CTX_get0_certificate(context->contexts[i]);
            if (X509_check_host(certificate, name, 0,
                                rounds[round] | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1)
                return context->contexts[i];
        }
    }
    return context->contexts[0];
}

static int on_server_name(SSL *ssl, int *alert, void *argument) {
    const struct tls_context *context = argument;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    (void)alert;
    if (!name)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_set_SSL_CTX(ssl, find_name(context, name));
    return SSL_TLSEXT_ERR_OK;
}

static int on_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_length,
                   const unsigned char *offered, unsigned offered_length, void *argument) {
    const struct tls_session *session = SSL_get_app_data(ssl);
    unsigned char *found;

    (void)argument;
    if (!session->http)
        return SSL_TLSEXT_ERR_NOACK;
    if (SSL_select_next_proto(&found, chosen_length, http_1_1, sizeof(http_1_1) - 1, offered,
                              offered_length) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

int tls_context_for_server(const struct tls_certificate *certificates, size_t count,
                           struct tls_context **context, char *message, size_t size) {
    struct tls_context *made = tls_context_new(TLS_server_method());
    int error = 0;

    ERR_clear_error();
    made->contexts = memory_resize(made->contexts, count * sizeof(*made->contexts));
    for (size_t i = 0; i < count && !error; i++) {
        if (i > 0)
            made->contexts[made->count++] = tls_settings_new(TLS_server_method());
        SSL_CTX_set_alpn_select_cb(made->contexts[i], on_alpn, NULL);
        error = load_chain(made->contexts[i], certificates[i].chain, message, size);
        if (!error)
            error = load_key(made->contexts[i], &certificates[i], message, size);
        if (!error && expiry_of(made->contexts[i]) < made->expiry_s)
            made->expiry_s = expiry_of(made->contexts[i]);
    }
    if (error) {
        tls_context_release(made);
        return error;
    }
    SSL_CTX_set_tlsext_servername_callback(made->contexts[0], on_server_name);
    SSL_CTX_set_tlsext_servername_arg(made->contexts[0], made);
    *context = made;
    return 0;
}

/* Tickets are sealed with keys of the first SSL_CTX, whichever certificate was shown. */
static void renew_ticket_keys(struct tls_context *context, uint64_t now_ms) {
    unsigned char keys[80]; /* OpenSSL's size of them */

    if (context->tickets_ms > 0 && now_ms - context->tickets_ms < TICKET_KEYS_MS)
        return;
    context->tickets_ms = now_ms > 0 ? now_ms : 1;
    if (SSL_CTX_get_tlsext_ticket_keys(context->contexts[0], NULL, 0) == sizeof(keys) &&
        RAND_bytes(keys, sizeof(keys)) == 1)
        SSL_CTX_set_tlsext_ticket_keys(context->contexts[0], keys, sizeof(keys));
    OPENSSL_cleanse(keys, sizeof(keys));
}

struct tls_session *tls_accept(struct tls_context *context, bool http, uint64_t now_ms) {
    struct tls_session *session;

    renew_ticket_keys(context, now_ms);
    session = tls_session_new(context, http);
    SSL_set_accept_state(session->ssl);
    return session;
}

int tls_context_for_client(const char *authorities, bool insecure, struct tls_context **context,
                           char *message, size_t size) {
    struct tls_context *made = tls_context_new(TLS_client_method());
    SSL_CTX *settings = made->contexts[0];

    made->insecure = insecure;
    SSL_CTX_set_verify(settings, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (authorities ? SSL_CTX_load_verify_file(settings, authorities) == 1
                    : SSL_CTX_set_default_verify_paths(settings) == 1) {
        *context = made;
        ERR_clear_error();
        return 0;
    }
    snprintf(message, size, "cannot take certificates of authorities from %s: %s",
             authorities ? authorities : "the system", last_reason());
    ERR_clear_error();
    tls_context_release(made);
    return ERR_IO;
}

static bool is_address(const char *host) {
    unsigned char bytes[16];

    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

struct tls_session *tls_connect(struct tls_context *context, const char *host, bool http) {
    struct tls_session *session = tls_session_new(context, http);

    SSL_set_connect_state(session->ssl);
    if (is_address(host)) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session->ssl), host);
    } else {
        SSL_set_tlsext_host_name(session->ssl, host);
        SSL_set_hostflags(session->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        SSL_set1_host(session->ssl, host);
    }
    if (http)
        SSL_set_alpn_protos(session->ssl, http_1_1, sizeof(http_1_1) - 1);
    return session;
}
