/* Framing and control frames: RFC 6455 sections 5 and 7, rule by rule. */
#include "websocket_trace.h"

static const struct setting client = {.client = true};

/* The examples of RFC 6455, section 5.7. */
static void the_examples_of_the_rfc_are_read(void **state) {
    (void)state;
    expect_raw(client, SLICE("\x81\x05\x48\x65\x6c\x6c\x6f"), "text(Hello) ");
    expect_raw(server, SLICE("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "text(Hello) ");
    expect_raw(client, SLICE("\x01\x03\x48\x65\x6c\x80\x02\x6c\x6f"), "text(Hello) ");
    expect_raw(client, SLICE("\x89\x05\x48\x65\x6c\x6c\x6f"), "ping(Hello) ");
    expect_raw(server, SLICE("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "pong(Hello) ");
}

static void expect_length(size_t length) {
    struct buffer bytes = {0}, expected = {0};
    char *content = malloc(length + 1);
    assert_non_null(content);
    for (size_t i = 0; i < length; i++)
        content[i] = (char)('a' + i % 23);
    content[length] = '\0';
    frame_string(&bytes, FIN | WEBSOCKET_TEXT, content);
    buffer_append_format(&expected, "text(%s) ", content);
    buffer_append_char(&expected, '\0');
    expect(&bytes, buffer_slice(&expected).data);
    buffer_close(&expected);
    free(content);
}

static void every_form_of_length_is_read(void **state) {
    (void)state;
    const size_t lengths[] = {0, 1, 7, 8, 9, 124, 125, 126, 127, 128, 65535, 65536, MAX_MESSAGE};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        expect_length(lengths[i]);
}

static void a_length_longer_than_needed_fails_with_1002(void **state) {
    (void)state;
    expect_raw(server, SLICE("\x81\xfe\x00\x05\x00\x00\x00\x00Hello"), "fail(1002) ");
    expect_raw(server, SLICE("\x81\xfe\x00\x7d\x00\x00\x00\x00"), "fail(1002) ");
    expect_raw(server, SLICE("\x81\xff\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00Hello"),
               "fail(1002) ");
    expect_raw(server, SLICE("\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x00\x00"),
               "fail(1002) ");
}

static void a_length_with_its_top_bit_set_fails_with_1002(void **state) {
    (void)state;
    expect_raw(server, SLICE("\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
               "fail(1002) ");
    expect_raw(server, SLICE("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"),
               "fail(1002) ");
}

static void reserved_bits_fail_with_1002(void **state) {
    (void)state;
    const unsigned bits[] = {RSV1, RSV2, RSV3, RSV1 | RSV2, RSV1 | RSV2 | RSV3};
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        expect_frame(server, FIN | bits[i] | WEBSOCKET_TEXT, SLICE("x"), "fail(1002) ");
        expect_frame(server, FIN | bits[i] | WEBSOCKET_PING, SLICE("x"), "fail(1002) ");
        expect_frame(server, FIN | bits[i] | WEBSOCKET_CLOSE, SLICE(""), "fail(1002) ");
    }
    expect_frame(server_deflate, FIN | RSV2 | WEBSOCKET_TEXT, SLICE("x"), "fail(1002) ");
    expect_frame(server_deflate, FIN | RSV1 | WEBSOCKET_PING, SLICE("x"), "fail(1002) ");
    expect_frame(server_deflate, FIN | RSV1 | WEBSOCKET_CLOSE, SLICE(""), "fail(1002) ");
}

static void reserved_opcodes_fail_with_1002(void **state) {
    (void)state;
    for (unsigned opcode = 3; opcode < 16; opcode++) {
        if (opcode >= 8 && opcode <= 10)
            continue;
        expect_frame(server, FIN | opcode, SLICE(""), "fail(1002) ");
        expect_frame(server, opcode, SLICE("some"), "fail(1002) ");
    }
}

static void a_frame_masked_the_wrong_way_fails_with_1002(void **state) {
    (void)state;
    expect_raw(server, SLICE("\x81\x05Hello"), "fail(1002) ");
    expect_raw(server, SLICE("\x89\x00"), "fail(1002) ");
    expect_raw(client, SLICE("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "fail(1002) ");
}

static void fragments_make_one_message(void **state) {
    (void)state;
    struct buffer bytes = {0};
    frame_string(&bytes, WEBSOCKET_TEXT, "one ");
    frame_string(&bytes, WEBSOCKET_CONTINUATION, "");
    frame_string(&bytes, WEBSOCKET_CONTINUATION, "two ");
    frame_string(&bytes, FIN | WEBSOCKET_CONTINUATION, "three");
    frame_string(&bytes, WEBSOCKET_BINARY, "");
    frame_string(&bytes, FIN | WEBSOCKET_CONTINUATION, "");
    frame_string(&bytes, FIN | WEBSOCKET_BINARY, "four");
    expect(&bytes, "text(one two three) binary() binary(four) ");
}

static void control_frames_pass_between_fragments(void **state) {
    (void)state;
    struct buffer bytes = {0};
    frame_string(&bytes, WEBSOCKET_TEXT, "one ");
    frame_string(&bytes, FIN | WEBSOCKET_PING, "are you there");
    frame_string(&bytes, WEBSOCKET_CONTINUATION, "two ");
    frame_string(&bytes, FIN | WEBSOCKET_PONG, "");
    frame_string(&bytes, FIN | WEBSOCKET_PING, "");
    frame_string(&bytes, FIN | WEBSOCKET_CONTINUATION, "three");
    expect(&bytes, "ping(are you there) pong() ping() text(one two three) ");
}

static void a_continuation_of_nothing_fails_with_1002(void **state) {
    (void)state;
    struct buffer bytes = {0};
    expect_frame(server, FIN | WEBSOCKET_CONTINUATION, SLICE("x"), "fail(1002) ");
    expect_frame(server, WEBSOCKET_CONTINUATION, SLICE(""), "fail(1002) ");
    frame_string(&bytes, WEBSOCKET_TEXT, "a");
    frame_string(&bytes, FIN | WEBSOCKET_CONTINUATION, "b");
    frame_string(&bytes, FIN | WEBSOCKET_CONTINUATION, "c");
    expect(&bytes, "text(ab) fail(1002) ");
}

static void a_new_message_inside_another_fails_with_1002(void **state) {
    (void)state;
    struct buffer bytes = {0};
    frame_string(&bytes, WEBSOCKET_TEXT, "a");
    frame_string(&bytes, FIN | WEBSOCKET_TEXT, "b");
    expect(&bytes, "fail(1002) ");
    frame_string(&bytes, WEBSOCKET_BINARY, "");
    frame_string(&bytes, WEBSOCKET_BINARY, "");
    expect(&bytes, "fail(1002) ");
}

static void a_control_frame_holds_up_to_125_bytes(void **state) {
    (void)state;
    char full[126] = {0}, expected[140] = "ping(";
    memset(full, 'p', 125);
    strcat(strcat(expected, full), ") ");
    expect_frame(server, FIN | WEBSOCKET_PING, slice_of_string(full), expected);
    expect_frame(server, FIN | WEBSOCKET_PING, slice_from(full, 126), "fail(1002) ");
    expect_frame(server, FIN | WEBSOCKET_PONG, slice_from(full, 126), "fail(1002) ");
    expect_frame(server, FIN | WEBSOCKET_CLOSE, slice_from(full, 126), "fail(1002) ");
}

static void a_fragmented_control_frame_fails_with_1002(void **state) {
    (void)state;
    expect_frame(server, WEBSOCKET_PING, SLICE("x"), "fail(1002) ");
    expect_frame(server, WEBSOCKET_PONG, SLICE(""), "fail(1002) ");
    expect_frame(server, WEBSOCKET_CLOSE, SLICE("\x03\xe8"), "fail(1002) ");
}

static void expect_close_code(unsigned code, bool allowed) {
    const char payload[] = {(char)(code >> 8), (char)(code & 0xff), 'b', 'y', 'e'};
    char expected[40];
    snprintf(expected, sizeof expected, allowed ? "close(%u,bye) " : "fail(1002) ", code);
    expect_frame(server, FIN | WEBSOCKET_CLOSE, slice_from(payload, sizeof payload), expected);
}

static void close_codes_are_those_of_the_registry(void **state) {
    (void)state;
    const unsigned allowed[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
    const unsigned forbidden[] = {0,    1,    999,  1004, 1005, 1006, 1015,
                                  1016, 1100, 2000, 2999, 5000, 65535};
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        expect_close_code(allowed[i], true);
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
        expect_close_code(forbidden[i], false);
}

static void a_close_frame_may_be_empty_but_not_one_byte(void **state) {
    (void)state;
    expect_frame(server, FIN | WEBSOCKET_CLOSE, SLICE(""), "close(1005,) ");
    expect_frame(server, FIN | WEBSOCKET_CLOSE, SLICE("\x03"), "fail(1002) ");
    expect_frame(server, FIN | WEBSOCKET_CLOSE, SLICE("\x03\xe8"), "close(1000,) ");
}

static void a_close_reason_that_is_not_utf8_fails_with_1007(void **state) {
    (void)state;
    expect_frame(server, FIN | WEBSOCKET_CLOSE, SLICE("\x03\xe8\xce\xba"), "close(1000,\xce\xba) ");
    expect_frame(server, FIN | WEBSOCKET_CLOSE, SLICE("\x03\xe8\xce"), "fail(1007) ");
    expect_frame(server, FIN | WEBSOCKET_CLOSE, SLICE("\x03\xe8\xed\xa0\x80"), "fail(1007) ");
}

static void what_follows_a_close_frame_is_dropped(void **state) {
    (void)state;
    struct buffer bytes = {0};
    frame_string(&bytes, WEBSOCKET_TEXT, "half");
    frame_string(&bytes, FIN | WEBSOCKET_CLOSE, "");
    frame_string(&bytes, FIN | WEBSOCKET_TEXT, "late");
    frame_string(&bytes, FIN | 7, "");
    expect(&bytes, "close(1005,) ");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_examples_of_the_rfc_are_read),
    cmocka_unit_test(every_form_of_length_is_read),
    cmocka_unit_test(a_length_longer_than_needed_fails_with_1002),
    cmocka_unit_test(a_length_with_its_top_bit_set_fails_with_1002),
    cmocka_unit_test(reserved_bits_fail_with_1002),
    cmocka_unit_test(reserved_opcodes_fail_with_1002),
    cmocka_unit_test(a_frame_masked_the_wrong_way_fails_with_1002),
    cmocka_unit_test(fragments_make_one_message),
    cmocka_unit_test(control_frames_pass_between_fragments),
    cmocka_unit_test(a_continuation_of_nothing_fails_with_1002),
    cmocka_unit_test(a_new_message_inside_another_fails_with_1002),
    cmocka_unit_test(a_control_frame_holds_up_to_125_bytes),
    cmocka_unit_test(a_fragmented_control_frame_fails_with_1002),
    cmocka_unit_test(close_codes_are_those_of_the_registry),
    cmocka_unit_test(a_close_frame_may_be_empty_but_not_one_byte),
    cmocka_unit_test(a_close_reason_that_is_not_utf8_fails_with_1007),
    cmocka_unit_test(what_follows_a_close_frame_is_dropped),
};

int main(void) {
    return cmocka_run_group_tests(tests, NULL, NULL);
}
