#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "bench/dialect.h"
#include "bench/histogram.h"
#include "bench/sequence.h"
#include "bench/tag.h"
#include "bench/unpack.h"
#include "wire/deflate.h"

#define RUN 0xc0ffee01

static void an_empty_histogram_has_no_percentiles(void **state) {
    struct histogram *histogram = memory_new_struct(struct histogram);
    (void)state;
    assert_int_equal(histogram_percentile(histogram, 50), 0);
    assert_int_equal(histogram_percentile(histogram, 100), 0);
    memory_free(histogram);
}

static void small_values_are_counted_exactly(void **state) {
    struct histogram *histogram = memory_new_struct(struct histogram);
    (void)state;
    for (uint64_t value = 1; value <= 100; value++)
        histogram_add(histogram, value);
    assert_int_equal(histogram_percentile(histogram, 1), 1);
    assert_int_equal(histogram_percentile(histogram, 50), 50);
    assert_int_equal(histogram_percentile(histogram, 99), 99);
    assert_int_equal(histogram_percentile(histogram, 100), 100);
    memory_free(histogram);
}

static void large_values_are_off_by_less_than_a_sixtieth(void **state) {
    (void)state;
    for (uint64_t value = 1; value < UINT64_MAX / 3; value = value * 3 + 1) {
        struct histogram *histogram = memory_new_struct(struct histogram);
        histogram_add(histogram, value);
        histogram_add(histogram, UINT64_MAX); /* so that the first is not the largest */
        uint64_t found = histogram_percentile(histogram, 50);
        assert_in_range(found, value, value + value / 60);
        assert_true(histogram_percentile(histogram, 100) == UINT64_MAX);
        memory_free(histogram);
    }
}

static void what_comes_once_and_in_order_is_no_fault(void **state) {
    struct sequence sequence = {0};
    struct sequence_faults faults = {0};
    (void)state;
    for (uint32_t counter = 0; counter < 200; counter++)
        sequence_take(&sequence, counter, &faults);
    sequence_end(&sequence, 200, &faults);
    assert_int_equal(faults.lost, 0);
    assert_int_equal(faults.duplicated, 0);
    assert_int_equal(faults.misordered, 0);
}

static void what_never_comes_is_lost(void **state) {
    struct sequence sequence = {0};
    struct sequence_faults faults = {0};
    (void)state;
    sequence_take(&sequence, 1, &faults);   /* not 0 */
    sequence_take(&sequence, 100, &faults); /* not 2 to 99 */
    sequence_end(&sequence, 104, &faults);  /* not 101 to 103 */
    assert_int_equal(faults.lost, 1 + 98 + 3);
    assert_int_equal(faults.duplicated, 0);
    assert_int_equal(faults.misordered, 0);
}

static void what_comes_late_is_out_of_order_and_not_lost(void **state) {
    static const uint32_t order[] = {0, 3, 1, 2, 4};
    struct sequence sequence = {0};
    struct sequence_faults faults = {0};
    (void)state;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        sequence_take(&sequence, order[i], &faults);
    sequence_end(&sequence, 5, &faults);
    assert_int_equal(faults.lost, 0);
    assert_int_equal(faults.duplicated, 0);
    assert_int_equal(faults.misordered, 2);
}

static void what_comes_again_is_duplicated(void **state) {
    static const uint32_t order[] = {0, 1, 1, 2, 0, 200, 3, 200};
    struct sequence sequence = {0};
    struct sequence_faults faults = {0};
    (void)state;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        sequence_take(&sequence, order[i], &faults);
    assert_int_equal(faults.misordered, 0);
    assert_int_equal(faults.duplicated, 4); /* 3 is too far behind 200 to tell */
}

static void a_tag_is_found_in_whatever_is_around_it(void **state) {
    static const char *around[][2] = {
        {"", ""}, {"{\"content\":\"", "xx\",\"seq\":7}"}, {"Client 3: ", "xxxx"}};
    const struct tag tag = {RUN, 4711, 123456789, 0xfedcba9876543210};
    (void)state;
    for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
        struct buffer message = {0};
        struct tag found;
        buffer_append_string(&message, around[i][0]);
        tag_write(&tag, buffer_reserve(&message, TAG_LENGTH));
        buffer_commit(&message, TAG_LENGTH);
        buffer_append_string(&message, around[i][1]);
        struct slice rest = buffer_slice(&message);
        assert_true(tag_find(&rest, RUN, &found));
        assert_int_equal(found.publisher, 4711);
        assert_int_equal(found.counter, 123456789);
        assert_true(found.time_ns == 0xfedcba9876543210);
        assert_false(tag_find(&rest, RUN, &found));
        rest = buffer_slice(&message);
        assert_false(tag_find(&rest, RUN + 1, &found));
        buffer_close(&message);
    }
}

