#include "server/certificates.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "server/listen_url.h"

#define DAY_S 86400
/* Those that renew them do so a month or more before. */
#define WARNING_DAYS 14

int certificates_check(const struct config *config, char *message, size_t size) {
    if (config->tls_cert.count != config->tls_key.count) {
        snprintf(message, size,
                 "tls_cert is there %zu times and tls_key %zu times: each certificate needs its "
                 "key, in the same order",
                 config->tls_cert.count, config->tls_key.count);
        return ERR_BAD_REQUEST;
    }
    for (size_t i = 0; i < config->listen.count && config->tls_cert.count == 0; i++) {
        struct listen_url url;
        int error = listen_url_parse(config->listen.items[i], &url, message, size);
        if (error)
            return error;
        if (!url.secure)
            continue;
        snprintf(message, size,
                 "listen = %s needs a certificate: set tls_cert to its file (PEM, with the chain) "
                 "and tls_key to that of its key; `make dev-cert` makes some to try",
                 config->listen.items[i]);
        return ERR_BAD_REQUEST;
    }
    return 0;
}

static void warn_of_expiry(const struct tls_context *context, const struct log *log) {
    int64_t left_s = tls_context_expiry(context) - (int64_t)time(NULL);

    if (left_s < 0)
        log_write(log, LOG_WARNING,
                  "A certificate of tls_cert has expired: clients will refuse it");
    else if (left_s < WARNING_DAYS * DAY_S)
        log_write(log, LOG_WARNING, "A certificate of tls_cert expires in %d days",
                  (int)(left_s / DAY_S));
}

int certificates_load(const struct config *config, const struct log *log,
                      struct tls_context **context, char *message, size_t size) {
    size_t count = config->tls_cert.count;
    struct tls_certificate *files;
    int error;

    if (count == 0) {
        *context = NULL;
        return 0;
    }
    files = memory_new(count * sizeof(*files));
    for (size_t i = 0; i < count; i++)
        files[i] = (struct tls_certificate){config->tls_cert.items[i], config->tls_key.items[i]};
    error = tls_context_for_server(files, count, context, message, size);
    memory_free(files);
    if (!error)
        warn_of_expiry(*context, log);
    return error;
}
