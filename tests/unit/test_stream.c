/* The stream against a reference model: every frame ever appended, kept in plain arrays, and the
 * rules of stream.h evaluated over them in the most obvious way. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/rng.h"
#include "stream/stream.h"

static void no_evict(void *context, struct stream_wait *wait) {
    (void)context;
    (void)wait;
    fail_msg("nobody should have been cut");
}

static void append(struct stream *stream, const char *frame, uint64_t seq) {
    stream_append(stream, slice_of_string(frame), seq);
}

/* All bytes from `offset` to `end`, as text. */
static const char *text_between(const struct stream *stream, uint64_t offset, uint64_t end) {
    static char text[1024];
    struct iovec vectors[32];
    int count = stream_read(stream, offset, end, vectors, 32);
    size_t length = 0;
    for (int i = 0; i < count; i++) {
        assert_true(length + vectors[i].iov_len < sizeof(text));
        memcpy(text + length, vectors[i].iov_base, vectors[i].iov_len);
        length += vectors[i].iov_len;
    }
    assert_int_equal(length, end - offset);
    text[length] = '\0';
    return text;
}

static uint64_t find(const struct stream *stream, uint64_t seq) {
    uint64_t offset = UINT64_MAX;
    assert_true(stream_find(stream, seq, &offset));
    return offset;
}

static bool found(const struct stream *stream, uint64_t seq) {
    uint64_t offset;
    return stream_find(stream, seq, &offset);
}

static void a_reader_gets_the_bytes_in_order(void **state) {
    (void)state;
    struct stream *stream = stream_new(1 << 20);
    append(stream, "one ", 1);
    append(stream, "two ", 2);
    append(stream, "three", 3);
    assert_int_equal(stream_oldest(stream), 0);
    assert_int_equal(stream_tail(stream), 13);
    assert_int_equal(stream_size(stream), 13);
    assert_string_equal(text_between(stream, 0, 13), "one two three");
    assert_string_equal(text_between(stream, 5, 9), "wo t");
    assert_string_equal(text_between(stream, 4, 4), "");
    stream_free(stream);
}

static void a_stream_all_have_read_holds_nothing_and_knows_where_it_is(void **state) {
    (void)state;
    struct stream *stream = stream_new(1 << 20);
    append(stream, "one", 41);
    append(stream, "two", 42);
    append(stream, "signal", 0);
    stream_trim(stream, no_evict, NULL);
    assert_int_equal(stream_size(stream), 0);
    assert_int_equal(stream_tail(stream), 12);
    assert_int_equal(stream_oldest(stream), 12);
    assert_int_equal(find(stream, 43), 12);
    assert_false(found(stream, 42));
    assert_false(found(stream, 44));
    uint64_t frame_end;
    assert_int_equal(stream_seen(stream, 12, &frame_end), 42);
    assert_int_equal(frame_end, 12);
    append(stream, "x", 43);
    assert_string_equal(text_between(stream, find(stream, 43), 13), "x");
    stream_free(stream);
}

static void a_silent_stream_is_small(void **state) {
    (void)state;
    struct stream *stream = stream_new(1 << 20);
    append(stream, "one", 1);
    stream_trim(stream, no_evict, NULL);
    assert_true(malloc_usable_size(stream) < 160);
    stream_free(stream);
}

static void a_new_stream_finds_nothing_until_it_is_told_what_comes_next(void **state) {
    (void)state;
    struct stream *stream = stream_new(1 << 20);
    assert_false(found(stream, 1));
    stream_skip(stream, 57);
    assert_int_equal(find(stream, 58), 0);
    assert_false(found(stream, 57));
    stream_free(stream);

    stream = stream_new(1 << 20);
    stream_skip(stream, 0);
    assert_int_equal(find(stream, 1), 0);
    assert_false(found(stream, 2));
    stream_free(stream);
}

static void the_first_entry_after_signals_alone_is_found(void **state) {
    (void)state;
    struct stream *stream = stream_new(1 << 20);
    append(stream, "ann joined.", 0);
    append(stream, "bob joined.", 0);
    assert_false(found(stream, 58));
    append(stream, "entry", 58);
    assert_false(found(stream, 57));
    assert_string_equal(text_between(stream, find(stream, 58), 27), "ann joined.bob joined.entry");
    assert_int_equal(find(stream, 59), 27);
    uint64_t frame_end;
    assert_int_equal(stream_seen(stream, 11, &frame_end), 57);
    stream_free(stream);
}

