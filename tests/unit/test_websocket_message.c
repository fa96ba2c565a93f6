/* What is in the frames: text, sizes, compression, and who owns the memory. */
#include "websocket_trace.h"

#include "base/rng.h"

/* What the decoder says to the first `length` bytes of a frame and nothing after them. */
static void expect_early(struct buffer *bytes, size_t length, const char *expected) {
    expect_pieces(server, slice_from(buffer_slice(bytes).data, length), length, 1, expected);
    expect_pieces(server, slice_from(buffer_slice(bytes).data, length), 0, 1, expected);
}

static void valid_text_passes(void **state) {
    (void)state;
    expect_frame(server, FIN | WEBSOCKET_TEXT,
                 SLICE("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"),
                 "text(\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5) ");
    expect_frame(server, FIN | WEBSOCKET_TEXT, SLICE("\xf4\x8f\xbf\xbf \xed\x9f\xbf \xef\xbf\xbf"),
                 "text(\xf4\x8f\xbf\xbf \xed\x9f\xbf \xef\xbf\xbf) ");
}

static void text_that_is_not_utf8_fails_with_1007(void **state) {
    (void)state;
    const char *const invalid[] = {
        "\x80",         "\xc0\xaf",           "\xe0\x80\xaf",        "\xf0\x80\x80\xaf",
        "\xed\xa0\x80", "\xed\xbf\xbf",       "\xf4\x90\x80\x80",    "\xf8\x88\x80\x80\x80",
        "\xfe",         "ok until here \xff", "unfinished \xe2\x82", "\xce"};
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        struct slice text = slice_of_string(invalid[i]);
        struct buffer bytes = {0};
        expect_frame(server, FIN | WEBSOCKET_TEXT, text, "fail(1007) ");
        frame(&bytes, WEBSOCKET_TEXT, text);
        frame(&bytes, FIN | WEBSOCKET_CONTINUATION, SLICE(""));
        expect(&bytes, "fail(1007) ");
    }
}

static void binary_is_not_checked_as_text(void **state) {
    (void)state;
    expect_frame(server, FIN | WEBSOCKET_BINARY, SLICE("\xff\xfe"), "binary(\xff\xfe) ");
}

static void a_character_may_be_cut_by_fragments(void **state) {
    (void)state;
    struct slice text = SLICE("a\xe2\x82\xac\xf0\x9f\x98\x80z");
    struct buffer bytes = {0};
    for (size_t i = 0; i < text.length; i++) {
        frame(&bytes, i == 0 ? WEBSOCKET_TEXT : 0, slice_from(text.data + i, 1));
        frame_string(&bytes, FIN | WEBSOCKET_PING, "");
    }
    frame_string(&bytes, FIN | WEBSOCKET_CONTINUATION, "");
    expect(&bytes, "ping() ping() ping() ping() ping() ping() ping() ping() ping() "
                   "text(a\xe2\x82\xac\xf0\x9f\x98\x80z) ");
}

/* Autobahn's cases 6.4: the text is refused at its first wrong byte, not at the end of its frame
 * or message. */
static void wrong_text_fails_at_its_first_wrong_byte(void **state) {
    (void)state;
    struct buffer bytes = {0};
    frame_string(&bytes, FIN | WEBSOCKET_TEXT, "\xce\xba\xe1\xbd\xb9\xf4\x90\x80\x80 and more");
    expect_early(&bytes, 6 + 6, "");
    expect_early(&bytes, 6 + 7, "fail(1007) ");
    buffer_clear(&bytes);
    frame_string(&bytes, WEBSOCKET_TEXT, "\xce\xba\xf4");
    frame_string(&bytes, WEBSOCKET_CONTINUATION, "\x90\x80");
    expect_early(&bytes, 9 + 6, "");
    expect_early(&bytes, 9 + 7, "fail(1007) ");
    buffer_close(&bytes);
}

static void a_wrong_header_fails_at_its_second_byte(void **state) {
    (void)state;
    struct buffer bytes = {0};
    frame_string(&bytes, FIN | 11, "some payload");
    expect_early(&bytes, 1, "");
    expect_early(&bytes, 2, "fail(1002) ");
    buffer_close(&bytes);
}

static struct buffer header_only(unsigned first, uint64_t length) {
    struct buffer bytes = {0};
    buffer_append_char(&bytes, (char)first);
    append_length(&bytes, 0x80, length, LENGTH_SHORTEST);
    buffer_append(&bytes, "mask", 4);
    return bytes;
}

static void a_message_over_the_limit_fails_with_1009_at_its_header(void **state) {
    (void)state;
    const uint64_t lengths[] = {MAX_MESSAGE + 1, 1 << 30, INT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct buffer bytes = header_only(FIN | WEBSOCKET_TEXT, lengths[i]);
        expect(&bytes, "fail(1009) ");
    }
    struct buffer allowed = header_only(FIN | WEBSOCKET_TEXT, MAX_MESSAGE);
    expect(&allowed, "");
}

