/* Both maps against a plain array as reference, through growth, removal and shrinking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/rng.h"

#define ITEMS 700
#define STEPS 60000

struct thing {
    char name[16];
    uint64_t id;
    bool inside;
    unsigned visits;
};

static struct thing *things_new(void) {
    struct thing *things = memory_new(ITEMS * sizeof(*things));

    for (unsigned i = 0; i < ITEMS; i++) {
        snprintf(things[i].name, sizeof(things[i].name), "thing %u", i);
        things[i].id = i % 2 == 0 ? i + 1 : (uint64_t)i << 40; /* in a row, and far apart */
    }
    return things;
}

static struct slice key_of(const struct thing *thing) {
    return slice_of_string(thing->name);
}

static void assert_same_items(const struct map *map, struct thing *things, size_t count) {
    struct thing *thing;
    size_t cursor = 0, visited = 0;

    assert_int_equal(map_count(map), count);
    for (size_t i = 0; i < ITEMS; i++) {
        things[i].visits = 0;
        assert_ptr_equal(map_find(map, key_of(&things[i])), things[i].inside ? &things[i] : NULL);
    }
    while ((thing = map_next(map, &cursor)) != NULL) {
        assert_true(thing->inside);
        assert_int_equal(thing->visits++, 0);
        visited++;
    }
    assert_int_equal(visited, count);
}

static struct slice name_of(const void *thing) {
    return key_of(thing);
}

static uint64_t id_of(const void *thing) {
    return ((const struct thing *)thing)->id;
}

static void agree_with_array(struct map *map) {
    struct thing *things = things_new();
    struct rng rng;
    size_t count = 0;

    rng_seed(&rng, 1);
    for (unsigned step = 0; step < STEPS; step++) {
        struct thing *thing = &things[rng_below(&rng, ITEMS)];
        bool filling = step / 5000 % 2 == 0; /* tides, so that it grows and shrinks */

        if (!thing->inside && (filling || rng_below(&rng, 8) == 0)) {
            map_put(map, key_of(thing), thing);
            thing->inside = true;
            count++;
        } else if (!filling || rng_below(&rng, 4) == 0) {
            assert_ptr_equal(map_remove(map, key_of(thing)), thing->inside ? thing : NULL);
            count -= thing->inside;
            thing->inside = false;
        }
        if (step % 500 == 0) {
            assert_same_items(map, things, count);
        }
    }
    assert_same_items(map, things, count);
    map_free(map);
    memory_free(things);
}

static void a_map_agrees_with_an_array_whatever_is_put_and_removed(void **state) {
    (void)state;
    agree_with_array(map_new(7));
}

static void a_map_that_asks_for_keys_does_too(void **state) {
    (void)state;
    agree_with_array(map_new_of(7, name_of));
}

static void assert_same_ids(const struct id_map *map, struct thing *things, size_t count) {
    struct thing *thing;
    size_t cursor = 0, visited = 0;

    assert_int_equal(id_map_count(map), count);
    for (size_t i = 0; i < ITEMS; i++) {
        things[i].visits = 0;
        assert_ptr_equal(id_map_find(map, things[i].id), things[i].inside ? &things[i] : NULL);
    }
    while ((thing = id_map_next(map, &cursor)) != NULL) {
        assert_true(thing->inside);
        assert_int_equal(thing->visits++, 0);
        visited++;
    }
    assert_int_equal(visited, count);
}

static void ids_agree_with_array(struct id_map *map) {
    struct thing *things = things_new();
    struct rng rng;
    size_t count = 0;

    rng_seed(&rng, 2);
    for (unsigned step = 0; step < STEPS; step++) {
        struct thing *thing = &things[rng_below(&rng, ITEMS)];
        bool filling = step / 5000 % 2 == 0;

        if (!thing->inside && (filling || rng_below(&rng, 8) == 0)) {
            id_map_put(map, thing->id, thing);
            thing->inside = true;
            count++;
        } else if (!filling || rng_below(&rng, 4) == 0) {
            assert_ptr_equal(id_map_remove(map, thing->id), thing->inside ? thing : NULL);
            count -= thing->inside;
            thing->inside = false;
        }
        if (step % 500 == 0) {
            assert_same_ids(map, things, count);
        }
    }
    assert_same_ids(map, things, count);
    id_map_free(map);
    memory_free(things);
}

static void an_id_map_agrees_with_an_array_whatever_is_put_and_removed(void **state) {
    (void)state;
    ids_agree_with_array(id_map_new());
}