static void no_beginning_of_a_tag_is_taken_for_one(void **state) {
    const struct tag tag = {RUN, 1, 2, 3};
    char text[TAG_LENGTH];
    struct tag found;
    (void)state;
    tag_write(&tag, text);
    for (size_t length = 0; length < sizeof text; length++) {
        struct slice rest = slice_from(text, length);
        assert_false(tag_find(&rest, RUN, &found));
    }
}

static void all_tags_of_a_bundle_are_found(void **state) {
    struct buffer message = {0};
    struct tag found;
    (void)state;
    buffer_append_string(&message, "~not one~ and ~");
    for (uint32_t i = 0; i < 5; i++) {
        const struct tag tag = {i == 2 ? RUN + 1 : RUN, 1, i, 7}; /* one of another run */
        tag_write(&tag, buffer_reserve(&message, TAG_LENGTH));
        buffer_commit(&message, TAG_LENGTH);
        buffer_append_string(&message, "\r\nMSG ~ 1\r\n");
    }
    struct slice rest = buffer_slice(&message);
    for (uint32_t i = 0; i < 5; i++) {
        if (i == 2)
            continue;
        assert_true(tag_find(&rest, RUN, &found));
        assert_int_equal(found.counter, i);
    }
    assert_false(tag_find(&rest, RUN, &found));
    buffer_close(&message);
}

static const struct bench_plan plan = {
    .protocol = BENCH_JSON, .host = "h:1", .target = "/ws", .rooms = 1};

/* Feeds `all` one byte after the other, and expects a message exactly when its last byte is there.
 */
static void expect_message(struct speaker *speaker, struct slice all, enum incoming_kind kind,
                           const char *payload) {
    const struct dialect *dialect = dialect_of(speaker->plan->protocol, true);
    struct incoming incoming;
    for (size_t length = 0; length < all.length; length++) {
        struct slice input = slice_from(all.data, length);
        assert_int_equal(dialect->cut(speaker, &input, &incoming), 0);
        assert_int_equal(input.length, length);
    }
    assert_int_equal(dialect->cut(speaker, &all, &incoming), 1);
    assert_int_equal(all.length, 0);
    assert_int_equal(incoming.kind, kind);
    assert_true(slice_equal(incoming.payload, slice_of_string(payload)));
}

static void frames_are_cut_where_they_end(void **state) {
    struct speaker speaker = {.plan = &plan, .step = 1};
    struct buffer large = {0};
    char filler[301];
    (void)state;
    memset(filler, 'y', sizeof filler - 1);
    filler[sizeof filler - 1] = 0;
    buffer_append(&large, "\x81\x7e\x01\x2c", 4);
    buffer_append_string(&large, filler);
    expect_message(&speaker, SLICE("\x81\x02hi"), INCOMING_MESSAGE, "hi");
    expect_message(&speaker, buffer_slice(&large), INCOMING_MESSAGE, filler);
    expect_message(&speaker, SLICE("\x89\x01p"), INCOMING_PING, "p");
    expect_message(&speaker,
                   SLICE("\x88\x05\x03\xe8"
                         "bye"),
                   INCOMING_CLOSE, "bye");
    expect_message(&speaker, SLICE("\x88\x00"), INCOMING_CLOSE, "");
    assert_true(dialect_of(BENCH_JSON, true)->complains(SLICE("{\"type\":\"error\"}")));
    assert_false(dialect_of(BENCH_JSON, true)->complains(SLICE("{\"type\":\"message\"}")));
    buffer_close(&large);
}

static void masked_and_fragmented_frames_are_no_server_s(void **state) {
    static const char *const bad[] = {"\x81\x82mmmmhi", "\x01\x02hi", "\xc1\x02hi"};
    struct speaker speaker = {.plan = &plan, .step = 1};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct slice input = slice_of_string(bad[i]);
        struct incoming incoming;
        assert_int_equal(dialect_of(BENCH_JSON, true)->cut(&speaker, &input, &incoming),
                         ERR_PROTOCOL);
    }
}

