#include "wire/secret.h"

#include <assert.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "base/token.h"

#define URL_SAFE sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define DIGEST_BYTES 16

static_assert(sodium_base64_ENCODED_LEN(SECRET_BYTES, URL_SAFE) == SECRET_LENGTH + 1,
              "a secret and its zero");

/* As sodium_base642bin, which takes bytes past ASCII for the last digit of its alphabet. */
static int decode(struct slice text, int variant, uint8_t *bytes, size_t room, size_t *length) {
    if (!text_is_ascii(text)) {
        return -1;
    }
    return sodium_base642bin(bytes, room, text.data, text.length, NULL, length, NULL, variant);
}

void secret_format(const uint8_t random[SECRET_BYTES], char *text) {
    sodium_bin2base64(text, SECRET_LENGTH + 1, random, SECRET_BYTES, URL_SAFE);
}

void secret_format_guest(const uint8_t random[SECRET_BYTES], char *text) {
    uint8_t bytes[SECRET_BYTES];

    memcpy(bytes, random, sizeof(bytes));
    secret_format(bytes, text);
    if (secret_is_accounts(slice_of_string(text))) {
        bytes[0] ^= 0x80;
        secret_format(bytes, text);
    }
}

bool secret_valid(struct slice secret) {
    uint8_t bytes[SECRET_BYTES];
    size_t length;

    return secret.length == SECRET_LENGTH &&
           decode(secret, URL_SAFE, bytes, sizeof(bytes), &length) == 0 && length == sizeof(bytes);
}

bool secret_is_accounts(struct slice secret) {
    return slice_starts_with(secret, SLICE(TOKEN_PREFIX)) && secret.length <= LIMIT_SECRET;
}

void secret_digest(struct slice secret, uint8_t digest[DIGEST_BYTES]) {
    uint8_t whole[SHA256_DIGEST_LENGTH];

    SHA256((const uint8_t *)(secret.length > 0 ? secret.data : ""), secret.length, whole);
    memcpy(digest, whole, DIGEST_BYTES);
}

void secret_digest_pair(struct slice address, struct slice sender, uint8_t digest[DIGEST_BYTES]) {
    struct buffer both = {0};

    /* The length keeps "1.2.3.4" with "5x" apart from "1.2.3.45" with "x", and the zero, which
     * no secret of ours has, keeps both apart from every session. */
    buffer_append_u64(&both, address.length);
    buffer_append_char(&both, '\0');
    buffer_append_slice(&both, address);
    buffer_append_slice(&both, sender);
    secret_digest(buffer_slice(&both), digest);
    buffer_close(&both);
}

void base64_append(struct buffer *out, struct slice bytes) {
    size_t room = sodium_base64_encoded_len(bytes.length, sodium_base64_VARIANT_ORIGINAL);

    sodium_bin2base64(buffer_reserve(out, room), room, (const uint8_t *)bytes.data, bytes.length,
                      sodium_base64_VARIANT_ORIGINAL);
    buffer_commit(out, room - 1); /* it counts the zero at the end */
}

int base64_append_decoded(struct buffer *out, struct slice text) {
    size_t length, room = text.length / 4 * 3 + 3;
    uint8_t *bytes = (uint8_t *)buffer_reserve(out, room);

    if (decode(text, sodium_base64_VARIANT_ORIGINAL, bytes, room, &length) != 0) {
        return ERR_BAD_REQUEST;
    }
    buffer_commit(out, length);
    return 0;
}