static void an_id_map_that_asks_for_ids_does_too(void **state) {
    (void)state;
    ids_agree_with_array(id_map_new_of(id_of));
}

static void what_is_copied_from_map_to_map_does_not_collide(void **state) {
    struct thing *things = memory_new(200000 * sizeof(*things));
    struct map *from = map_new(1), *to = map_new(1);
    struct thing *thing;
    size_t cursor = 0;

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        snprintf(things[i].name, sizeof(things[i].name), "%u", i);
        map_put(from, key_of(&things[i]), &things[i]);
    }
    /* In its order: where both laid things out alike that would take hours. */
    while ((thing = map_next(from, &cursor)) != NULL) {
        map_put(to, key_of(thing), thing);
    }
    assert_int_equal(map_count(to), 200000);
    map_free(from);
    map_free(to);
    memory_free(things);
}

static void an_empty_map_finds_and_removes_nothing(void **state) {
    struct map *map = map_new(1);
    struct id_map *ids = id_map_new();
    size_t cursor = 0;

    (void)state;
    assert_null(map_find(map, SLICE("a")));
    assert_null(map_remove(map, SLICE("a")));
    assert_null(map_next(map, &cursor));
    assert_null(id_map_find(ids, 1));
    assert_null(id_map_find(ids, 0));
    assert_null(id_map_remove(ids, 1));
    cursor = 0;
    assert_null(id_map_next(ids, &cursor));
    map_free(map);
    id_map_free(ids);
    map_free(NULL);
    id_map_free(NULL);
}

static void keys_are_bytes_zeros_and_nothing_included(void **state) {
    struct map *map = map_new(1);
    int a, b, c;

    (void)state;
    map_put(map, SLICE_NONE, &a);
    map_put(map, SLICE("\0"), &b);
    map_put(map, SLICE("\0\0"), &c);
    assert_ptr_equal(map_find(map, SLICE("")), &a);
    assert_ptr_equal(map_find(map, SLICE("\0")), &b);
    assert_ptr_equal(map_find(map, SLICE("\0\0")), &c);
    assert_null(map_find(map, SLICE("\0\0\0")));
    map_free(map);
}

static void fill_and_list(uint64_t seed, struct thing *things, struct thing **order) {
    struct map *map = map_new(seed);
    size_t cursor = 0;

    for (size_t i = 0; i < ITEMS; i++) {
        map_put(map, key_of(&things[i]), &things[i]);
    }
    for (size_t i = 0; i < ITEMS; i++) {
        order[i] = map_next(map, &cursor);
    }
    map_free(map);
}

static void the_order_depends_on_seed_and_history_only(void **state) {
    struct thing *things = things_new();
    struct thing *first[ITEMS], *again[ITEMS], *other[ITEMS];

    (void)state;
    fill_and_list(5, things, first);
    fill_and_list(5, things, again);
    fill_and_list(6, things, other);
    assert_memory_equal(first, again, sizeof(first));
    assert_memory_not_equal(first, other, sizeof(first));
    memory_free(things);
}

/* Stored by others, so it must never change. Computed with SipHash-2-4 written from its paper. */
static void the_hash_is_the_same_for_ever(void **state) {
    uint64_t hash = hash_slice(1, SLICE("banter"));

    (void)state;
    assert_true(hash == UINT64_C(0x1fb79d977f695b0));
    assert_true(hash_slice(0, SLICE_NONE) == UINT64_C(0xa9f2e87a6aecd4d0));
    assert_true(hash != hash_slice(2, SLICE("banter")));
    assert_true(hash != hash_slice(1, SLICE("bantes")));
    assert_true(hash_slice(1, SLICE_NONE) == hash_slice(1, SLICE("")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_agrees_with_an_array_whatever_is_put_and_removed),
        cmocka_unit_test(an_id_map_agrees_with_an_array_whatever_is_put_and_removed),
        cmocka_unit_test(a_map_that_asks_for_keys_does_too),
        cmocka_unit_test(an_id_map_that_asks_for_ids_does_too),
        cmocka_unit_test(what_is_copied_from_map_to_map_does_not_collide),
        cmocka_unit_test(an_empty_map_finds_and_removes_nothing),
        cmocka_unit_test(keys_are_bytes_zeros_and_nothing_included),
        cmocka_unit_test(the_order_depends_on_seed_and_history_only),
        cmocka_unit_test(the_hash_is_the_same_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
