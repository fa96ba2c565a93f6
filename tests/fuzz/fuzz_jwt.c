/* Tokens from elsewhere, and the files of keys: the first byte of the input says what the rest is.
 * Signatures cannot be guessed, so header and claims are signed here before they are read. */
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdlib.h>

#include "auth/jwt.h"

#define NOW_US INT64_C(1790000000000000)
#define SECRET "0123456789abcdef0123456789abcdef"
#define URL_SAFE sodium_base64_VARIANT_URLSAFE_NO_PADDING

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void append_url(struct buffer *out, struct slice bytes) {
    size_t room = sodium_base64_encoded_len(bytes.length, URL_SAFE);

    sodium_bin2base64(buffer_reserve(out, room), room, (const unsigned char *)bytes.data,
                      bytes.length, URL_SAFE);
    buffer_commit(out, room - 1);
}

static void read_token(const struct jwt_keys *keys, struct slice token) {
    const struct jwt_rules rules = {.issuer = SLICE("i"), .audience = SLICE("a"), .leeway_s = 60};
    struct jwt_claims claims = {0};
    const char *why = NULL;
    int error = jwt_read(keys, &rules, token, NOW_US, &claims, &why);

    if ((error == 0) != (why == NULL) || (error == 0 && claims.subject.length == 0))
        abort();
    jwt_claims_close(&claims);
}

/* HEADER, a zero, PAYLOAD. */
static void read_signed(const struct jwt_keys *keys, struct slice text) {
    struct slice header = slice_cut(&text, '\0');
    struct buffer token = {0};
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    append_url(&token, header);
    buffer_append_char(&token, '.');
    append_url(&token, text);
    HMAC(EVP_sha256(), SECRET, sizeof(SECRET) - 1, (const unsigned char *)buffer_slice(&token).data,
         buffer_length(&token), digest, &length);
    buffer_append_char(&token, '.');
    append_url(&token, slice_from(digest, length));
    read_token(keys, buffer_slice(&token));
    buffer_close(&token);
}

static void read_keys(struct slice file) {
    struct buffer message = {0};
    struct jwt_keys keys = {0};
    int error = jwt_keys_parse(file, &keys, &message);

    if ((error == 0) != (keys.count > 0) || (error == 0) != (buffer_length(&message) == 0))
        abort();
    jwt_keys_close(&keys);
    buffer_close(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice input = slice_from(data + (size > 0), size > 0 ? size - 1 : 0);
    struct buffer message = {0};
    struct jwt_keys keys = {0};

    if (size == 0 || jwt_keys_parse(SLICE(SECRET), &keys, &message) != 0)
        return 0;
    if (data[0] % 3 == 0)
        read_token(&keys, input);
    else if (data[0] % 3 == 1)
        read_signed(&keys, input);
    else
        read_keys(input);
    jwt_keys_close(&keys);
    return 0;
}
