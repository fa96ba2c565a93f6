/* What the files of tls.h share. */
#pragma once

#include <stdatomic.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include "io/tls.h"

struct tls_context {
    atomic_size_t holders; /* of several threads, where a server's settings are handed to one */
    BIO_METHOD *transport; /* of the sessions: their slices and buffers */
    SSL_CTX **contexts;    /* one for each certificate; of a client one */
    size_t count;
    int64_t expiry_s;
    uint64_t tickets_ms; /* when the keys of the tickets were made */
    bool insecure;       /* of a client */
};

struct tls_session {
    struct tls_context *context;
    SSL *ssl;
    struct slice input;    /* during a call: what is left of it */
    struct buffer *output; /* during a call */
    char *fault;           /* NULL: none */
    enum tls_state state;
    bool http;
};

/* A context without certificates, of one SSL_CTX that has what all of this program have. */
struct tls_context *tls_context_new(const SSL_METHOD *method);
SSL_CTX *tls_settings_new(const SSL_METHOD *method);

/* tls_session.c */
struct tls_session *tls_session_new(struct tls_context *context, bool http);
BIO_METHOD *tls_transport_new(void);
