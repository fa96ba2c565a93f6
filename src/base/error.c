/* The words and sentences that clients see for each code. The words are part of the protocol. */
#include "base/error.h"

#include <stddef.h>

struct description {
    const char *code, *text;
};

/* Indexed by the negated code. Codes without a word of their own in the protocol borrow the
 * nearest one. */
static const struct description descriptions[] = {
    [-ERR_NONE] = {"ok", "Success"},
    [-ERR_BAD_REQUEST] = {"bad_request", "Invalid message format"},
    [-ERR_TOO_LARGE] = {"too_large", "Message too large"},
    [-ERR_UNAUTHORIZED] = {"unauthorized", "A valid credential is required"},
    [-ERR_FORBIDDEN] = {"forbidden", "This is not allowed"},
    [-ERR_NOT_FOUND] = {"not_found", "No such room, message or user"},
    [-ERR_NAME_TAKEN] = {"name_taken", "This name is taken, choose another one"},
    [-ERR_RATE_LIMITED] = {"rate_limited", "Rate limit exceeded"},
    [-ERR_CID_REUSED] = {"cid_reused", "This cid was already used for something else"},
    [-ERR_TOO_MANY] = {"too_many", "A limit is reached, leave or remove something first"},
    [-ERR_UNAVAILABLE] = {"unavailable", "Not known to be stored, send it again with the same cid"},
    [-ERR_INTERNAL] = {"internal", "Something went wrong in the server"},
    [-ERR_UTF8] = {"bad_request", "Invalid UTF-8"},
    [-ERR_PROTOCOL] = {"bad_request", "Protocol error"},
    [-ERR_IO] = {"internal", "The system refused an operation"},
};

static const struct description *describe(int error) {
    const size_t count = sizeof(descriptions) / sizeof(descriptions[0]);

    if (error > 0 || error <= -(int)count) {
        return &descriptions[-ERR_INTERNAL];
    }
    return &descriptions[-error];
}

const char *error_code(int error) {
    return describe(error)->code;
}

const char *error_text(int error) {
    return describe(error)->text;
}