static void compressed_frames_are_taken_by_who_offered_it(void **state) {
    struct bench_plan packing = plan;
    struct speaker speaker = {.plan = &packing, .step = 1};
    struct incoming incoming = {0};
    (void)state;
    packing.deflate = true;
    struct slice input = SLICE("\xc1\x02hi\x81\x02ho");
    assert_int_equal(dialect_of(BENCH_JSON, true)->cut(&speaker, &input, &incoming), 1);
    assert_true(incoming.packed);
    assert_int_equal(dialect_of(BENCH_JSON, true)->cut(&speaker, &input, &incoming), 1);
    assert_false(incoming.packed);
}

static void events_end_with_an_empty_line(void **state) {
    const struct bench_plan events = {.protocol = BENCH_EVENTS, .host = "h", .target = "/sse"};
    const struct dialect *dialect = dialect_of(BENCH_EVENTS, false);
    struct speaker speaker = {.plan = &events};
    struct slice input = SLICE("HTTP/1.1 200 OK\r\nA: b\r\n\r\nid: 1\ndata: x\n\nid: 2\n");
    struct slice refused = SLICE("HTTP/1.1 404 Not Found\r\n\r\n"), why;
    struct incoming incoming = {0};
    (void)state;
    assert_int_equal(dialect->cut(&speaker, &input, &incoming), 1);
    assert_int_equal(dialect->greet(&speaker, incoming.payload, NULL, &why), 1);
    assert_int_equal(dialect->cut(&speaker, &input, &incoming), 1);
    assert_true(slice_equal(incoming.payload, SLICE("id: 1\ndata: x")));
    assert_int_equal(dialect->cut(&speaker, &input, &incoming), 0);
    assert_int_equal(dialect->greet(&speaker, refused, NULL, &why), ERR_PROTOCOL);
    assert_true(slice_equal(why, SLICE("HTTP/1.1 404 Not Found")));
}

/* What a speaker has said, behind the head of its one frame: these are all shorter than 126. */
static struct slice framed(const struct buffer *output) {
    return slice_skip(buffer_slice(output), 6);
}

static void an_mqtt_client_connects_and_then_subscribes(void **state) {
    const struct bench_plan mqtt = {.protocol = BENCH_MQTT, .host = "h", .target = "/"};
    const struct dialect *dialect = dialect_of(BENCH_MQTT, true);
    struct speaker speaker = {.plan = &mqtt, .run = RUN, .number = 3, .joins = true, .step = 1};
    struct buffer output = {0};
    struct slice why = SLICE_NONE;
    (void)state;
    assert_int_equal(dialect->greet(&speaker, SLICE("\x20\x02\x00\x00"), &output, &why), 0);
    assert_true(slice_equal(framed(&output), SLICE("\x82\x15\x00\x01\x00\x10"
                                                   "bench-c0ffee01-0\x00")));
    assert_int_equal(dialect->greet(&speaker, SLICE("\x90\x03\x00\x01\x00"), &output, &why), 1);
    buffer_clear(&output);
    dialect->publish(&speaker, SLICE("hi"), SLICE_NONE, &output);
    assert_true(slice_equal(framed(&output), SLICE("\x30\x14\x00\x10"
                                                   "bench-c0ffee01-0hi")));
    speaker.step = 1;
    assert_int_equal(dialect->greet(&speaker, SLICE("\x20\x02\x00\x05"), &output, &why),
                     ERR_PROTOCOL);
    buffer_close(&output);
}

static void a_nats_client_is_in_its_room_when_its_ping_comes_back(void **state) {
    const struct bench_plan nats = {.protocol = BENCH_NATS, .host = "h", .target = "/"};
    const struct dialect *dialect = dialect_of(BENCH_NATS, true);
    struct speaker speaker = {.plan = &nats, .run = RUN, .joins = true, .step = 1};
    struct buffer output = {0};
    struct slice why = SLICE_NONE;
    (void)state;
    assert_int_equal(dialect->greet(&speaker, SLICE("INFO {}\r\n"), &output, &why), 0);
    assert_int_equal(dialect->greet(&speaker, SLICE("PONG\r\n"), &output, &why), 1);
    dialect->publish(&speaker, SLICE("hi"), SLICE_NONE, &output);
    assert_true(slice_equal(framed(&output), SLICE("PUB bench-c0ffee01-0 2\r\nhi\r\n")));
    buffer_close(&output);
}

