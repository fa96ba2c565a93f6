#include "hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "hub/client.h"
#include "hub/internal.h"

#define START_US INT64_C(1770000000000000)
#define CONNECTIONS 4096
#define MARKS 64
#define STORED_ROOMS 1200
#define RULES 4096

const struct hub_options world_defaults = {
    .seed = 7,
    .limits.rate_per_minute = 20,
    .max_message = 100,
    .session_linger_s = 120,
    .announce_limit = 3,
    .backlog = 5,
    .ping_ms = 30000,
    .create_rooms = true,
};

static const struct traits traits_of[CLIENT_KINDS] = {
    [PLAIN] = {.lobby_at_open = true,
               .default_room = true,
               .backlog = true,
               .direct = true,
               .lingers = true},
    [V1] = {.backlog = true, .direct = true, .lingers = true},
    [LINE] = {.lobby_when_named = true,
              .default_room = true,
              .direct = true,
              .needs_name = true,
              .lingers = true},
    [NUMBERED] = {.lobby_at_open = true, .default_room = true, .numbered = true},
    [TEXT] = {.lobby_at_open = true, .default_room = true},
    [COMMAND] = {.direct = true, .needs_name = true},
    [HTTP] = {.transient = true},
};

struct words {
    char **items;
    size_t count, capacity;
};

struct link {
    bool open, closing, paused;
    bool asking;          /* the authority has not answered */
    struct words reading; /* room keys */
    struct words asked;   /* cids without an answer */
};

struct stored {
    char *key, *name, *epoch;
    bool followed;
    unsigned elsewhere;
    uint64_t first, last; /* entries from before the test have no text */
    struct words cids;
};

struct marked {
    struct read_mark mark;
    char key[80], names[80];
};

struct world {
    struct hub *hub;
    struct hub_options options;
    struct effects effects;
    int64_t now_us;
    struct link links[CONNECTIONS];
    struct stored rooms[STORED_ROOMS];
    size_t room_count;
    struct marked marks[MARKS];
    size_t mark_count;
    struct entry *rules[RULES]; /* the log of "$rules" */
    size_t rule_count;
    bool reads_rules;
    struct effect *queue;
    size_t queue_start, queue_count, queue_capacity;
    struct buffer transcript;
    bool show_store, fail_follows, fail_signals;
    struct world_hooks hooks;
    int append_error;
    uint64_t ids;
};

static void words_add(struct words *words, struct slice word) {
    if (words->count == words->capacity) {
        words->capacity = words->capacity * 2 + 4;
        words->items = memory_resize(words->items, words->capacity * sizeof(*words->items));
    }
    words->items[words->count++] = memory_copy_string(word);
}

static bool words_remove(struct words *words, struct slice word) {
    for (size_t i = 0; i < words->count; i++) {
        if (slice_equal(slice_of_string(words->items[i]), word)) {
            memory_free(words->items[i]);
            words->items[i] = words->items[--words->count];
            return true;
        }
    }
    return false;
}

static void words_clear(struct words *words) {
    while (words->count > 0) {
        memory_free(words->items[--words->count]);
    }
    memory_free(words->items);
    *words = (struct words){0};
}

static struct stored *stored_find(struct world *world, struct slice key, struct slice name) {
    for (size_t i = 0; i < world->room_count; i++) {
        if (slice_equal(slice_of_string(world->rooms[i].key), key)) {
            return &world->rooms[i];
        }
    }
    assert_true(world->room_count < STORED_ROOMS);
    struct stored *room = &world->rooms[world->room_count++];

    room->key = memory_copy_string(key);
    room->name = memory_copy_string(name);
    room->epoch = memory_copy_string(SLICE("e1"));
    room->first = 1;
    return room;
}

static struct room_head head_of(const struct stored *room) {
    return (struct room_head){.room_key = slice_of_string(room->key),
                              .room_name = slice_of_string(room->name),
                              .epoch = slice_of_string(room->epoch),
                              .first = room->first,
                              .last = room->last,
                              .exists = room->last > 0,
                              .elsewhere = room->elsewhere};
}

struct world *world_new(const struct hub_options *options) {
    struct world *world = memory_new_struct(struct world);

    world->options = options != NULL ? *options : world_defaults;
    world->hub = hub_new(&world->options);
    world->now_us = START_US;
    return world;
}

struct hub *world_hub(struct world *world) {
    return world->hub;
}

int64_t world_now(const struct world *world) {
    return world->now_us;
}

/* The transcript. */

