/* The values that travel: entries, drafts, signals, and the list of effects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "hub/effect.h"

#define assert_slice(slice, text) assert_true(slice_equal(slice, slice_of_string(text)))

static struct entry_body body_of(char *sender, char *cid, char *content, char *key, char *meta) {
    return (struct entry_body){.kind = ENTRY_MESSAGE,
                               .sender = slice_of_string(sender),
                               .cid = slice_of_string(cid),
                               .content = slice_of_string(content),
                               .key = slice_of_string(key),
                               .meta = slice_of_string(meta),
                               .re = 4};
}

static void an_entry_keeps_its_own_copy(void **state) {
    char sender[] = "ann", cid[] = "c1", content[] = "hi", key[] = "k", meta[] = "\"a\":1";
    struct entry_body body = body_of(sender, cid, content, key, meta);
    struct entry *entry = entry_new(&body, 7, 99, "01ARZ3NDEKTSV4RRFFQ69G5FAV");

    (void)state;
    memset(sender, 'x', 3);
    memset(content, 'x', 2);
    memset(meta, 'x', 5);
    assert_slice(entry->body.sender, "ann");
    assert_slice(entry->body.cid, "c1");
    assert_slice(entry->body.content, "hi");
    assert_slice(entry->body.key, "k");
    assert_slice(entry->body.meta, "\"a\":1");
    assert_string_equal(entry->id, "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    assert_int_equal(entry->seq, 7);
    assert_int_equal(entry->body.re, 4);
    assert_int_equal(entry_size(entry), sizeof(*entry) + 3 + 2 + 2 + 1 + 5);
    entry_ref(entry);
    entry_unref(entry);
    assert_slice(entry->body.content, "hi");
    entry_unref(entry);
    entry_unref(NULL);
}

static void a_draft_keeps_its_own_copy(void **state) {
    char sender[] = "ann", room[] = "Tea";
    struct entry_body body = body_of(sender, "", "hi", "", "");
    struct draft *draft =
        draft_new(SLICE("tea"), slice_of_string(room), &body, (struct origin){3, 3}, 5);

    (void)state;
    memset(sender, 'x', 3);
    memset(room, 'x', 3);
    assert_slice(draft->room_key, "tea");
    assert_slice(draft->room_name, "Tea");
    assert_slice(draft->body.sender, "ann");
    assert_slice(draft->body.cid, "");
    assert_int_equal(draft->origin.session, 3);
    assert_int_equal(draft_size(draft), sizeof(*draft) + 3 + 3 + 3 + 2);
    draft_free(draft);
}

static void a_signal_keeps_its_own_copy(void **state) {
    char name[] = "ann";
    struct signal from = {.kind = SIGNAL_RENAMED,
                          .room_key = SLICE("tea"),
                          .room_name = SLICE("Tea"),
                          .name = slice_of_string(name),
                          .former = SLICE("eve"),
                          .payload = SLICE("p")};
    struct signal *signal = signal_new(&from);

    (void)state;
    memset(name, 'x', 3);
    assert_slice(signal->room_key, "tea");
    assert_slice(signal->room_name, "Tea");
    assert_slice(signal->name, "ann");
    assert_slice(signal->former, "eve");
    assert_slice(signal->payload, "p");
    assert_int_equal(signal_size(signal), sizeof(*signal) + 3 + 3 + 3 + 3 + 1);
    signal_free(signal);
}

static void identities_are_compared_by_all_their_bytes(void **state) {
    struct identity a = {{0}}, b = {{0}};

    (void)state;
    assert_true(identity_none(&a));
    assert_true(identity_equal(&a, &b));
    b.bytes[IDENTITY_SIZE - 1] = 1;
    assert_false(identity_none(&b));
    assert_false(identity_equal(&a, &b));
}

static void the_hash_of_a_body_covers_what_a_cid_stands_for(void **state) {
    struct entry_body body = body_of("ann", "c1", "hi", "k", "");
    const uint64_t hash = entry_body_hash(&body);
    struct entry_body other;

    (void)state;
    other = body_of("anna", "c2", "hi", "k", "\"a\":1");
    other.identity.bytes[0] = 1;
    assert_true(entry_body_hash(&other) == hash);
    other = body_of("ann", "c1", "ho", "k", "");
    assert_false(entry_body_hash(&other) == hash);
    other = body_of("ann", "c1", "h", "ik", "");
    assert_false(entry_body_hash(&other) == hash);
    other = body;
    other.kind = ENTRY_TOPIC;
    assert_false(entry_body_hash(&other) == hash);
    other = body;
    other.re = 5;
    assert_false(entry_body_hash(&other) == hash);
    other = body;
    other.of = 4;
    assert_false(entry_body_hash(&other) == hash);
    other = body;
    other.removal = true;
    assert_false(entry_body_hash(&other) == hash);
}

static void effects_are_zeroed_and_keep_their_order(void **state) {
    struct effects effects = {0};

    (void)state;
    for (uint64_t round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 3000; i++) {
            struct effect *effect = effects_add(&effects, EFFECT_PAUSE);

            assert_int_equal(effect->connection, 0);
            assert_null(effect->room_key.data);
            effect->connection = i;
            effect->room_key = SLICE("x");
        }
        assert_int_equal(effects.count, 3000);
        assert_int_equal(effects.items[2999].connection, 2999);
        effects_clear(&effects);
        assert_int_equal(effects.count, 0);
    }
    effects_close(&effects);
}

static void copies_live_until_the_effects_are_cleared(void **state) {
    struct effects effects = {0};
    struct slice copies[300];
    char text[] = "0123456789";

    (void)state;
    for (size_t i = 0; i < 300; i++) {
        text[0] = (char)('a' + i % 26);
        copies[i] = effects_copy(&effects, slice_of_string(text));
    }
    for (size_t i = 0; i < 300; i++) {
        text[0] = (char)('a' + i % 26);
        assert_slice(copies[i], text);
    }
    assert_int_equal(effects_copy(&effects, SLICE_NONE).length, 0);
    char *large = effects_allocate(&effects, 100000);
    for (size_t i = 0; i < 100000; i++) {
        assert_int_equal(large[i], 0);
    }
    memset(large, 1, 100000);
    effects_clear(&effects);
    large = effects_allocate(&effects, 4000);
    assert_int_equal(large[3999], 0);
    effects_close(&effects);
    effects_close(&effects);
}

static void what_nobody_took_is_freed(void **state) {
    struct effects effects = {0};
    struct entry_body body = body_of("ann", "", "hi", "", "");
    struct signal signal = {.kind = SIGNAL_COUNT};
    struct entry *entry = entry_new(&body, 1, 1, "");
    struct draft *taken = draft_new(SLICE("a"), SLICE("a"), &body, (struct origin){0}, 0);

    (void)state;
    effects_add(&effects, EFFECT_APPEND)->draft =
        draft_new(SLICE("a"), SLICE("a"), &body, (struct origin){0}, 0);
    effects_add(&effects, EFFECT_APPEND)->draft = taken;
    effects_add(&effects, EFFECT_SIGNAL)->signal = signal_new(&signal);
    effects_add(&effects, EFFECT_SHOW_ENTRY)->show.entry = entry_ref(entry);
    effects_add(&effects, EFFECT_SHOW_SIGNAL)->signal = &signal; /* borrowed */
    effects.items[1].draft = NULL;
    effects_clear(&effects);
    assert_int_equal(entry->references, 1);
    entry_unref(entry);
    draft_free(taken);
    effects_close(&effects);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_keeps_its_own_copy),
        cmocka_unit_test(a_draft_keeps_its_own_copy),
        cmocka_unit_test(a_signal_keeps_its_own_copy),
        cmocka_unit_test(identities_are_compared_by_all_their_bytes),
        cmocka_unit_test(the_hash_of_a_body_covers_what_a_cid_stands_for),
        cmocka_unit_test(effects_are_zeroed_and_keep_their_order),
        cmocka_unit_test(copies_live_until_the_effects_are_cleared),
        cmocka_unit_test(what_nobody_took_is_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