static void signals_after_an_entry_are_seen_by_who_wants_the_next_one(void **state) {
    (void)state;
    struct stream *stream = stream_new(1 << 20);
    append(stream, "<1>", 1);
    append(stream, "a", 0);
    append(stream, "b", 0);
    append(stream, "<2>", 2);
    append(stream, "c", 0);
    assert_int_equal(find(stream, 2), 3);
    assert_string_equal(text_between(stream, find(stream, 2), 9), "ab<2>c");
    assert_string_equal(text_between(stream, find(stream, 3), 9), "c");
    stream_free(stream);
}

static void signals_in_a_row_are_each_a_frame(void **state) {
    (void)state;
    struct stream *stream = stream_new(1 << 20);
    append(stream, "aa", 0);
    append(stream, "bbb", 0);
    append(stream, "c", 0);
    assert_int_equal(stream_next_frame_end(stream, 0), 2);
    assert_int_equal(stream_next_frame_end(stream, 2), 5);
    assert_int_equal(stream_next_frame_end(stream, 5), 6);
    assert_int_equal(stream_next_frame_end(stream, 6), 6);
    assert_int_equal(stream_next_frame_end(stream, 1),
                     5); /* the first that *begins* there or later */
    stream_free(stream);
}

static void entries_that_show_nothing_have_a_place(void **state) {
    (void)state;
    struct stream *stream = stream_new(1 << 20);
    append(stream, "<1>", 1);
    stream_skip(stream, 2);
    append(stream, "s", 0);
    stream_skip(stream, 3);
    stream_append(stream, SLICE_NONE, 4);
    append(stream, "<5>", 5);
    assert_string_equal(text_between(stream, find(stream, 2), 7), "s<5>");
    assert_string_equal(text_between(stream, find(stream, 3), 7), "s<5>");
    assert_string_equal(text_between(stream, find(stream, 4), 7), "<5>");
    assert_string_equal(text_between(stream, find(stream, 5), 7), "<5>");
    uint64_t frame_end;
    assert_int_equal(stream_seen(stream, 3, &frame_end), 2);
    assert_int_equal(stream_seen(stream, 4, &frame_end), 4);
    assert_int_equal(stream_seen(stream, 2, &frame_end), 0);
    assert_int_equal(frame_end, 3);
    stream_free(stream);
}

static void seqs_go_on_from_anywhere_after_a_silence(void **state) {
    (void)state;
    struct stream *stream = stream_new(1 << 20);
    append(stream, "<9>", 9);
    stream_trim(stream, no_evict, NULL);
    append(stream, "<75>", 75);
    assert_int_equal(find(stream, 75), 3);
    assert_false(found(stream, 10));
    assert_false(found(stream, 74));
    stream_trim(stream, no_evict, NULL);
    append(stream, "<1>", 1);
    assert_int_equal(find(stream, 1), 7);
    assert_int_equal(find(stream, 2), 10);
    stream_free(stream);
}

static void a_blocked_reader_keeps_what_it_has_not_read(void **state) {
    (void)state;
    struct stream *stream = stream_new(1 << 20);
    struct stream_wait wait = {0};
    append(stream, "one two three", 1);
    stream_block(stream, &wait, 4);
    stream_trim(stream, no_evict, NULL);
    assert_string_equal(text_between(stream, 4, 13), "two three");
    stream_block(stream, &wait, 8); /* moves */
    stream_trim(stream, no_evict, NULL);
    assert_string_equal(text_between(stream, 8, 13), "three");
    stream_unblock(stream, &wait);
    stream_unblock(stream, &wait); /* nothing happens */
    stream_trim(stream, no_evict, NULL);
    assert_int_equal(stream_size(stream), 0);
    stream_free(stream);
}

static void a_held_stream_keeps_its_window_until_released_as_often(void **state) {
    (void)state;
    struct stream *stream = stream_new(64 * 1024);
    static char frame[1000];
    stream_hold(stream);
    stream_hold(stream);
    for (uint64_t seq = 1; seq <= 200; seq++) {
        stream_append(stream, slice_from(frame, sizeof(frame)), seq);
        stream_trim(stream, no_evict, NULL);
        assert_true(stream_size(stream) <= 64 * 1024);
    }
    assert_true(stream_size(stream) > 48 * 1024);
    assert_int_equal(find(stream, 180), 179 * 1000);
    assert_false(found(stream, 100));
    stream_release(stream);
    stream_trim(stream, no_evict, NULL);
    assert_int_equal(find(stream, 180), 179 * 1000);
    stream_release(stream);
    stream_trim(stream, no_evict, NULL);
    assert_int_equal(stream_size(stream), 0);
    stream_free(stream);
}

