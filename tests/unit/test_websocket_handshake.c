/* The other half of WebSocket: what we write, and what an upgrade negotiates. */
#include "websocket_trace.h"

#include "base/rng.h"

static const struct setting client = {.client = true};

static void expect_written(struct buffer *take, struct slice expected) {
    assert_int_equal(buffer_length(take), expected.length);
    assert_memory_equal(buffer_slice(take).data, expected.data, expected.length);
    buffer_close(take);
}

static void a_frame_has_fin_and_the_shortest_length(void **state) {
    (void)state;
    struct buffer out = {0};
    websocket_append_header(&out, WEBSOCKET_TEXT, false, 0);
    websocket_append_header(&out, WEBSOCKET_TEXT, true, 125);
    websocket_append_header(&out, WEBSOCKET_BINARY, false, 126);
    websocket_append_header(&out, WEBSOCKET_BINARY, false, 65535);
    websocket_append_header(&out, WEBSOCKET_BINARY, false, 65536);
    expect_written(&out, SLICE("\x81\x00\xc1\x7d\x82\x7e\x00\x7e\x82\x7e\xff\xff"
                               "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"));
}

static void frames_are_those_of_the_rfc(void **state) {
    (void)state;
    const uint8_t mask_bytes[] = {0x37, 0xfa, 0x21, 0x3d};
    struct buffer out = {0};
    uint32_t mask;
    websocket_append_frame(&out, WEBSOCKET_PING, SLICE("Hello"));
    expect_written(&out, SLICE("\x89\x05Hello"));
    memcpy(&mask, mask_bytes, sizeof mask);
    websocket_append_masked(&out, WEBSOCKET_TEXT, SLICE("Hello"), mask);
    expect_written(&out, SLICE("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"));
}

static void a_close_frame_carries_code_and_reason(void **state) {
    (void)state;
    struct buffer out = {0};
    websocket_append_close(&out, 1008, SLICE("Invalid origin"));
    expect_written(&out, SLICE("\x88\x10\x03\xf0Invalid origin"));
    websocket_append_close(&out, 1000, SLICE(""));
    expect_written(&out, SLICE("\x88\x02\x03\xe8"));
}

static void a_close_frame_without_a_code_is_empty(void **state) {
    (void)state;
    struct buffer out = {0};
    websocket_append_close(&out, 1005, SLICE(""));
    expect_written(&out, SLICE("\x88\x00"));
    websocket_append_close(&out, 1006, SLICE("ignored"));
    expect_written(&out, SLICE("\x88\x00"));
}

static void a_mask_can_be_applied_in_pieces(void **state) {
    (void)state;
    const uint8_t mask[4] = {1, 2, 4, 8};
    for (size_t cut = 0; cut <= 37; cut++) {
        uint8_t bytes[37] = {0};
        websocket_mask(bytes, cut, mask, 0);
        websocket_mask(bytes + cut, sizeof bytes - cut, mask, cut);
        for (size_t i = 0; i < sizeof bytes; i++)
            assert_int_equal(bytes[i], mask[i % 4]);
    }
}

static void what_each_side_writes_the_other_reads(void **state) {
    (void)state;
    struct rng rng;
    rng_seed(&rng, 13);
    for (size_t length = 0; length < 70000; length = length * 2 + 1) {
        struct buffer out = {0}, expected = {0};
        char *content = malloc(length + 1);
        for (size_t i = 0; i < length; i++)
            content[i] = (char)('a' + rng_below(&rng, 26));
        content[length] = '\0';
        buffer_append_format(&expected, "binary(%s) ", content);
        buffer_append_char(&expected, '\0');
        websocket_append_masked(&out, WEBSOCKET_BINARY, slice_from(content, length),
                                (uint32_t)rng_next(&rng));
        expect(&out, buffer_slice(&expected).data);
        websocket_append_frame(&out, WEBSOCKET_BINARY, slice_from(content, length));
        expect_from(client, &out, buffer_slice(&expected).data);
        buffer_close(&expected);
        free(content);
    }
}

