#include "hub_cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define NODES 2
#define NAMES 16
#define ROOMS 16

struct held {
    char folded[65], shown[65];
    struct identity identity;
    bool registered;
    bool by[NODES];
};

struct counted {
    char key[80];
    unsigned counts[NODES];
    struct {
        struct identity identity;
        char name[65];
    } members[NODES][8];
};

struct cluster {
    struct world *nodes[NODES];
    struct held names[NAMES];
    struct counted rooms[ROOMS];
    struct buffer traffic;
    int error;
    bool lose_calls;
};

static size_t index_of(const struct cluster *cluster, const struct world *world) {
    return world == cluster->nodes[0] ? 0 : 1;
}

static struct world *other_than(const struct cluster *cluster, const struct world *world) {
    return cluster->nodes[1 - index_of(cluster, world)];
}

static void note(struct cluster *cluster, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void note(struct cluster *cluster, const char *format, ...) {
    char line[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    buffer_append_string(&cluster->traffic, line);
}

static void copy(char *to, size_t size, struct slice s) {
    snprintf(to, size, "%.*s", SLICE_ARGS(s));
}

/* Names. */

static struct held *held_find(struct cluster *cluster, struct slice folded) {
    struct held *unused = NULL;

    for (size_t i = 0; i < NAMES; i++) {
        struct held *held = &cluster->names[i];

        if (slice_equal(slice_of_string(held->folded), folded)) {
            return held;
        }
        unused = unused == NULL && held->folded[0] == '\0' ? held : unused;
    }
    assert_non_null(unused);
    copy(unused->folded, sizeof(unused->folded), folded);
    return unused;
}

static struct name_claim claim_of(const struct held *held) {
    return (struct name_claim){.folded = slice_of_string(held->folded),
                               .shown = slice_of_string(held->shown),
                               .identity = held->identity,
                               .registered = held->registered};
}

static void tell_elsewhere(struct world *world, const struct held *held, bool gone) {
    struct event event = {.kind = EVENT_ELSEWHERE,
                          .elsewhere = {.claim = claim_of(held), .gone = gone}};

    world_step(world, &event);
}

static int hold(struct cluster *cluster, size_t node, const struct name_claim *claim) {
    struct held *held = held_find(cluster, claim->folded);
    bool taken = held->by[1 - node] && !identity_equal(&held->identity, &claim->identity);

    if (taken) {
        return ERR_NAME_TAKEN;
    }
    copy(held->shown, sizeof(held->shown), claim->shown);
    held->identity = claim->identity;
    held->registered = claim->registered;
    held->by[node] = true;
    held->by[1 - node] = held->by[1 - node] && claim->registered;
    tell_elsewhere(cluster->nodes[1 - node], held, false);
    return 0;
}

static void claim(struct cluster *cluster, struct world *world, const struct name_claim *claim) {
    struct event event = {.kind = EVENT_CLAIMED, .claimed = {.claim = *claim}};

    note(cluster, "claim %.*s\n", SLICE_ARGS(claim->shown));
    event.claimed.error =
        cluster->error != 0 ? cluster->error : hold(cluster, index_of(cluster, world), claim);
    world_step(world, &event);
}

static void release(struct cluster *cluster, struct world *world, const struct name_claim *claim) {
    struct held *held = held_find(cluster, claim->folded);
    size_t node = index_of(cluster, world);

    note(cluster, "release %.*s\n", SLICE_ARGS(claim->folded));
    if (held->by[node] && identity_equal(&held->identity, &claim->identity)) {
        held->by[node] = false;
        tell_elsewhere(cluster->nodes[1 - node], held, true);
    }
}

/* Rooms. */

static struct counted *counted_find(struct cluster *cluster, struct slice key) {
    for (size_t i = 0; i < ROOMS; i++) {
        struct counted *room = &cluster->rooms[i];

        if (room->key[0] == '\0') {
            copy(room->key, sizeof(room->key), key);
        }
        if (slice_equal(slice_of_string(room->key), key)) {
            return room;
        }
    }
    fail_msg("too many rooms");
    return NULL;
}

static void list_member(struct counted *room, size_t node, const struct signal *signal) {
    for (size_t i = 0; i < 8; i++) {
        bool unused = room->members[node][i].name[0] == '\0';

        if (signal->kind == SIGNAL_JOINED && unused && signal->name.length > 0) {
            room->members[node][i].identity = signal->identity;
            copy(room->members[node][i].name, sizeof(room->members[node][i].name), signal->name);
            return;
        }
        if (signal->kind == SIGNAL_LEFT && !unused &&
            identity_equal(&room->members[node][i].identity, &signal->identity)) {
            room->members[node][i].name[0] = '\0';
        }
    }
}

static void pass_on(struct cluster *cluster, size_t node, const struct signal *signal) {
    struct counted *room = counted_find(cluster, signal->room_key);
    struct event event = {.kind = EVENT_SIGNALLED, .signalled = {.signal = signal_new(signal)}};

    event.signalled.signal->origin = (struct origin){0};
    event.signalled.signal->elsewhere = room->counts[node];
    world_set_elsewhere(cluster->nodes[1 - node], signal->room_key, room->counts[node]);
    world_step(cluster->nodes[1 - node], &event);
    signal_free(event.signalled.signal);
}

static void share(struct cluster *cluster, struct world *world, const struct effect *effect) {
    static const char *const words[] = {
        [SIGNAL_JOINED] = "joined", [SIGNAL_LEFT] = "left",     [SIGNAL_RENAMED] = "renamed",
        [SIGNAL_COUNT] = "count",   [SIGNAL_TYPING] = "typing", [SIGNAL_BINARY] = "binary"};
    const struct signal *signal = effect->share.signal;
    struct counted *room = counted_find(cluster, signal->room_key);
    size_t node = index_of(cluster, world);

    list_member(room, node, signal);
    if (signal->silent) {
        return;
    }
    note(cluster, "share %.*s %s %.*s%s%u\n", SLICE_ARGS(signal->room_name), words[signal->kind],
         SLICE_ARGS(signal->name), signal->name.length > 0 ? " " : "", effect->share.count);
    room->counts[node] = effect->share.count;
    pass_on(cluster, node, signal);
}

static void gather(struct cluster *cluster, struct world *world, const struct effect *effect) {
    struct counted *room = counted_find(cluster, effect->room_key);
    size_t other = 1 - index_of(cluster, world);
    struct other_member members[8];
    struct event event = {.kind = EVENT_GATHERED,
                          .gathered = {.error = cluster->error,
                                       .origin = effect->list.origin,
                                       .cid = effect->list.cid,
                                       .room_key = effect->room_key,
                                       .members = members}};

    for (size_t i = 0; i < 8 && cluster->error == 0; i++) {
        if (room->members[other][i].name[0] != '\0') {
            members[event.gathered.count++] = (struct other_member){
                room->members[other][i].identity, slice_of_string(room->members[other][i].name)};
        }
    }
    world_step(world, &event);
}

static void call_others(struct cluster *cluster, struct world *world, const struct call *call) {
    struct event event = {.kind = EVENT_CALLED, .called = *call};

    note(cluster, "call %.*s to %.*s\n", SLICE_ARGS(call->from_name), SLICE_ARGS(call->to_name));
    if (!cluster->lose_calls) {
        world_step(other_than(cluster, world), &event);
    }
}

static void carry_out(void *context, struct world *world, const struct effect *effect) {
    struct cluster *cluster = context;

    switch (effect->kind) {
    case EFFECT_SHARE:
        share(cluster, world, effect);
        break;
    case EFFECT_CLAIM:
        claim(cluster, world, &effect->claim);
        break;
    case EFFECT_RELEASE:
        release(cluster, world, &effect->claim);
        break;
    case EFFECT_GATHER:
        gather(cluster, world, effect);
        break;
    case EFFECT_CALL:
        call_others(cluster, world, &effect->call);
        break;
    default:
        fail();
    }
}

static void publish(void *context, struct world *world, const struct draft *draft,
                    struct entry *entry) {
    world_learn(other_than(context, world), draft->room_key, draft->room_name, entry);
}

static void mark(void *context, struct world *world, const struct read_mark *mark) {
    world_learn_mark(other_than(context, world), mark);
}

struct cluster *cluster_new(const struct hub_options *options) {
    struct cluster *cluster = memory_new_struct(struct cluster);
    struct world_hooks hooks = {cluster, carry_out, publish, mark};
    struct hub_options shared = options != NULL ? *options : world_defaults;

    shared.shared = true;
    for (size_t i = 0; i < NODES; i++) {
        cluster->nodes[i] = world_new(&shared);
        world_set_hooks(cluster->nodes[i], &hooks);
    }
    return cluster;
}

void cluster_free(struct cluster *cluster) {
    for (size_t i = 0; i < NODES; i++) {
        world_end(cluster->nodes[i]);
    }
    cluster_settle(cluster);
    for (size_t i = 0; i < NODES; i++) {
        world_free(cluster->nodes[i]);
    }
    buffer_close(&cluster->traffic);
    memory_free(cluster);
}

struct world *cluster_node(struct cluster *cluster, size_t node) {
    return cluster->nodes[node];
}

void cluster_settle(struct cluster *cluster) {
    while (world_settle_one(cluster->nodes[0]) || world_settle_one(cluster->nodes[1])) {
    }
}

void cluster_pass(struct cluster *cluster, int64_t us) {
    for (size_t i = 0; i < NODES; i++) {
        world_pass(cluster->nodes[i], us);
    }
    cluster_settle(cluster);
}

void cluster_forget(struct cluster *cluster) {
    for (size_t i = 0; i < NODES; i++) {
        world_forget(cluster->nodes[i]);
    }
    buffer_clear(&cluster->traffic);
}

void cluster_fail(struct cluster *cluster, int error) {
    cluster->error = error;
}

void cluster_lose_calls(struct cluster *cluster, bool lose) {
    cluster->lose_calls = lose;
}

void cluster_bury(struct cluster *cluster, size_t node) {
    for (size_t i = 0; i < NAMES; i++) {
        struct held *held = &cluster->names[i];

        if (held->by[node]) {
            held->by[node] = false;
            tell_elsewhere(cluster->nodes[1 - node], held, true);
        }
    }
    for (size_t i = 0; i < ROOMS; i++) {
        struct counted *room = &cluster->rooms[i];
        struct signal count = {.kind = SIGNAL_COUNT, .room_key = slice_of_string(room->key)};

        if (room->counts[node] > 0) {
            room->counts[node] = 0;
            memset(room->members[node], 0, sizeof(room->members[node]));
            pass_on(cluster, node, &count);
        }
    }
}

void cluster_expect_traffic(struct cluster *cluster, const char *expected, const char *file,
                            int line) {
    char *seen = memory_copy_string(buffer_slice(&cluster->traffic));
    bool same = strcmp(seen, expected) == 0;

    buffer_clear(&cluster->traffic);
    if (!same) {
        print_error("%s:%d: expected\n%s\nbut saw\n%s\n", file, line, expected, seen);
    }
    memory_free(seen);
    _assert_true(same, "the traffic", file, line);
}
