/* What a client offers when it asks for WebSocket: extensions, and its key. The first line of the
 * input is the key, the rest are the offers. */
#include "fuzz.h"
#include "wire/secret.h"
#include "wire/websocket.h"

#define PLAIN_ANSWER "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

static void check_key(struct slice key) {
    struct buffer decoded = {0}, accept = {0};

    if (websocket_key_valid(key)) {
        /* Its last digit may carry bits that mean nothing; then it is no base64 in our strict
         * sense.
         */
        if (base64_append_decoded(&decoded, key) == 0) {
            REQUIRE(buffer_length(&decoded) == 16);
        }
    }
    websocket_append_accept(&accept, key);
    REQUIRE(buffer_length(&accept) == 28);
    buffer_close(&decoded);
    buffer_close(&accept);
}

static bool accept_with(struct slice offers, const char *more, int *window_bits,
                        struct buffer *answer) {
    struct buffer all = {0};

    buffer_append_slice(&all, offers);
    buffer_append_string(&all, more);
    char *own = own_bytes(buffer_slice(&all));
    bool accepted =
        websocket_accept_deflate(slice_from(own, buffer_length(&all)), window_bits, answer);

    free(own);
    buffer_close(&all);
    return accepted;
}

static void check_answer(struct slice answer, int window_bits) {
    struct buffer expected = {0};

    REQUIRE(window_bits >= 9 && window_bits <= 15);
    buffer_append_string(&expected, PLAIN_ANSWER);
    if (!slice_equal(answer, buffer_slice(&expected))) {
        buffer_append_format(&expected, "; server_max_window_bits=%d", window_bits);
    } else {
        REQUIRE(window_bits == 15);
    }
    require_equal(answer, buffer_slice(&expected));
    buffer_close(&expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice offers = slice_from(data, size);
    struct slice key = slice_cut(&offers, '\n');
    struct buffer answer = {0}, other = {0};
    int window_bits = 0, other_bits = 0;

    check_key(key);
    if (accept_with(offers, "", &window_bits, &answer)) {
        check_answer(buffer_slice(&answer), window_bits);
        /* The first that will do is taken, whatever follows. */
        REQUIRE(accept_with(offers, ", permessage-deflate; server_max_window_bits=9", &other_bits,
                            &other));
        REQUIRE(other_bits == window_bits);
        require_equal(buffer_slice(&answer), buffer_slice(&other));
    } else {
        REQUIRE(window_bits == 0 && buffer_length(&answer) == 0);
        /* What is refused does not spoil another offer, unless a quotation mark hides that. */
        if (slice_find(offers, '"') < 0 && slice_find(offers, '\\') < 0) {
            REQUIRE(accept_with(offers, ",permessage-deflate", &other_bits, &other));
            REQUIRE(other_bits == 15);
        }
    }
    buffer_close(&answer);
    buffer_close(&other);
    return 0;
}