static void write_line(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void write_line(struct world *world, const char *format, ...) {
    char line[4096];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    buffer_append_string(&world->transcript, line);
}

static void write_items(struct world *world, const struct reply *reply, bool counts) {
    buffer_append_string(&world->transcript, " [");
    for (size_t i = 0; i < reply->item_count; i++) {
        const struct reply_item *item = &reply->items[i];

        write_line(world, "%s%.*s", i > 0 ? " " : "", SLICE_ARGS(item->name));
        if (reply->kind == REPLY_WELCOME || reply->kind == REPLY_ROOMS) {
            write_line(world, "/%u", (unsigned)item->last);
        }
        if (counts) {
            write_line(world, "/%u", item->client_count);
        }
        if (item->role > ROLE_MEMBER) {
            write_line(world, "/%s", role_name(item->role));
        }
        if (item->read > 0) {
            write_line(world, "/read %u", (unsigned)item->read);
        }
    }
    buffer_append_string(&world->transcript, "]");
}

static void write_ack(struct world *world, const struct reply *reply) {
    write_line(world, " ack %.*s", SLICE_ARGS(reply->room));
    if (reply->outcome.seq > 0) {
        write_line(world, "#%u", (unsigned)reply->outcome.seq);
    }
    if (reply->outcome.duplicate) {
        write_line(world, " again");
    }
}

static void write_error(struct world *world, const struct reply *reply) {
    write_line(world, " error %s", error_code(reply->error));
    if (reply->room.length > 0) {
        write_line(world, " %.*s", SLICE_ARGS(reply->room));
    }
    if (reply->retry_ms > 0) {
        write_line(world, " retry %u", reply->retry_ms);
    }
    if (!slice_equal(reply->text, slice_of_string(error_text(reply->error)))) {
        write_line(world, " (%.*s)", SLICE_ARGS(reply->text));
    }
}

static void write_joined(struct world *world, const struct reply *reply) {
    write_line(world, " joined %.*s %u..%u of %u", SLICE_ARGS(reply->room), (unsigned)reply->first,
               (unsigned)reply->last, reply->client_count);
    if (reply->topic.length > 0) {
        write_line(world, " about %.*s", SLICE_ARGS(reply->topic));
    }
    if (reply->read > 0) {
        write_line(world, " read %u", (unsigned)reply->read);
    }
}

static void write_rules(struct world *world, const struct reply *reply) {
    const struct reply_rules *rules = reply->rules;

    write_line(world, " rules %.*s: %.*s, %.*s%s%s", SLICE_ARGS(reply->room),
               SLICE_ARGS(rules->access), SLICE_ARGS(rules->posting),
               rules->registered_only ? ", registered only" : "",
               rules->topic_lock ? ", topic locked" : "");
    if (rules->slow_s > 0) {
        write_line(world, ", slow %u", rules->slow_s);
    }
    for (size_t i = 0; i < rules->count; i++) {
        const struct reply_rule *item = &rules->items[i];

        write_line(world, ", %.*s %.*s%.*s%s%.*s", SLICE_ARGS(item->kind), SLICE_ARGS(item->name),
                   SLICE_ARGS(item->address), item->role.length > 0 ? " " : "",
                   SLICE_ARGS(item->role));
    }
    write_line(world, "%s", reply->more ? ", …" : "");
}

static void write_reply(struct world *world, uint64_t connection, const struct reply *reply) {
    write_line(world, "%u", (unsigned)connection);
    switch (reply->kind) {
    case REPLY_CONNECTED:
        assert_int_equal(reply->timestamp_us, world->now_us);
        write_line(world, " connected %.*s %u", SLICE_ARGS(reply->room), reply->client_count);
        break;
    case REPLY_WELCOME:
        write_line(world, " welcome '%.*s' %.*s", SLICE_ARGS(reply->name),
                   SLICE_ARGS(reply->session));
        write_items(world, reply, false);
        break;
    case REPLY_NAMED:
        write_line(world, " %s %.*s", reply->greeting ? "greeted" : "named",
                   SLICE_ARGS(reply->name));
        break;
    case REPLY_ACK:
        write_ack(world, reply);
        break;
    case REPLY_JOINED:
        write_joined(world, reply);
        break;
    case REPLY_GAP:
        write_line(world, " gap %.*s %.*s after %u first %u %.*s", SLICE_ARGS(reply->room),
                   SLICE_ARGS(reply->epoch), (unsigned)reply->after, (unsigned)reply->first,
                   SLICE_ARGS(reply->reason));
        break;
    case REPLY_ROOMS:
        write_line(world, " rooms");
        write_items(world, reply, true);
        break;
    case REPLY_MEMBERS:
        write_line(world, " members %.*s", SLICE_ARGS(reply->room));
        write_items(world, reply, false);
        break;
    case REPLY_NAMES:
        write_line(world, " names");
        write_items(world, reply, false);
        break;
    case REPLY_TOKEN:
        write_line(world, " token %.*s", SLICE_ARGS(reply->session));
        break;
    case REPLY_TICKET:
        write_line(world, " ticket %.*s", SLICE_ARGS(reply->session));
        break;
    case REPLY_READ:
        write_line(world, " read %.*s up to %u", SLICE_ARGS(reply->room), (unsigned)reply->read);
        break;
    case REPLY_NOTICE:
        write_line(world, " notice %.*s", SLICE_ARGS(reply->text));
        break;
    case REPLY_RULES:
        write_rules(world, reply);
        break;
    case REPLY_ERROR:
        write_error(world, reply);
        break;
    default:
        fail_msg("the hub made a reply that delivery makes");
    }
    if (reply->cid.length > 0) {
        write_line(world, " <%.*s>", SLICE_ARGS(reply->cid));
    }
    write_line(world, "\n");
}

static const char *side_word(enum side side) {
    return side == SIDE_PUBLIC ? "" : side == SIDE_FIRST ? " first" : " second";
}

static void write_entry(struct world *world, const struct effect *effect) {
    const struct entry *entry = effect->show.entry;

    write_line(world, "%.*s: %.*s: %.*s #%u%s\n", SLICE_ARGS(effect->room),
               SLICE_ARGS(entry->body.sender), SLICE_ARGS(entry->body.content),
               (unsigned)entry->seq, side_word(effect->show.author));
}

static void write_signal(struct world *world, const struct effect *effect) {
    static const char *const words[] = {
        [SIGNAL_JOINED] = "joined", [SIGNAL_LEFT] = "left",     [SIGNAL_RENAMED] = "renamed",
        [SIGNAL_COUNT] = "count",   [SIGNAL_TYPING] = "typing", [SIGNAL_BINARY] = "binary",
        [SIGNAL_NOTICE] = "notice"};
    const struct signal *signal = effect->signal;

    assert_true(signal->kind != SIGNAL_FENCE);
    write_line(world, "%.*s: %s", SLICE_ARGS(effect->room), words[signal->kind]);
    if (signal->name.length > 0) {
        write_line(world, " %.*s", SLICE_ARGS(signal->name));
    }
    if (signal->former.length > 0) {
        write_line(world, " from %.*s", SLICE_ARGS(signal->former));
    }
    if (signal->payload.length > 0) {
        write_line(world, " %.*s", SLICE_ARGS(signal->payload));
    }
    write_line(world, " %u\n", signal->client_count);
}

/* What must always hold of what goes to a connection. */

static struct link *link_of(struct world *world, uint64_t connection) {
    assert_true(connection > 0 && connection < CONNECTIONS);
    struct link *link = &world->links[connection];

    assert_true(link->open);
    assert_false(link->closing);
    return link;
}

static void check_reply(struct link *link, const struct reply *reply) {
    if (reply->cid.length > 0 && !words_remove(&link->asked, reply->cid)) {
        fail_msg("a second answer to %.*s", SLICE_ARGS(reply->cid));
    }
}

static void take_subscribe(struct world *world, const struct effect *effect) {
    struct link *link = link_of(world, effect->connection);

    if (words_remove(&link->reading, effect->room_key)) {
        fail_msg("reads %.*s twice", SLICE_ARGS(effect->room));
    }
    words_add(&link->reading, effect->room_key);
    assert_true(effect->subscribe.next >= 1);
    assert_true(effect->subscribe.next <= effect->subscribe.last + 1);
    write_line(world, "%u reads %.*s from %u%s%s\n", (unsigned)effect->connection,
               SLICE_ARGS(effect->room), (unsigned)effect->subscribe.next,
               effect->subscribe.live_reply ? " live" : "", side_word(effect->subscribe.side));
}

static void take_unsubscribe(struct world *world, const struct effect *effect) {
    struct link *link = link_of(world, effect->connection);

    assert_true(words_remove(&link->reading, effect->room_key));
    write_line(world, "%u stops %.*s\n", (unsigned)effect->connection,
               SLICE_ARGS(effect->room_key));
}

static void take_read(struct world *world, const struct effect *effect) {
    struct link *link = link_of(world, effect->connection);

    if (effect->read.cid.length > 0) {
        assert_true(words_remove(&link->asked, effect->read.cid));
    }
    write_line(world, "%u history %.*s", (unsigned)effect->connection, SLICE_ARGS(effect->room));
    if (effect->read.has_after) {
        write_line(world, " after %u", (unsigned)effect->read.after);
    }
    write_line(world, " before %u limit %u%s\n", (unsigned)effect->read.before, effect->read.limit,
               effect->read.exists ? "" : " if it exists");
}

static void take_search(struct world *world, const struct effect *effect) {
    const struct search_query *query = &effect->search.query;
    struct link *link = link_of(world, effect->connection);

    if (effect->search.cid.length > 0) {
        assert_true(words_remove(&link->asked, effect->search.cid));
    }
    write_line(world, "%u search '%.*s' in%s", (unsigned)effect->connection,
               SLICE_ARGS(query->text), query->public_rooms ? " public rooms" : "");
    for (size_t i = 0; i < query->room_count; i++) {
        write_line(world, " %.*s", SLICE_ARGS(query->rooms[i].name));
    }
    for (size_t i = 0; i < query->excluded_count; i++) {
        write_line(world, " but not %.*s", SLICE_ARGS(query->excluded[i]));
    }
    write_line(world, "\n");
}

static void take_audit(struct world *world, const struct effect *effect) {
    struct link *link = link_of(world, effect->connection);

    if (effect->audit.cid.length > 0) {
        assert_true(words_remove(&link->asked, effect->audit.cid));
    }
    write_line(world, "%u audit %.*s%s before %u\n", (unsigned)effect->connection,
               SLICE_ARGS(effect->audit.room), effect->audit.all ? "everything" : "",
               (unsigned)effect->audit.before);
}

static void take_close(struct world *world, const struct effect *effect) {
    struct link *link = link_of(world, effect->connection);

    assert_int_equal(link->asked.count, 0);
    link->closing = true;
    write_line(world, "%u close %u\n", (unsigned)effect->connection, effect->close_code);
}

static void take_pause(struct world *world, const struct effect *effect) {
    struct link *link = link_of(world, effect->connection);
    bool pause = effect->kind == EFFECT_PAUSE;

    assert_true(link->paused != pause);
    link->paused = pause;
    write_line(world, "%u %s\n", (unsigned)effect->connection, pause ? "pause" : "resume");
}

/* At once, so that it is there after whatever happens next. */
static void remember_mark(struct world *world, const struct read_mark *mark) {
    struct marked *marked = &world->marks[world->mark_count++];

    assert_true(world->mark_count <= MARKS);
    marked->mark = *mark;
    snprintf(marked->key, sizeof(marked->key), "%.*s", SLICE_ARGS(mark->room_key));
    marked->mark.room_key = slice_of_string(marked->key);
    snprintf(marked->names, sizeof(marked->names), "%.*s", SLICE_ARGS(mark->names));
    marked->mark.names = slice_of_string(marked->names);
}

static struct slice own(struct slice s) {
    return slice_of_string(memory_copy_string(s));
}

static void keep_for_nodes(const struct effect *effect, struct effect *kept) {
    if (effect->kind == EFFECT_SHARE) {
        kept->share.signal = signal_new(effect->share.signal);
    } else if (effect->kind == EFFECT_CLAIM || effect->kind == EFFECT_RELEASE) {
        kept->claim.folded = own(effect->claim.folded);
        kept->claim.shown = own(effect->claim.shown);
    } else if (effect->kind == EFFECT_CALL) {
        kept->call.room_key = own(effect->call.room_key);
        kept->call.from_name = own(effect->call.from_name);
        kept->call.to_name = own(effect->call.to_name);
    }
}

static void drop_for_nodes(struct effect *effect) {
    if (effect->kind == EFFECT_SHARE) {
        signal_free((struct signal *)effect->share.signal);
    } else if (effect->kind == EFFECT_CLAIM || effect->kind == EFFECT_RELEASE) {
        memory_free((char *)effect->claim.folded.data);
        memory_free((char *)effect->claim.shown.data);
    } else if (effect->kind == EFFECT_CALL) {
        memory_free((char *)effect->call.room_key.data);
        memory_free((char *)effect->call.from_name.data);
        memory_free((char *)effect->call.to_name.data);
    } else if (effect->kind == EFFECT_GATHER) {
        memory_free((char *)effect->list.cid.data);
    }
}

static void keep_for_store(struct world *world, struct effect *effect) {
    static const char *const words[] = {
        [EFFECT_FOLLOW] = "follow", [EFFECT_UNFOLLOW] = "unfollow", [EFFECT_APPEND] = "append",
        [EFFECT_SIGNAL] = "signal", [EFFECT_LIST] = "list",         [EFFECT_ERASE] = "erase",
        [EFFECT_MARK] = "mark",     [EFFECT_RECALL] = "recall",     [EFFECT_REPLAY] = "replay",
        [EFFECT_SHARE] = "share",   [EFFECT_CLAIM] = "claim",       [EFFECT_RELEASE] = "release",
        [EFFECT_GATHER] = "gather", [EFFECT_CALL] = "call"};
    struct effect kept = *effect;

    if (world->show_store) {
        write_line(world, "store %s %.*s\n", words[effect->kind], SLICE_ARGS(effect->room));
    }
    if (effect->kind == EFFECT_APPEND) {
        effect->draft = NULL;
    } else if (effect->kind == EFFECT_SIGNAL) {
        effect->signal = NULL;
    } else if (effect->kind == EFFECT_LIST || effect->kind == EFFECT_GATHER) {
        kept.list.cid = slice_of_string(memory_copy_string(effect->list.cid));
    } else if (effect->kind == EFFECT_MARK) {
        remember_mark(world, &effect->mark);
        if (world->hooks.marked != NULL) {
            world->hooks.marked(world->hooks.context, world, &effect->mark);
        }
    } else {
        keep_for_nodes(effect, &kept);
    }
    kept.room_key = slice_of_string(memory_copy_string(effect->room_key));
    kept.room = slice_of_string(memory_copy_string(effect->room));
    if (world->queue_count == world->queue_capacity) {
        world->queue_capacity = world->queue_capacity * 2 + 16;
        world->queue = memory_resize(world->queue, world->queue_capacity * sizeof(kept));
    }
    world->queue[world->queue_count++] = kept;
}

static void take_question(struct world *world, const struct effect *effect) {
    static const char *const words[] = {[CREDENTIAL_PASSWORD] = "password of",
                                        [CREDENTIAL_TOKEN] = "token",
                                        [CREDENTIAL_TICKET] = "ticket",
                                        [CREDENTIAL_HOOK] = "hook"};
    const struct credential *credential = &effect->authenticate.credential;
    struct link *link = link_of(world, effect->connection);

    assert_false(link->asking);
    link->asking = true;
    write_line(world, "%u shows %s %.*s%s'%.*s'%s\n", (unsigned)effect->connection,
               words[credential->kind], SLICE_ARGS(credential->name),
               credential->name.length > 0 ? " " : "", SLICE_ARGS(credential->secret),
               effect->authenticate.wants_ticket ? " for a ticket" : "");
}

static void take_effect(struct world *world, struct effect *effect) {
    switch (effect->kind) {
    case EFFECT_SHOW_ENTRY:
        write_entry(world, effect);
        break;
    case EFFECT_SHOW_SIGNAL:
        write_signal(world, effect);
        break;
    case EFFECT_REPLY:
        check_reply(link_of(world, effect->connection), &effect->reply);
        write_reply(world, effect->connection, &effect->reply);
        break;
    case EFFECT_SUBSCRIBE:
        take_subscribe(world, effect);
        break;
    case EFFECT_UNSUBSCRIBE:
        take_unsubscribe(world, effect);
        break;
    case EFFECT_READ:
        take_read(world, effect);
        break;
    case EFFECT_SEARCH:
        take_search(world, effect);
        break;
    case EFFECT_PAUSE:
    case EFFECT_RESUME:
        take_pause(world, effect);
        break;
    case EFFECT_CLOSE:
        take_close(world, effect);
        break;
    case EFFECT_AUDIT:
        take_audit(world, effect);
        break;
    case EFFECT_AUTHENTICATE:
        take_question(world, effect);
        break;
    default:
        keep_for_store(world, effect);
    }
}

static void step(struct world *world, struct event *event) {
    event->now_us = world->now_us;
    hub_step(world->hub, event, &world->effects);
    for (size_t i = 0; i < world->effects.count; i++) {
        take_effect(world, &world->effects.items[i]);
    }
    effects_clear(&world->effects);
}

/* The store. */

static void follow(struct world *world, struct effect *effect) {
    struct stored *room = stored_find(world, effect->room_key, effect->room);
    struct event event = {.kind = EVENT_FOLLOWED, .followed = {.head = head_of(room)}};

    if (world->fail_follows) {
        event.followed.error = ERR_UNAVAILABLE;
        event.followed.head = (struct room_head){.room_key = slice_of_string(room->key)};
    } else {
        room->followed = true;
    }
    step(world, &event);
}

static bool words_hold(const struct words *words, struct slice word) {
    bool found = false;

    for (size_t i = 0; i < words->count && !found; i++) {
        found = slice_equal(slice_of_string(words->items[i]), word);
    }
    return found;
}

static void keep_rule(struct world *world, const struct stored *room, struct entry *entry) {
    if (strcmp(room->key, "$rules") == 0) {
        assert_true(world->rule_count < RULES);
        world->rules[world->rule_count++] = entry_ref(entry);
    }
}

static void append(struct world *world, struct effect *effect) {
    struct draft *draft = effect->draft;
    struct stored *room = stored_find(world, draft->room_key, draft->room_name);
    struct event event = {.kind = EVENT_APPENDED, .appended = {.draft = draft}};
    struct outcome *outcome = &event.appended.outcome;
    struct slice cid = draft->body.cid;

    outcome->error = world->append_error;
    if (outcome->error == 0 && cid.length > 0 && words_hold(&room->cids, cid)) {
        outcome->duplicate = true;
    } else if (outcome->error == 0 && draft->known_only) {
        outcome->error = ERR_RATE_LIMITED;
    } else if (outcome->error == 0) {
        words_add(&room->cids, cid);
        outcome->seq = ++room->last;
        outcome->timestamp_us = draft->proposed_us;
        snprintf(outcome->id, sizeof(outcome->id), "%026u", (unsigned)++world->ids);
    }
    struct entry *entry = entry_new(&draft->body, outcome->seq, outcome->timestamp_us, outcome->id);

    if (outcome->error == 0 && !outcome->duplicate) {
        keep_rule(world, room, entry);
    }

    step(world, &event);
    if (outcome->error == 0 && !outcome->duplicate && world->hooks.appended != NULL) {
        world->hooks.appended(world->hooks.context, world, draft, entry);
    }
    if (outcome->error == 0 && !outcome->duplicate && room->followed) {
        struct event committed = {
            .kind = EVENT_COMMITTED,
            .committed = {.room_key = slice_of_string(room->key), .entries = &entry, .count = 1}};

        step(world, &committed);
    }
    entry_unref(entry);
    draft_free(draft);
}

static void signal_back(struct world *world, struct effect *effect) {
    struct event event = {.kind = EVENT_SIGNALLED,
                          .signalled = {.error = world->fail_signals ? ERR_UNAVAILABLE : 0,
                                        .signal = effect->signal}};

    step(world, &event);
    signal_free(effect->signal);
}

static int by_name(const void *a, const void *b) {
    return slice_compare(((const struct room_head *)a)->room_name,
                         ((const struct room_head *)b)->room_name);
}

static void list(struct world *world, struct effect *effect) {
    struct room_head heads[STORED_ROOMS];
    struct event event = {
        .kind = EVENT_LISTED,
        .listed = {.origin = effect->list.origin, .cid = effect->list.cid, .heads = heads}};

    for (size_t i = 0; i < world->room_count; i++) {
        if (world->rooms[i].last > 0 && strchr("@$", world->rooms[i].key[0]) == NULL) {
            heads[event.listed.count++] = head_of(&world->rooms[i]);
        }
    }
    qsort(heads, event.listed.count, sizeof(heads[0]), by_name);
    step(world, &event);
    memory_free((char *)effect->list.cid.data);
}

static void recall(struct world *world, const struct effect *effect) {
    struct read_mark marks[MARKS];
    struct event event = {.kind = EVENT_RECALLED,
                          .recalled = {.identity = effect->mark.identity, .marks = marks}};

    for (size_t i = 0; i < world->mark_count; i++) {
        if (identity_equal(&world->marks[i].mark.identity, &effect->mark.identity)) {
            marks[event.recalled.count++] = world->marks[i].mark;
        }
    }
    step(world, &event);
}

static void replay(struct world *world, const struct effect *effect) {
    struct event event = {.kind = EVENT_REPLAYED,
                          .replayed = {.entries = world->rules + effect->replay.after,
                                       .count = world->rule_count - effect->replay.after,
                                       .last = world->rule_count}};

    step(world, &event);
}

void world_read_rules(struct world *world) {
    struct event event = {.kind = EVENT_STARTED};

    world->reads_rules = true;
    step(world, &event);
}

bool world_settle_one(struct world *world) {
    if (world->queue_start == world->queue_count) {
        world->queue_start = world->queue_count = 0;
        return false;
    }
    struct effect effect = world->queue[world->queue_start++];

    switch (effect.kind) {
    case EFFECT_FOLLOW:
        follow(world, &effect);
        break;
    case EFFECT_APPEND:
        append(world, &effect);
        break;
    case EFFECT_SIGNAL:
        signal_back(world, &effect);
        break;
    case EFFECT_LIST:
        list(world, &effect);
        break;
    case EFFECT_UNFOLLOW:
        stored_find(world, effect.room_key, effect.room)->followed = false;
        break;
    case EFFECT_MARK: /* see keep_for_store */
        break;
    case EFFECT_RECALL:
        recall(world, &effect);
        break;
    case EFFECT_REPLAY:
        replay(world, &effect);
        break;
    case EFFECT_ERASE:
        stored_find(world, effect.room_key, effect.room)->last = 0;
        break;
    case EFFECT_SHARE:
    case EFFECT_CLAIM:
    case EFFECT_RELEASE:
    case EFFECT_GATHER:
    case EFFECT_CALL:
        assert_non_null(world->hooks.shared);
        world->hooks.shared(world->hooks.context, world, &effect);
        drop_for_nodes(&effect);
        break;
    default:
        fail();
    }
    memory_free((char *)effect.room_key.data);
    memory_free((char *)effect.room.data);
    return true;
}

size_t world_under_way(const struct world *world) {
    size_t count = 0;

    for (size_t i = world->queue_start; i < world->queue_count; i++) {
        const struct effect *effect = &world->queue[i];

        count += effect->kind == EFFECT_APPEND || effect->kind == EFFECT_LIST ||
                 (effect->kind == EFFECT_SIGNAL && effect->signal->origin.session != 0);
    }
    return count;
}

void world_settle(struct world *world) {
    while (world_settle_one(world)) {
    }
}

void world_pass(struct world *world, int64_t us) {
    struct event tick = {.kind = EVENT_TICK};

    world->now_us += us;
    step(world, &tick);
}

void world_fail_follows(struct world *world, bool fails) {
    world->fail_follows = fails;
}

void world_fail_appends(struct world *world, int error) {
    world->append_error = error;
}

void world_fail_signals(struct world *world, bool fails) {
    world->fail_signals = fails;
}

void world_show_store(struct world *world, bool show) {
    world->show_store = show;
}

static void drop_queued(struct effect *effect) {
    if (effect->kind == EFFECT_APPEND) {
        draft_free(effect->draft);
    } else if (effect->kind == EFFECT_SIGNAL) {
        signal_free(effect->signal);
    } else if (effect->kind == EFFECT_LIST) {
        memory_free((char *)effect->list.cid.data);
    }
    drop_for_nodes(effect);
    memory_free((char *)effect->room_key.data);
    memory_free((char *)effect->room.data);
}

void world_set_hooks(struct world *world, const struct world_hooks *hooks) {
    world->hooks = *hooks;
}

void world_step(struct world *world, struct event *event) {
    step(world, event);
}

void world_learn(struct world *world, struct slice room_key, struct slice room_name,
                 struct entry *entry) {
    struct stored *room = stored_find(world, room_key, room_name);
    struct event committed = {
        .kind = EVENT_COMMITTED,
        .committed = {.room_key = slice_of_string(room->key), .entries = &entry, .count = 1}};

    room->last = entry->seq;
    words_add(&room->cids, entry->body.cid);
    keep_rule(world, room, entry);
    if (room->followed) {
        step(world, &committed);
    }
}

void world_learn_mark(struct world *world, const struct read_mark *mark) {
    remember_mark(world, mark);
}

void world_set_elsewhere(struct world *world, struct slice room_key, unsigned count) {
    stored_find(world, room_key, room_key)->elsewhere = count;
}

void world_restart(struct world *world) {
    for (size_t i = 0; i < CONNECTIONS; i++) {
        words_clear(&world->links[i].reading);
        words_clear(&world->links[i].asked);
        world->links[i] = (struct link){0};
    }
    while (world->queue_start < world->queue_count) {
        drop_queued(&world->queue[world->queue_start++]);
    }
    for (size_t i = 0; i < world->room_count; i++) {
        world->rooms[i].followed = false;
    }
    hub_free(world->hub);
    world->hub = hub_new(&world->options);
    if (world->reads_rules) {
        world_read_rules(world);
    }
}

void world_fill(struct world *world, const char *room, uint64_t first, uint64_t last) {
    struct stored *stored = stored_find(world, slice_of_string(room), slice_of_string(room));

    stored->first = first;
    stored->last = last;
}

void world_restore(struct world *world, const char *room, const char *epoch, uint64_t last) {
    struct stored *stored = stored_find(world, slice_of_string(room), slice_of_string(room));

    if (!stored->followed) {
        return;
    }
    memory_free(stored->epoch);
    stored->epoch = memory_copy_string(slice_of_string(epoch));
    stored->last = last;
    stored->first = stored->first > last + 1 ? last + 1 : stored->first;
    struct event event = {.kind = EVENT_FOLLOWED, .followed = {.head = head_of(stored)}};

    step(world, &event);
}

void world_trim(struct world *world, const char *room, uint64_t first) {
    struct stored *stored = stored_find(world, slice_of_string(room), slice_of_string(room));
    struct event event = {.kind = EVENT_TRIMMED,
                          .trimmed = {.room_key = slice_of_string(room), .first = first}};

    stored->first = first;
    step(world, &event);
}

void world_commit_again(struct world *world, const char *room) {
    struct stored *stored = stored_find(world, slice_of_string(room), slice_of_string(room));
    struct entry_body body = {.content = SLICE("again")};
    struct entry *entry = entry_new(&body, stored->last, world->now_us, "");
    struct event event = {
        .kind = EVENT_COMMITTED,
        .committed = {.room_key = slice_of_string(stored->key), .entries = &entry, .count = 1}};

    step(world, &event);
    entry_unref(entry);
}

void world_signal_from_afar(struct world *world, const char *room, enum signal_kind kind,
                            const char *name) {
    struct signal from = {.kind = kind,
                          .room_key = slice_of_string(room),
                          .room_name = slice_of_string(room),
                          .name = slice_of_string(name)};
    struct event event = {.kind = EVENT_SIGNALLED, .signalled = {.signal = signal_new(&from)}};

    step(world, &event);
    signal_free(event.signalled.signal);
}

/* Connections. */

struct identity world_identity(uint64_t connection) {
    struct identity identity = {{0}};

    memcpy(identity.bytes, &connection, sizeof(connection));
    identity.bytes[IDENTITY_SIZE - 1] = 1;
    return identity;
}

static struct event opened(uint64_t connection, enum client_kind kind) {
    struct event event = {
        .kind = EVENT_OPENED,
        .connection = connection,
        .opened = {.traits = traits_of[kind], .identity = world_identity(connection)}};

    snprintf(event.opened.secret, sizeof(event.opened.secret), "secret-of-%u",
             (unsigned)connection);
    return event;
}

void world_open(struct world *world, uint64_t connection, enum client_kind kind) {
    struct event event = opened(connection, kind);

    assert_true(connection < CONNECTIONS && !world->links[connection].open);
    world->links[connection].open = true;
    step(world, &event);
}

void world_open_from(struct world *world, uint64_t connection, enum client_kind kind,
                     const char *address) {
    struct event event = opened(connection, kind);

    event.opened.address = slice_of_string(address);
    world->links[connection].open = true;
    step(world, &event);
}

void world_open_with(struct world *world, uint64_t connection, enum client_kind kind,
                     const char *token) {
    struct event event = opened(connection, kind);

    event.opened.credential =
        (struct credential){.kind = CREDENTIAL_TOKEN, .secret = slice_of_string(token)};
    world->links[connection].open = true;
    step(world, &event);
}

/* The authority. */

struct identity world_account_identity(const char *name) {
    struct identity identity = {{0}};

    memcpy(identity.bytes, name, strnlen(name, IDENTITY_SIZE - 1));
    identity.bytes[IDENTITY_SIZE - 1] = 2;
    return identity;
}

struct principal world_principal(const char *name) {
    return (struct principal){.identity = world_account_identity(name),
                              .name = slice_of_string(name),
                              .role = ROLE_MEMBER};
}

static void tell_account(struct world *world, const char *name, enum role role, bool gone) {
    struct event event = {.kind = EVENT_ACCOUNT,
                          .account = {.identity = world_account_identity(name),
                                      .name = slice_of_string(name),
                                      .role = role,
                                      .gone = gone}};

    step(world, &event);
}

void world_tell_account(struct world *world, const char *name, enum role role) {
    tell_account(world, name, role, false);
}

void world_remove_account(struct world *world, const char *name) {
    tell_account(world, name, ROLE_MEMBER, true);
}

void world_revoke(struct world *world, const struct identity *identity,
                  const struct identity *device) {
    struct event event = {.kind = EVENT_REVOKED,
                          .revoked = {.identity = *identity, .device = *device}};

    step(world, &event);
}

void world_configure(struct world *world, const struct hub_options *options) {
    struct event event = {.kind = EVENT_CONFIGURED, .configured = options};

    step(world, &event);
}

bool world_is_asking(const struct world *world, uint64_t connection) {
    return world->links[connection].asking;
}

static void answer_question(struct world *world, struct event *event) {
    assert_true(world->links[event->connection].asking);
    world->links[event->connection].asking = false;
    step(world, event);
}

void world_vouch(struct world *world, uint64_t connection, const struct principal *principal) {
    struct event event = {.kind = EVENT_AUTHENTICATED,
                          .connection = connection,
                          .authenticated = {.principal = *principal}};

    answer_question(world, &event);
}

void world_deny(struct world *world, uint64_t connection, int error) {
    struct event event = {
        .kind = EVENT_AUTHENTICATED, .connection = connection, .authenticated = {.error = error}};

    answer_question(world, &event);
}

/* After its goodbye, or when it was replaced, a client is not listened to any more. */
static bool is_heeded(const struct world *world, uint64_t connection) {
    const struct client *client = id_map_find(world->hub->clients, connection);

    return client != NULL && client->state == CLIENT_LIVE;
}

void world_ask(struct world *world, uint64_t connection, struct request request) {
    struct event event = {.kind = EVENT_REQUEST, .connection = connection, .request = &request};
    struct link *link = &world->links[connection];

    if (request.cid.length > 0 && is_heeded(world, connection)) {
        words_add(&link->asked, request.cid);
    }
    step(world, &event);
}

void world_close(struct world *world, uint64_t connection, bool lost) {
    struct event event = {.kind = EVENT_CLOSED, .connection = connection, .closed = {.lost = lost}};
    struct link *link = &world->links[connection];

    words_clear(&link->reading);
    words_clear(&link->asked);
    *link = (struct link){.asking = link->asking};
    step(world, &event);
}

bool world_is_paused(const struct world *world, uint64_t connection) {
    return world->links[connection].paused;
}

bool world_is_open(const struct world *world, uint64_t connection) {
    return world->links[connection].open && !world->links[connection].closing;
}

void world_end(struct world *world) {
    for (uint64_t connection = 1; connection < CONNECTIONS; connection++) {
        if (world->links[connection].open) {
            world_close(world, connection, true);
        }
        if (world->links[connection].asking) {
            world_deny(world, connection, ERR_UNAVAILABLE);
        }
    }
    world_settle(world);
    world_pass(world, INT64_C(3600000000));
    world_settle(world);
}

void world_free(struct world *world) {
    world_end(world);
    assert_int_equal(hub_client_count(world->hub), 0);
    assert_int_equal(hub_session_count(world->hub), 0);
    assert_int_equal(hub_room_count(world->hub), 0);
    for (size_t i = 0; i < world->room_count; i++) {
        assert_true(!world->rooms[i].followed || world->rooms[i].key[0] == '$');
        memory_free(world->rooms[i].key);
        memory_free(world->rooms[i].name);
        memory_free(world->rooms[i].epoch);
        words_clear(&world->rooms[i].cids);
    }
    while (world->rule_count > 0) {
        entry_unref(world->rules[--world->rule_count]);
    }
    memory_free(world->queue);
    buffer_close(&world->transcript);
    effects_close(&world->effects);
    hub_free(world->hub);
    memory_free(world);
}

void world_expect(struct world *world, const char *expected, const char *file, int line) {
    char *seen = memory_copy_string(buffer_slice(&world->transcript));
    bool same = strcmp(seen, expected) == 0;

    buffer_clear(&world->transcript);
    if (!same) {
        print_error("%s:%d: expected\n%s\nbut saw\n%s\n", file, line, expected, seen);
    }
    memory_free(seen);
    _assert_true(same, "the transcript", file, line);
}

void world_forget(struct world *world) {
    buffer_clear(&world->transcript);
}

void world_copy(const struct world *world, char *text, size_t size) {
    snprintf(text, size, "%.*s", SLICE_ARGS(buffer_slice(&world->transcript)));
}

bool world_saw(const struct world *world, const char *text) {
    char *seen = memory_copy_string(buffer_slice(&world->transcript));
    bool found = strstr(seen, text) != NULL;

    memory_free(seen);
    return found;
}

void say(struct world *world, uint64_t connection, const char *content) {
    ask(world, connection, .kind = REQUEST_PUBLISH, .content = slice_of_string(content));
}

void say_as(struct world *world, uint64_t connection, const char *sender, const char *content) {
    ask(world, connection, .kind = REQUEST_PUBLISH, .sender = slice_of_string(sender),
        .content = slice_of_string(content));
}

void tell(struct world *world, uint64_t connection, const char *to, const char *content) {
    ask(world, connection, .kind = REQUEST_PUBLISH, .to = slice_of_string(to),
        .content = slice_of_string(content));
}

void call(struct world *world, uint64_t connection, const char *name) {
    ask(world, connection, .kind = REQUEST_NAME, .name = slice_of_string(name));
}

void hello(struct world *world, uint64_t connection, const char *name) {
    ask(world, connection, .kind = REQUEST_HELLO, .name = slice_of_string(name));
}

void come_back(struct world *world, uint64_t connection, uint64_t whose, const char *name) {
    char secret[48];

    snprintf(secret, sizeof(secret), "secret-of-%u", (unsigned)whose);
    ask(world, connection, .kind = REQUEST_HELLO, .name = slice_of_string(name),
        .session = slice_of_string(secret), .session_identity = world_identity(whose));
}

void log_in(struct world *world, uint64_t connection, const char *name) {
    struct principal principal = world_principal(name);

    ask(world, connection, .kind = REQUEST_HELLO,
        .credential = {
            .kind = CREDENTIAL_PASSWORD, .name = slice_of_string(name), .secret = SLICE("right")});
    world_vouch(world, connection, &principal);
}

void join(struct world *world, uint64_t connection, const char *room, const char *cid) {
    ask(world, connection, .kind = REQUEST_JOIN, .room = slice_of_string(room),
        .cid = slice_of_string(cid));
}

void leave(struct world *world, uint64_t connection, const char *room, const char *cid) {
    ask(world, connection, .kind = REQUEST_LEAVE, .room = slice_of_string(room),
        .cid = slice_of_string(cid));
}

void quit(struct world *world, uint64_t connection) {
    ask(world, connection, .kind = REQUEST_QUIT, .close_code = 1000);
}