struct cut {
    struct stream *stream;
    struct stream_wait *waits;
    uint64_t *offsets;
    unsigned count;
};

static void cut_reader(void *context, struct stream_wait *wait) {
    struct cut *cut = context;
    uint64_t offset = cut->offsets[wait - cut->waits], frame_end;
    assert_null(wait->chunk);
    /* The rest of the frame it stands in can still be had, in one piece. */
    stream_seen(cut->stream, offset, &frame_end);
    assert_int_equal(frame_end % 1000, 0);
    struct iovec rest;
    int count = stream_read(cut->stream, offset, frame_end, &rest, 1);
    assert_int_equal(count, offset == frame_end ? 0 : 1);
    if (count == 1)
        assert_int_equal(rest.iov_len, frame_end - offset);
    cut->offsets[wait - cut->waits] = UINT64_MAX;
    cut->count++;
}

static void only_readers_beyond_the_window_are_cut(void **state) {
    (void)state;
    struct stream *stream = stream_new(64 * 1024);
    static char frame[1000];
    struct stream_wait waits[3] = {0};
    uint64_t offsets[3] = {0, 1, 100 * 1000 + 500};
    struct cut cut = {stream, waits, offsets, 0};
    for (uint64_t seq = 1; seq <= 120; seq++)
        stream_append(stream, slice_from(frame, sizeof(frame)), seq);
    /* Not offered yet: nothing goes before the turn ends. */
    assert_int_equal(stream_size(stream), 120 * 1000);
    for (int i = 0; i < 3; i++)
        stream_block(stream, &waits[i], offsets[i]);
    stream_trim(stream, cut_reader, &cut);
    assert_int_equal(cut.count, 2);
    assert_non_null(waits[2].chunk);
    assert_true(stream_size(stream) <= 64 * 1024);
    assert_true(stream_oldest(stream) <= offsets[2]);
    stream_unblock(stream, &waits[2]);
    stream_free(stream);
}

static void a_frame_is_in_one_piece_whatever_its_size(void **state) {
    (void)state;
    struct stream *stream = stream_new(4 << 20);
    size_t sizes[] = {1, 3000, 3000, 5000, 400 * 1000, 1, 4096, 70 * 1000, 1 << 20};
    char *frame = memory_new(1 << 20);
    uint64_t offset = 0;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        memset(frame, 'a' + (int)i, sizes[i]);
        stream_append(stream, slice_from(frame, sizes[i]), i + 1);
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct iovec vector;
        uint64_t end = stream_next_frame_end(stream, offset);
        assert_int_equal(end - offset, sizes[i]);
        assert_int_equal(stream_read(stream, offset, end, &vector, 1), 1);
        assert_int_equal(vector.iov_len, sizes[i]);
        const char *bytes = vector.iov_base;
        assert_int_equal(bytes[0], 'a' + (int)i);
        assert_int_equal(bytes[sizes[i] - 1], 'a' + (int)i);
        offset = end;
    }
    assert_int_equal(offset, stream_tail(stream));
    memory_free(frame);
    stream_free(stream);
}

static void a_frame_larger_than_the_window_goes_at_the_end_of_the_turn(void **state) {
    (void)state;
    struct stream *stream = stream_new(4096);
    char *frame = memory_new(10 * 1000);
    struct stream_wait wait = {0};
    uint64_t offset = 9500;
    struct cut cut = {stream, &wait, &offset, 0};
    stream_append(stream, slice_from(frame, 10 * 1000), 1);
    stream_block(stream, &wait, offset);
    stream_trim(stream, cut_reader, &cut);
    assert_int_equal(cut.count, 1);
    assert_int_equal(stream_size(stream), 0);
    assert_int_equal(find(stream, 2), 10 * 1000);
    memory_free(frame);
    stream_free(stream);
}

/* The model. */

#define MODEL_FRAMES 4000
#define MODEL_READERS 6

