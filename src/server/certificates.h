/* What `tls_cert` and `tls_key` say: the certificates of listeners that speak TLS. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/log.h"
#include "io/tls.h"
#include "server/config.h"

/* Whether each certificate has its key, and listeners that speak TLS have a certificate.
 * ERR_BAD_REQUEST with one line in `message`. */
int certificates_check(const struct config *config, char *message, size_t size) MUST_USE;

/* Reads the files of a checked configuration. `*context` is NULL when it names none. Warns of
 * certificates that expire soon. ERR_… with one line in `message`. */
int certificates_load(const struct config *config, const struct log *log,
                      struct tls_context **context, char *message, size_t size) MUST_USE;