static void fragments_together_over_the_limit_fail_with_1009(void **state) {
    (void)state;
    char *part = calloc(1, 40000);
    struct buffer bytes = {0}, next = header_only(FIN, MAX_MESSAGE - 40000 + 1);
    frame(&bytes, WEBSOCKET_BINARY, slice_from(part, 40000));
    buffer_append_slice(&bytes, buffer_slice(&next));
    expect(&bytes, "fail(1009) ");
    buffer_close(&next);
    free(part);
}

static void a_header_alone_costs_no_memory_for_its_payload(void **state) {
    (void)state;
    struct websocket_decoder decoder = {0};
    struct buffer bytes = header_only(FIN | WEBSOCKET_BINARY, (uint64_t)1 << 31);
    struct slice input = buffer_slice(&bytes);
    websocket_decoder_init(&decoder, true, false, UINT32_MAX);
    assert_int_equal(websocket_decode(&decoder, NULL, &input), WEBSOCKET_MORE);
    websocket_decoder_close(&decoder);
    buffer_close(&bytes);
}

static void a_failed_decoder_stays_failed(void **state) {
    (void)state;
    struct websocket_decoder decoder = {0};
    struct slice input = SLICE("\x83\x80....");
    char late[] = "\x81\x80....";
    websocket_decoder_init(&decoder, true, false, MAX_MESSAGE);
    assert_int_equal(websocket_decode(&decoder, NULL, &input), WEBSOCKET_FAILED);
    input = slice_from(late, 6);
    assert_int_equal(websocket_decode(&decoder, NULL, &input), WEBSOCKET_FAILED);
    assert_int_equal(decoder.fail_code, 1002);
    assert_int_equal(input.length, 0);
    websocket_decoder_close(&decoder);
}

static void a_whole_message_is_given_without_copying(void **state) {
    (void)state;
    struct websocket_decoder decoder = {0};
    struct buffer bytes = {0};
    frame_string(&bytes, FIN | WEBSOCKET_TEXT, "first");
    frame_string(&bytes, FIN | WEBSOCKET_PING, "second");
    struct slice input = buffer_slice(&bytes);
    const char *start = input.data;
    websocket_decoder_init(&decoder, true, false, MAX_MESSAGE);
    assert_int_equal(websocket_decode(&decoder, NULL, &input), WEBSOCKET_MESSAGE);
    assert_ptr_equal(decoder.payload.data, start + 6);
    assert_int_equal(websocket_decode(&decoder, NULL, &input), WEBSOCKET_CONTROL);
    assert_ptr_equal(decoder.payload.data, start + 6 + 5 + 6);
    assert_null(decoder.kept.partial);
    websocket_decoder_close(&decoder);
    buffer_close(&bytes);
}

static void between_messages_no_memory_is_held(void **state) {
    (void)state;
    struct websocket_decoder decoder = {0};
    struct buffer bytes = {0}, trace = {0};
    struct slice nothing = {"", 0};
    websocket_decoder_init(&decoder, true, false, MAX_MESSAGE);
    frame_string(&bytes, WEBSOCKET_TEXT, "Hello, ");
    frame_string(&bytes, FIN | WEBSOCKET_CONTINUATION, "world");
    for (size_t i = 0; i < buffer_length(&bytes); i++)
        assert_true(feed(&decoder, NULL, slice_from(buffer_slice(&bytes).data + i, 1), &trace));
    assert_int_equal(websocket_decode(&decoder, NULL, &nothing), WEBSOCKET_MORE);
    assert_null(decoder.kept.partial);
    assert_true(sizeof decoder <= 64);
    buffer_close(&bytes);
    buffer_close(&trace);
}