struct model_frame {
    uint64_t begin, end;
};

struct model {
    struct rng rng;
    struct stream *stream;
    size_t window;
    struct model_frame frames[MODEL_FRAMES];
    size_t frame_count;
    uint64_t entry_end[MODEL_FRAMES + 1]; /* by seq: where its showing ends */
    uint64_t last_seq;
    uint64_t tail;
    struct stream_wait waits[MODEL_READERS];
    uint64_t offsets[MODEL_READERS]; /* of readers that are blocked; else UINT64_MAX */
    unsigned holds;
};

static char model_byte(uint64_t offset) {
    return (char)((offset * 2654435761u) >> 13);
}

static void model_append(struct model *model) {
    static const size_t sizes[] = {8, 300, 5000, 40000};
    char frame[40001];
    size_t length = 1 + rng_below(&model->rng, sizes[rng_below(&model->rng, 4)]);
    for (size_t i = 0; i < length; i++)
        frame[i] = model_byte(model->tail + i);
    uint64_t seq = rng_below(&model->rng, 3) == 0 ? 0 : model->last_seq + 1;
    stream_append(model->stream, slice_from(frame, length), seq);

    struct model_frame *added = &model->frames[model->frame_count++];
    added->begin = model->tail;
    added->end = model->tail += length;
    if (seq != 0)
        model->entry_end[model->last_seq = seq] = model->tail;
}

static void model_skip(struct model *model) {
    model->last_seq++;
    model->entry_end[model->last_seq] = model->tail;
    stream_skip(model->stream, model->last_seq);
}

static void model_evict(void *context, struct stream_wait *wait) {
    struct model *model = context;
    model->offsets[wait - model->waits] = UINT64_MAX;
}

static uint64_t model_lowest_blocked(const struct model *model) {
    uint64_t lowest = UINT64_MAX;
    for (int i = 0; i < MODEL_READERS; i++)
        lowest = model->offsets[i] < lowest ? model->offsets[i] : lowest;
    return lowest;
}

static void model_trim(struct model *model) {
    uint64_t wanted = model_lowest_blocked(model);
    size_t before = stream_size(model->stream);
    stream_trim(model->stream, model_evict, model);
    uint64_t oldest = stream_oldest(model->stream);
    assert_true(stream_size(model->stream) <= model->window);
    if (wanted == UINT64_MAX && model->holds == 0)
        assert_int_equal(stream_size(model->stream), 0);
    for (int i = 0; i < MODEL_READERS; i++)
        assert_true(model->offsets[i] >= oldest);
    /* Nobody is cut who is well within the window (index and the granularity of chunks aside). */
    if (before <= model->window / 4)
        assert_true(model_lowest_blocked(model) == wanted);
}

static void model_move_reader(struct model *model) {
    size_t reader = rng_below(&model->rng, MODEL_READERS);
    uint64_t oldest = stream_oldest(model->stream);
    if (model->offsets[reader] != UINT64_MAX && rng_below(&model->rng, 2) == 0) {
        stream_unblock(model->stream, &model->waits[reader]);
        model->offsets[reader] = UINT64_MAX;
    } else if (oldest < model->tail) {
        model->offsets[reader] = oldest + rng_below(&model->rng, model->tail - oldest);
        stream_block(model->stream, &model->waits[reader], model->offsets[reader]);
    }
}

static void model_check_find(struct model *model, uint64_t seq) {
    uint64_t oldest = stream_oldest(model->stream), offset = 0;
    bool held = stream_find(model->stream, seq, &offset);
    uint64_t after = seq == 1 ? 0 : model->entry_end[seq - 1];
    if (after >= oldest && seq > 1 && held) {
        assert_int_equal(offset, after);
    } else if (held) {
        /* Only signals may be missing. */
        assert_int_equal(offset, oldest);
        for (uint64_t s = seq; s <= model->last_seq; s++)
            assert_true(model->entry_end[s] >= oldest);
    } else {
        /* Refused only if something of it, or of what came with it, is gone. */
        assert_true(seq <= model->last_seq && model->entry_end[seq] <= oldest);
    }
}

