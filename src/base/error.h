/* Error codes. Functions return 0 or one of these negative codes; outputs are untouched on failure.
 */
#pragma once

/* Results that matter cannot be dropped silently. */
#define MUST_USE __attribute__((warn_unused_result))

enum error {
    ERR_NONE = 0,
    ERR_BAD_REQUEST = -1,  /* malformed, or a value out of its range */
    ERR_TOO_LARGE = -2,    /* longer than the limit it has */
    ERR_UNAUTHORIZED = -3, /* no valid credential */
    ERR_FORBIDDEN = -4,    /* known, but not allowed */
    ERR_NOT_FOUND = -5,    /* does not exist, or must not be seen to exist */
    ERR_NAME_TAKEN = -6,   /* another identity holds the name */
    ERR_RATE_LIMITED = -7, /* too often */
    ERR_CID_REUSED = -8,   /* the cid is known with another body */
    ERR_TOO_MANY = -9,     /* a count is at its limit */
    ERR_UNAVAILABLE = -10, /* not known to be stored; try again under the same cid */
    ERR_INTERNAL = -11,    /* a fault of ours */
    ERR_UTF8 = -12,        /* not UTF-8 */
    ERR_PROTOCOL = -13,    /* the peer broke its protocol */
    ERR_IO = -14,          /* the system refused; errno or a message has the details */
};

/* The protocol's word for a code, "rate_limited" for ERR_RATE_LIMITED. Never NULL; static. */
const char *error_code(int error);

/* One sentence for people, "Rate limit exceeded". Never NULL; static. */
const char *error_text(int error);