static void the_accept_key_is_that_of_the_rfc(void **state) {
    (void)state;
    struct buffer out = {0};
    websocket_append_accept(&out, SLICE("dGhlIHNhbXBsZSBub25jZQ=="));
    expect_written(&out, SLICE("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

static void a_key_is_16_bytes_in_base64(void **state) {
    (void)state;
    assert_true(websocket_key_valid(SLICE("dGhlIHNhbXBsZSBub25jZQ==")));
    assert_true(websocket_key_valid(SLICE("++++////AAAAzzzz0000aQ==")));
    assert_false(websocket_key_valid(SLICE("")));
    assert_false(websocket_key_valid(SLICE("dGhlIHNhbXBsZSBub25jZQ=")));
    assert_false(websocket_key_valid(SLICE("dGhlIHNhbXBsZSBub25jZQAA")));
    assert_false(websocket_key_valid(SLICE("dGhlIHNhbXBsZSBub25jZQ=A")));
    assert_false(websocket_key_valid(SLICE("dGhlIHNhbX_sZSBub25jZQ==")));
    assert_false(websocket_key_valid(SLICE("dGhlIHNhbXBsZSBub25jZWFhYQ==")));
}

#define BOTH "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

static void expect_accepted(const char *offers, int window_bits, const char *answer) {
    struct buffer out = {0};
    int bits = 0;
    assert_true(websocket_accept_deflate(slice_of_string(offers), &bits, &out));
    assert_int_equal(bits, window_bits);
    buffer_append_char(&out, '\0');
    assert_string_equal(buffer_slice(&out).data, answer);
    buffer_close(&out);
}

static void expect_declined(const char *offers) {
    struct buffer out = {0};
    int bits = 77;
    assert_false(websocket_accept_deflate(slice_of_string(offers), &bits, &out));
    assert_int_equal(bits, 77);
    assert_int_equal(buffer_length(&out), 0);
    buffer_close(&out);
}

static void deflate_is_accepted_without_context_takeover(void **state) {
    (void)state;
    expect_accepted("permessage-deflate", 15, BOTH);
    expect_accepted("  permessage-deflate ; client_max_window_bits", 15, BOTH);
    expect_accepted("permessage-deflate; client_max_window_bits=8", 15, BOTH);
    expect_accepted("permessage-deflate;client_max_window_bits=\"15\"", 15, BOTH);
    expect_accepted("permessage-deflate; server_no_context_takeover", 15, BOTH);
    expect_accepted("permessage-deflate; client_no_context_takeover; "
                    "server_no_context_takeover; client_max_window_bits",
                    15, BOTH);
}

static void a_window_asked_for_is_confirmed(void **state) {
    (void)state;
    for (int bits = 9; bits <= 15; bits++) {
        char offer[80], answer[200];
        snprintf(answer, sizeof answer, BOTH "; server_max_window_bits=%d", bits);
        snprintf(offer, sizeof offer, "permessage-deflate; server_max_window_bits=%d", bits);
        expect_accepted(offer, bits, answer);
        snprintf(offer, sizeof offer, "permessage-deflate; server_max_window_bits = \"%d\"", bits);
        expect_accepted(offer, bits, answer);
    }
}

static void an_offer_we_cannot_meet_is_declined(void **state) {
    (void)state;
    static const char *const offers[] = {
        "",
        ",",
        ";",
        "permessage-bzip2",
        "x-webkit-deflate-frame",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=",
        "permessage-deflate; server_max_window_bits=\"\"",
        "permessage-deflate; server_max_window_bits=\"",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=010",
        "permessage-deflate; server_max_window_bits=+10",
        "permessage-deflate; server_max_window_bits=10.0",
        "permessage-deflate; server_max_window_bits=99999999999999999999",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=abc",
        "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=",
        "permessage-deflate; unknown",
        "permessage-deflate; unknown=10",
        "permessage-deflate;",
        "permessage-deflate; ; client_max_window_bits",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
        "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
        "permessage-deflate client_max_window_bits",
        "permessage-deflate=1",
        "x; y=\", permessage-deflate, \"",
    };
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++)
        expect_declined(offers[i]);
}

static void the_first_offer_that_can_be_met_is_taken(void **state) {
    (void)state;
    expect_accepted("permessage-deflate; server_max_window_bits=8, permessage-deflate", 15, BOTH);
    expect_accepted("foo, permessage-deflate; bad, permessage-deflate; server_max_window_bits=11,"
                    "permessage-deflate",
                    11, BOTH "; server_max_window_bits=11");
    expect_accepted("x; y=\"a, \\\" b\", permessage-deflate", 15, BOTH);
    expect_accepted(",, permessage-deflate,", 15, BOTH);
}

static void random_offers_are_survived(void **state) {
    (void)state;
    static const char *const words[] = {"permessage-deflate",
                                        "server_max_window_bits",
                                        "client_max_window_bits",
                                        ";",
                                        ",",
                                        "=",
                                        "\"",
                                        "\\",
                                        " ",
                                        "10",
                                        "8",
                                        "server_no_context_takeover",
                                        "client_no_context_takeover"};
    struct rng rng;
    rng_seed(&rng, 71);
    for (int round = 0; round < 20000; round++) {
        struct buffer offers = {0}, answer = {0};
        int bits = 0;
        for (uint64_t n = rng_below(&rng, 12); n > 0; n--)
            buffer_append_string(&offers, words[rng_below(&rng, sizeof words / sizeof words[0])]);
        if (websocket_accept_deflate(buffer_slice(&offers), &bits, &answer))
            assert_true(bits >= 9 && bits <= 15);
        buffer_close(&offers);
        buffer_close(&answer);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_frame_has_fin_and_the_shortest_length),
    cmocka_unit_test(frames_are_those_of_the_rfc),
    cmocka_unit_test(a_close_frame_carries_code_and_reason),
    cmocka_unit_test(a_close_frame_without_a_code_is_empty),
    cmocka_unit_test(a_mask_can_be_applied_in_pieces),
    cmocka_unit_test(what_each_side_writes_the_other_reads),
    cmocka_unit_test(the_accept_key_is_that_of_the_rfc),
    cmocka_unit_test(a_key_is_16_bytes_in_base64),
    cmocka_unit_test(deflate_is_accepted_without_context_takeover),
    cmocka_unit_test(a_window_asked_for_is_confirmed),
    cmocka_unit_test(an_offer_we_cannot_meet_is_declined),
    cmocka_unit_test(the_first_offer_that_can_be_met_is_taken),
    cmocka_unit_test(random_offers_are_survived),
};

int main(void) {
    return cmocka_run_group_tests(tests, NULL, NULL);
}