static void model_check_place(struct model *model, uint64_t offset) {
    uint64_t frame_end, next_end = model->tail, expected_end = offset;
    uint64_t seen = stream_seen(model->stream, offset, &frame_end);
    uint64_t expected = 0;
    bool next_known = false;
    for (size_t i = 0; i < model->frame_count; i++) {
        const struct model_frame *frame = &model->frames[i];
        if (frame->begin < offset && offset < frame->end)
            expected_end = frame->end;
        if (frame->begin >= offset && !next_known) {
            next_end = frame->end;
            next_known = true;
        }
    }
    while (expected < model->last_seq && model->entry_end[expected + 1] <= offset)
        expected++;
    assert_int_equal(seen, expected);
    assert_int_equal(frame_end, expected_end);
    assert_int_equal(stream_next_frame_end(model->stream, offset), next_end);
}

static void model_check_bytes(struct model *model, uint64_t offset, uint64_t end) {
    struct iovec vectors[3];
    int count = stream_read(model->stream, offset, end, vectors, 3);
    for (int i = 0; i < count; i++) {
        const char *bytes = vectors[i].iov_base;
        for (size_t j = 0; j < vectors[i].iov_len; j += 97)
            assert_int_equal(bytes[j], model_byte(offset + j));
        offset += vectors[i].iov_len;
    }
    assert_true(offset == end || (count == 3 && offset < end));
}

static void model_check(struct model *model) {
    uint64_t oldest = stream_oldest(model->stream);
    assert_int_equal(stream_tail(model->stream), model->tail);
    model_check_find(model, 1 + rng_below(&model->rng, model->last_seq + 1));
    model_check_find(model, model->last_seq + 1);
    assert_false(found(model->stream, model->last_seq + 2));
    uint64_t offset = oldest + rng_below(&model->rng, model->tail - oldest + 1);
    model_check_place(model, offset);
    model_check_bytes(model, offset, offset + rng_below(&model->rng, model->tail - offset + 1));
}

static void model_step(struct model *model) {
    switch (rng_below(&model->rng, 16)) {
    case 0:
        model_skip(model);
        break;
    case 1:
    case 2:
        model_trim(model);
        break;
    case 3:
    case 4:
        model_move_reader(model);
        break;
    case 5:
        if (model->holds == 0) {
            stream_hold(model->stream);
            model->holds++;
        } else {
            stream_release(model->stream);
            model->holds--;
        }
        break;
    default:
        model_append(model);
    }
    model_check(model);
}

static void run_model(uint64_t seed, size_t window) {
    struct model *model = memory_new_struct(struct model);
    rng_seed(&model->rng, seed);
    model->window = window;
    model->stream = stream_new(window);
    stream_skip(model->stream, 0);
    for (int i = 0; i < MODEL_READERS; i++)
        model->offsets[i] = UINT64_MAX;
    for (int i = 0; i < MODEL_FRAMES; i++)
        model_step(model);
    for (int i = 0; i < MODEL_READERS; i++)
        stream_unblock(model->stream, &model->waits[i]);
    stream_free(model->stream);
    memory_free(model);
}

static void it_agrees_with_the_model_over_random_histories(void **state) {
    (void)state;
    static const size_t windows[] = {4096, 64 * 1024, 1 << 20, 4 << 20};
    for (uint64_t seed = 1; seed <= 12; seed++)
        run_model(seed, windows[seed % 4]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_gets_the_bytes_in_order),
        cmocka_unit_test(a_stream_all_have_read_holds_nothing_and_knows_where_it_is),
        cmocka_unit_test(a_silent_stream_is_small),
        cmocka_unit_test(a_new_stream_finds_nothing_until_it_is_told_what_comes_next),
        cmocka_unit_test(the_first_entry_after_signals_alone_is_found),
        cmocka_unit_test(signals_after_an_entry_are_seen_by_who_wants_the_next_one),
        cmocka_unit_test(signals_in_a_row_are_each_a_frame),
        cmocka_unit_test(entries_that_show_nothing_have_a_place),
        cmocka_unit_test(seqs_go_on_from_anywhere_after_a_silence),
        cmocka_unit_test(a_blocked_reader_keeps_what_it_has_not_read),
        cmocka_unit_test(a_held_stream_keeps_its_window_until_released_as_often),
        cmocka_unit_test(only_readers_beyond_the_window_are_cut),
        cmocka_unit_test(a_frame_is_in_one_piece_whatever_its_size),
        cmocka_unit_test(a_frame_larger_than_the_window_goes_at_the_end_of_the_turn),
        cmocka_unit_test(it_agrees_with_the_model_over_random_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
