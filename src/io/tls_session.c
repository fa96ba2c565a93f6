/* One connection. OpenSSL reads from and writes to a BIO of ours, which is the caller's slice and
 * buffer while a call lasts; so nothing is copied twice, and nothing waits in between. */
#include <assert.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/memory.h"
#include "io/tls_internal.h"

#define RECORD_HEAD 5
#define CONTENT_HANDSHAKE 22 /* RFC 8446 section 5.1 */
#define VERSION_MAJOR 3

static int transport_read(BIO *bio, char *space, int size) {
    struct tls_session *session = BIO_get_data(bio);
    size_t count = session->input.length;

    BIO_clear_retry_flags(bio);
    if (count == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    if (count > (size_t)size)
        count = (size_t)size;
    memcpy(space, session->input.data, count);
    session->input = slice_skip(session->input, count);
    return (int)count;
}

static int transport_write(BIO *bio, const char *bytes, int count) {
    struct tls_session *session = BIO_get_data(bio);

    buffer_append(session->output, bytes, (size_t)count);
    return count;
}

static long transport_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_transport_new(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "buffers");

    BIO_meth_set_read(method, transport_read);
    BIO_meth_set_write(method, transport_write);
    BIO_meth_set_ctrl(method, transport_control);
    return method;
}

struct tls_session *tls_session_new(struct tls_context *context, bool http) {
    struct tls_session *session = memory_new_struct(struct tls_session);
    BIO *transport = BIO_new(context->transport);

    session->context = tls_context_hold(context);
    session->http = http;
    session->ssl = SSL_new(context->contexts[0]);
    BIO_set_data(transport, session);
    BIO_set_init(transport, 1);
    SSL_set_bio(session->ssl, transport, transport);
    SSL_set_app_data(session->ssl, session);
    return session;
}

void tls_session_free(struct tls_session *session) {
    if (!session)
        return;
    SSL_free(session->ssl);
    tls_context_release(session->context);
    memory_free(session->fault);
    memory_free(session);
}

enum tls_state tls_session_state(const struct tls_session *session) {
    return session->state;
}

const char *tls_session_fault(const struct tls_session *session) {
    return session->fault ? session->fault : "no reason is known";
}

bool tls_record_is_open(const struct tls_session *session) {
    return SSL_has_pending(session->ssl) == 1;
}

/* What is wrong with the other side's certificate; NULL: nothing. */
static const char *certificate_fault(const struct tls_session *session) {
    long result = SSL_get_verify_result(session->ssl);

    if (session->context->insecure)
        return NULL;
    switch (result) {
    case X509_V_OK:
        return NULL;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "the server's certificate has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "the server's certificate is not valid yet; is this machine's clock right?";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "the server's certificate is for another host than this one";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return "the server's certificate is of an authority that is not trusted here";
    default:
        return X509_verify_cert_error_string(result);
    }
}

static const char *protocol_fault(void) {
    unsigned long error = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(error);

    switch (ERR_GET_REASON(error)) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
        return "the other side does not speak TLS";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return "there is no version of TLS that both sides speak";
    case SSL_R_NO_SHARED_CIPHER:
        return "there is no cipher that both sides speak";
    default:
        return reason ? reason : "it is broken";
    }
}

static void fail(struct tls_session *session) {
    const char *fault = certificate_fault(session);

    session->fault = memory_copy_string(slice_of_string(fault ? fault : protocol_fault()));
    session->state = TLS_FAILED;
}

/* What a call that did not do it says of the session. */
static void take_result(struct tls_session *session, int result) {
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        break;
    case SSL_ERROR_ZERO_RETURN:
        session->state = TLS_ENDED;
        break;
    default:
        fail(session);
        break;
    }
}

static void shake_hands(struct tls_session *session) {
    int result = SSL_do_handshake(session->ssl);

    if (result == 1)
        session->state = TLS_OPEN;
    else
        take_result(session, result);
}

static void read_records(struct tls_session *session, struct buffer *plain) {
    int count;

    while ((count = SSL_read(session->ssl, buffer_reserve(plain, TLS_RECORD_MAX), TLS_RECORD_MAX)) >
           0)
        buffer_commit(plain, (size_t)count);
    take_result(session, count);
}

enum tls_state tls_receive(struct tls_session *session, struct slice input, struct buffer *plain,
                           struct buffer *output) {
    session->input = input;
    session->output = output;
    ERR_clear_error();
    if (session->state == TLS_SHAKING_HANDS)
        shake_hands(session);
    if (session->state == TLS_OPEN)
        read_records(session, plain);
    session->input = SLICE_NONE;
    session->output = NULL;
    ERR_clear_error();
    return session->state;
}

int tls_send(struct tls_session *session, struct slice plain, struct buffer *output) {
    int result;

    assert(plain.length > 0 && plain.length <= TLS_RECORD_MAX);
    if (session->state != TLS_OPEN && session->state != TLS_ENDED)
        return ERR_PROTOCOL;
    session->output = output;
    ERR_clear_error();
    result = SSL_write(session->ssl, plain.data, (int)plain.length);
    if (result <= 0)
        fail(session);
    session->output = NULL;
    ERR_clear_error();
    return result > 0 ? 0 : ERR_PROTOCOL;
}

void tls_end(struct tls_session *session, struct buffer *output) {
    if (session->state != TLS_OPEN && session->state != TLS_ENDED)
        return;
    session->output = output;
    ERR_clear_error();
    SSL_shutdown(session->ssl);
    session->output = NULL;
    ERR_clear_error();
}

ptrdiff_t tls_first_record(struct slice bytes) {
    const unsigned char *head = (const unsigned char *)bytes.data;

    if (bytes.length > 0 && head[0] != CONTENT_HANDSHAKE)
        return ERR_PROTOCOL;
    if (bytes.length > 1 && head[1] != VERSION_MAJOR)
        return ERR_PROTOCOL;
    if (bytes.length < RECORD_HEAD)
        return 0;
    return RECORD_HEAD + (head[3] << 8 | head[4]);
}