static void what_comes_to_many_readers_is_unpacked_alike(void **state) {
    struct unpacker *unpacker = unpacker_new();
    struct deflater *deflater = deflater_new();
    struct buffer packed[3] = {0};
    static const char *const texts[] = {"one one one", "two two two two", ""};
    struct slice message;
    (void)state;
    for (size_t i = 0; i < 3; i++)
        deflater_compress(deflater, 15, slice_of_string(texts[i]), &packed[i]);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(unpacker_open(unpacker, buffer_slice(&packed[i % 3]), 100, &message), 0);
        assert_true(slice_equal(message, slice_of_string(texts[i % 3])));
    }
    assert_int_equal(unpacker_open(unpacker, SLICE("\xff\xff"), 100, &message), ERR_PROTOCOL);
    assert_int_equal(unpacker_open(unpacker, SLICE("\xff\xff"), 100, &message), ERR_PROTOCOL);
    for (size_t i = 0; i < 3; i++)
        buffer_close(&packed[i]);
    deflater_free(deflater);
    unpacker_free(unpacker);
}

static void merged_histograms_are_one(void **state) {
    struct histogram *all = memory_new_struct(struct histogram);
    struct histogram *half = memory_new_struct(struct histogram);
    (void)state;
    for (uint64_t value = 1; value <= 1000; value++) {
        histogram_add(value % 2 == 0 ? half : all, value);
    }
    histogram_merge(all, half);
    assert_int_equal(all->count, 1000);
    assert_int_equal(all->largest, 1000);
    assert_in_range(histogram_percentile(all, 50), 500, 510);
    memory_free(all);
    memory_free(half);
}

static void a_line_client_is_in_its_room_when_it_is_welcomed(void **state) {
    const struct bench_plan line_plan = {.protocol = BENCH_LINE};
    struct speaker speaker = {.plan = &line_plan, .run = RUN, .number = 9};
    const struct dialect *dialect = dialect_of(BENCH_LINE, true);
    struct buffer output = {0};
    struct slice why = SLICE_NONE;
    (void)state;
    assert_int_equal(dialect->greet(&speaker, SLICE("Welcome to the banner"), &output, &why), 0);
    assert_int_equal(dialect->greet(&speaker, SLICE("Enter your name:"), &output, &why), 0);
    assert_true(slice_equal(buffer_slice(&output), SLICE("bench-c0ffee01-9\n")));
    assert_int_equal(dialect->greet(&speaker, SLICE("bench has connected"), &output, &why), 0);
    assert_int_equal(dialect->greet(&speaker, SLICE("Welcome bench."), &output, &why), 1);
    assert_int_equal(dialect->greet(&speaker, SLICE("Enter your name:"), &output, &why),
                     ERR_PROTOCOL);
    buffer_close(&output);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_histogram_has_no_percentiles),
        cmocka_unit_test(small_values_are_counted_exactly),
        cmocka_unit_test(large_values_are_off_by_less_than_a_sixtieth),
        cmocka_unit_test(what_comes_once_and_in_order_is_no_fault),
        cmocka_unit_test(what_never_comes_is_lost),
        cmocka_unit_test(what_comes_late_is_out_of_order_and_not_lost),
        cmocka_unit_test(what_comes_again_is_duplicated),
        cmocka_unit_test(a_tag_is_found_in_whatever_is_around_it),
        cmocka_unit_test(no_beginning_of_a_tag_is_taken_for_one),
        cmocka_unit_test(all_tags_of_a_bundle_are_found),
        cmocka_unit_test(merged_histograms_are_one),
        cmocka_unit_test(compressed_frames_are_taken_by_who_offered_it),
        cmocka_unit_test(events_end_with_an_empty_line),
        cmocka_unit_test(an_mqtt_client_connects_and_then_subscribes),
        cmocka_unit_test(a_nats_client_is_in_its_room_when_its_ping_comes_back),
        cmocka_unit_test(what_comes_to_many_readers_is_unpacked_alike),
        cmocka_unit_test(frames_are_cut_where_they_end),
        cmocka_unit_test(masked_and_fragmented_frames_are_no_server_s),
        cmocka_unit_test(a_line_client_is_in_its_room_when_it_is_welcomed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
