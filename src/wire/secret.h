/* Secrets and digests, through OpenSSL and libsodium. Randomness comes from the caller. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

#define SECRET_LENGTH 43 /* 32 random bytes as base64url without padding */
#define SECRET_BYTES 32

/* A secret as text; `text` holds SECRET_LENGTH + 1 bytes. */
void secret_format(const uint8_t random[SECRET_BYTES], char *text);
/* The same for a guest's session: never one that secret_is_accounts. */
void secret_format_guest(const uint8_t random[SECRET_BYTES], char *text);
/* Whether a secret that a client shows has the form of ours. */
bool secret_valid(struct slice secret);
/* Whether it looks like the secret of an account's session, which an authority gave out. */
bool secret_is_accounts(struct slice secret);
/* The identity a secret stands for: the first 16 bytes of its SHA-256. */
void secret_digest(struct slice secret, uint8_t digest[16]);
/* The identity of an HTTP caller without credential: address and signature, hashed. */
void secret_digest_pair(struct slice address, struct slice sender, uint8_t digest[16]);

void base64_append(struct buffer *out, struct slice bytes);
/* With its padding and nothing else (RFC 4648 section 4). ERR_BAD_REQUEST, and nothing appended. */
int base64_append_decoded(struct buffer *out, struct slice text) MUST_USE;