/* RFC 7692, section 7.2.3: "Hello" in each of its forms, and in two fragments. */
static void compressed_messages_are_inflated(void **state) {
    (void)state;
    const unsigned first = FIN | RSV1 | WEBSOCKET_TEXT;
    struct slice hello = SLICE("\xf2\x48\xcd\xc9\xc9\x07\x00");
    struct buffer bytes = {0};
    expect_frame(server_deflate, first, hello, "text(Hello) ");
    expect_frame(server_deflate, first, SLICE("\x00\x05\x00\xfa\xffHello\x00"), "text(Hello) ");
    expect_frame(server_deflate, first, SLICE("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), "text(Hello) ");
    expect_frame(server_deflate, first, SLICE("\x00"), "text() ");
    frame(&bytes, RSV1 | WEBSOCKET_TEXT, slice_from(hello.data, 3));
    frame_string(&bytes, FIN | WEBSOCKET_PING, "plain");
    frame(&bytes, FIN | WEBSOCKET_CONTINUATION, slice_from(hello.data + 3, 4));
    frame_string(&bytes, FIN | WEBSOCKET_TEXT, "not compressed");
    frame(&bytes, first, hello);
    expect_from(server_deflate, &bytes,
                "ping(plain) text(Hello) text(not compressed) text(Hello) ");
}

static void rsv1_on_a_continuation_fails_with_1002(void **state) {
    (void)state;
    struct buffer bytes = {0};
    frame(&bytes, RSV1 | WEBSOCKET_TEXT, SLICE("\xf2\x48\xcd"));
    frame(&bytes, FIN | RSV1 | WEBSOCKET_CONTINUATION, SLICE("\xc9\xc9\x07\x00"));
    expect_from(server_deflate, &bytes, "fail(1002) ");
}

static void compressed_text_is_checked_after_inflating(void **state) {
    (void)state;
    /* stored blocks that hold ff, and two halves of e2 82 ac */
    expect_frame(server_deflate, FIN | RSV1 | WEBSOCKET_TEXT, SLICE("\x00\x01\x00\xfe\xff\xff\x00"),
                 "fail(1007) ");
    expect_frame(server_deflate, FIN | RSV1 | WEBSOCKET_BINARY,
                 SLICE("\x00\x01\x00\xfe\xff\xff\x00"), "binary(\xff) ");
    expect_frame(server_deflate, FIN | RSV1 | WEBSOCKET_TEXT,
                 SLICE("\x00\x02\x00\xfd\xff\xe2\x82\x00\x01\x00\xfe\xff\xac\x00"),
                 "text(\xe2\x82\xac) ");
}

static void a_broken_stream_fails_with_1007(void **state) {
    (void)state;
    const unsigned first = FIN | RSV1 | WEBSOCKET_TEXT;
    expect_frame(server_deflate, first, SLICE("\x07\xff\xff"), "fail(1007) ");
    expect_frame(server_deflate, first, SLICE("\xf2\x48\xcd\xc9\xc9\x07"), "fail(1007) ");
}

static void what_inflates_over_the_limit_fails_with_1009(void **state) {
    (void)state;
    struct deflater *deflater = deflater_new();
    char *message = malloc(MAX_MESSAGE + 1);
    memset(message, 'z', MAX_MESSAGE + 1);
    for (size_t over = 0; over < 2; over++) {
        struct buffer small = {0}, expected = {0};
        deflater_compress(deflater, 15, slice_from(message, MAX_MESSAGE + over), &small);
        buffer_append_format(&expected, "binary(%.*s) ", MAX_MESSAGE, message);
        buffer_append_char(&expected, '\0');
        expect_frame(server_deflate, FIN | RSV1 | WEBSOCKET_BINARY, buffer_slice(&small),
                     over ? "fail(1009) " : buffer_slice(&expected).data);
        buffer_close(&expected);
        buffer_close(&small);
    }
    free(message);
    deflater_free(deflater);
}

/* What cannot be compressed grows a little; that must not make a message of full length too
 * large. */
static void an_incompressible_message_of_the_limit_passes(void **state) {
    (void)state;
    struct rng rng;
    struct deflater *deflater = deflater_new();
    struct inflater *inflater = inflater_new();
    struct websocket_decoder decoder = {0};
    struct buffer small = {0}, bytes = {0};
    char *message = malloc(MAX_MESSAGE);
    rng_seed(&rng, 3);
    rng_fill(&rng, message, MAX_MESSAGE);
    deflater_compress(deflater, 15, slice_from(message, MAX_MESSAGE), &small);
    assert_true(buffer_length(&small) > MAX_MESSAGE);
    frame(&bytes, FIN | RSV1 | WEBSOCKET_BINARY, buffer_slice(&small));
    struct slice input = buffer_slice(&bytes);
    websocket_decoder_init(&decoder, true, true, MAX_MESSAGE);
    assert_int_equal(websocket_decode(&decoder, inflater, &input), WEBSOCKET_MESSAGE);
    assert_true(slice_equal(decoder.payload, slice_from(message, MAX_MESSAGE)));
    websocket_decoder_close(&decoder);
    buffer_close(&small);
    buffer_close(&bytes);
    free(message);
    inflater_free(inflater);
    deflater_free(deflater);
}

/* One message in random fragments, compressed or not, with pings between them. */
static void append_random_message(struct rng *rng, struct deflater *deflater, struct buffer *bytes,
                                  struct buffer *expected) {
    static char content[3000];
    struct buffer small = {0};
    bool compressed = rng_below(rng, 2);
    unsigned opcode = WEBSOCKET_BINARY | (compressed ? RSV1 : 0);
    struct slice rest = {content, rng_below(rng, rng_below(rng, 2) ? 300 : sizeof content)};
    for (size_t i = 0; i < rest.length; i++)
        content[i] = (char)('a' + rng_below(rng, 1 + rng_below(rng, 20)));
    buffer_append_string(expected, "binary(");
    buffer_append_slice(expected, rest);
    buffer_append_string(expected, ") ");
    if (compressed) {
        deflater_compress(deflater, 9 + (int)rng_below(rng, 7), rest, &small);
        rest = buffer_slice(&small);
    }
    while (rng_below(rng, 3) != 0) {
        size_t length = rng_below(rng, rest.length + 1);
        frame(bytes, opcode, slice_from(rest.data, length));
        rest = slice_skip(rest, length);
        opcode = WEBSOCKET_CONTINUATION;
    }
    frame(bytes, FIN | opcode, rest);
    buffer_close(&small);
}

static void random_messages_come_out_as_they_went_in(void **state) {
    (void)state;
    struct rng rng;
    struct deflater *deflater = deflater_new();
    rng_seed(&rng, 6455);
    for (int round = 0; round < 150; round++) {
        struct buffer bytes = {0}, expected = {0};
        for (uint64_t count = 1 + rng_below(&rng, 5); count > 0; count--)
            append_random_message(&rng, deflater, &bytes, &expected);
        buffer_append_char(&expected, '\0');
        expect_pieces(server_deflate, buffer_slice(&bytes), rng_below(&rng, buffer_length(&bytes)),
                      1 + rng_below(&rng, 1500), buffer_slice(&expected).data);
        expect_pieces(server_deflate, buffer_slice(&bytes), 0, 1, buffer_slice(&expected).data);
        buffer_close(&bytes);
        buffer_close(&expected);
    }
    deflater_free(deflater);
}

/* Random bytes, made likely to be a frame. Whatever they are, the pieces they come in make no
 * difference. */
static void random_bytes_mean_the_same_in_any_pieces(void **state) {
    (void)state;
    const uint8_t firsts[] = {0x81, 0x82, 0x01, 0x02, 0x80, 0x00, 0x88, 0x89, 0x8a, 0xc1, 0x41};
    struct rng rng;
    rng_seed(&rng, 7692);
    for (int round = 0; round < 3000; round++) {
        struct buffer bytes = {0};
        for (uint64_t frames = 1 + rng_below(&rng, 8); frames > 0; frames--) {
            char payload[130];
            rng_fill(&rng, payload, sizeof payload);
            frame(&bytes, firsts[rng_below(&rng, sizeof firsts)],
                  slice_from(payload, rng_below(&rng, rng_below(&rng, 2) ? 4 : sizeof payload)));
        }
        uint64_t broken = rng_below(&rng, buffer_length(&bytes));
        bytes.data[bytes.start + broken] = (char)rng_next(&rng);
        struct buffer trace =
            decode_pieces(server_deflate, buffer_slice(&bytes), buffer_length(&bytes), 1);
        expect_pieces(server_deflate, buffer_slice(&bytes), 0, 1, buffer_slice(&trace).data);
        expect_pieces(server_deflate, buffer_slice(&bytes), 0, 1 + rng_below(&rng, 40),
                      buffer_slice(&trace).data);
        buffer_close(&trace);
        buffer_close(&bytes);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(valid_text_passes),
    cmocka_unit_test(text_that_is_not_utf8_fails_with_1007),
    cmocka_unit_test(binary_is_not_checked_as_text),
    cmocka_unit_test(a_character_may_be_cut_by_fragments),
    cmocka_unit_test(wrong_text_fails_at_its_first_wrong_byte),
    cmocka_unit_test(a_wrong_header_fails_at_its_second_byte),
    cmocka_unit_test(a_message_over_the_limit_fails_with_1009_at_its_header),
    cmocka_unit_test(fragments_together_over_the_limit_fail_with_1009),
    cmocka_unit_test(a_header_alone_costs_no_memory_for_its_payload),
    cmocka_unit_test(a_failed_decoder_stays_failed),
    cmocka_unit_test(a_whole_message_is_given_without_copying),
    cmocka_unit_test(between_messages_no_memory_is_held),
    cmocka_unit_test(compressed_messages_are_inflated),
    cmocka_unit_test(rsv1_on_a_continuation_fails_with_1002),
    cmocka_unit_test(compressed_text_is_checked_after_inflating),
    cmocka_unit_test(a_broken_stream_fails_with_1007),
    cmocka_unit_test(what_inflates_over_the_limit_fails_with_1009),
    cmocka_unit_test(an_incompressible_message_of_the_limit_passes),
    cmocka_unit_test(random_messages_come_out_as_they_went_in),
    cmocka_unit_test(random_bytes_mean_the_same_in_any_pieces),
};

int main(void) {
    return cmocka_run_group_tests(tests, NULL, NULL);
}
