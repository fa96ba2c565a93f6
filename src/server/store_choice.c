#include "server/store_choice.h"

#include <stdio.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/memory.h"
#include "hub/rule.h"
#include "server/folder_lock.h"
#include "server/redis_settings.h"
#include "server/room_settings.h"
#include "server/store_url.h"
#include "store/store_memory.h"
#include "store/store_redis.h"
#include "store/store_rooms.h"
#include "store/store_sqlite.h"

/* What the configuration says of rooms. */
struct choice_rules {
    struct room_settings_list rooms;
    struct retention usual;
    struct retention_rule *rules; /* one for each of the rooms, and one for theirs */
    size_t count;
    struct slice *others; /* keys of those the usual engine does not keep */
    size_t other_count;
};

struct store_choice {
    struct store *store;
    struct choice_rules rules;
    struct retention_rules retention; /* points into the rules */
    struct retention_guard guard;
    bool durable; /* one of the engines is in the data folder */
    int lock;     /* of the data folder, where none is; -1: none */
};

struct opening {
    const struct config *config;
    const struct log *log;
    uint64_t seed;
    store_wake *wake;
    void *wake_context;
};

static bool is_sqlite(const struct config *config) {
    return store_url_kind(config->store) == STORE_KIND_SQLITE;
}

/* What several servers share is in their Redis, whatever is to be kept of it. */
static bool is_shared(const struct config *config) {
    return store_url_kind(config->store) == STORE_KIND_REDIS;
}

static bool is_durable(const struct config *config, int history) {
    return history == CONFIG_HISTORY_DURABLE && is_sqlite(config);
}

/* Of the settings, 0 is no bound. */
static struct retention to_retention(int history, size_t age_s, size_t count, size_t bytes) {
    struct retention retention = {
        .age_us = age_s > 0 ? (int64_t)age_s * 1000000 : RETENTION_AGE_ALL,
        .count = count > 0 ? count : RETENTION_ALL,
        .bytes = bytes > 0 ? bytes : RETENTION_ALL,
    };

    if (history == CONFIG_HISTORY_NONE)
        retention.count = 0;
    if (history == CONFIG_HISTORY_MEMORY && retention.count > LIMIT_MEMORY_ROOM_ENTRIES)
        retention.count = LIMIT_MEMORY_ROOM_ENTRIES;
    return retention;
}

/* Who may do what must not be forgotten, whatever becomes of what is said: where there is a disk,
 * the rules of rooms are on it, all of them. */
static void keep_rules(struct choice_rules *rules, const struct config *config) {
    rules->rules[rules->count++] = (struct retention_rule){
        .room_key = RULES_ROOM,
        .retention = to_retention(CONFIG_HISTORY_DURABLE, 0, 0, 0),
    };
    if (is_sqlite(config) && !is_durable(config, config->history))
        rules->others[rules->other_count++] = RULES_ROOM;
}

static void close_rules(struct choice_rules *rules) {
    room_settings_close(&rules->rooms);
    memory_free(rules->rules);
    memory_free(rules->others);
    *rules = (struct choice_rules){0};
}

static int read_rules(const struct config *config, struct choice_rules *rules, char *message,
                      size_t size) {
    bool durable = is_durable(config, config->history);
    int error = room_settings_read(config, &rules->rooms, message, size);
    size_t count = rules->rooms.count;

    if (error)
        return error;
    rules->rules = memory_new((count + 1) * sizeof(*rules->rules));
    rules->others = memory_new((count + 1) * sizeof(*rules->others));
    keep_rules(rules, config);
    for (size_t i = 0; i < count; i++) {
        const struct room_settings *room = &rules->rooms.items[i];
        struct slice key = buffer_slice(&room->key);
        rules->rules[rules->count++] = (struct retention_rule){
            .room_key = key,
            .retention = to_retention(room->history, room->retention_age_s, room->retention_count,
                                      room->retention_bytes),
        };
        if (!is_shared(config) && is_durable(config, room->history) != durable)
            rules->others[rules->other_count++] = key;
    }
    rules->usual = to_retention(config->history, config->retention_age_s, config->retention_count,
                                config->retention_bytes);
    return 0;
}

static bool has_key(const struct slice *keys, size_t count, struct slice key) {
    bool found = false;

    for (size_t i = 0; i < count && !found; i++)
        found = slice_equal(keys[i], key);
    return found;
}

/* A key of the first that is not among those of the second; empty: there is none. */
static struct slice moved_room(const struct choice_rules *from, const struct choice_rules *to) {
    for (size_t i = 0; i < from->other_count; i++) {
        if (!has_key(to->others, to->other_count, from->others[i]))
            return from->others[i];
    }
    return SLICE_NONE;
}

static int open_sqlite(const struct store_choice *choice, const struct opening *opening,
                       struct store **store, char *message, size_t size) {
    const struct store_sqlite_options options = {
        .folder = opening->config->data,
        .log = opening->log,
        .retention = &choice->retention,
        .wake = opening->wake,
        .wake_context = opening->wake_context,
    };
    struct buffer text = {0};
    int error = store_sqlite_open(&options, store, &text);

    if (error)
        snprintf(message, size, "%.*s", SLICE_ARGS(buffer_slice(&text)));
    buffer_close(&text);
    return error;
}

static int open_redis(struct store_choice *choice, const struct opening *opening, char *message,
                      size_t size) {
    struct redis_settings settings;
    struct buffer text = {0}, copy = {0};
    int error = redis_settings_open(opening->config, &settings, message, size);

    if (error)
        return error;
    buffer_append_format(&copy, "%s/copy", opening->config->data);
    buffer_append_char(&copy, '\0');
    settings.store.copy_folder = buffer_slice(&copy).data;
    settings.store.log = opening->log;
    settings.store.retention = &choice->retention;
    settings.store.wake = opening->wake;
    settings.store.wake_context = opening->wake_context;
    error = store_redis_open(&settings.store, &choice->store, &text);
    if (error)
        snprintf(message, size, "%.*s", SLICE_ARGS(buffer_slice(&text)));
    buffer_close(&text);
    buffer_close(&copy);
    redis_settings_close(&settings);
    return error;
}

/* The accounts are in the data folder, and the operator's socket. */
static int open_shared(struct store_choice *choice, const struct opening *opening, char *message,
                       size_t size) {
    choice->lock = folder_lock(opening->config->data, message, size);
    return choice->lock < 0 ? choice->lock : open_redis(choice, opening, message, size);
}

static int open_engine(struct store_choice *choice, const struct opening *opening, bool durable,
                       struct store **store, char *message, size_t size) {
    choice->durable = choice->durable || durable;
    if (durable)
        return open_sqlite(choice, opening, store, message, size);
    *store = store_memory_new(&(struct store_memory_options){
        .seed = opening->seed,
        .keep = LIMIT_MEMORY_ROOM_ENTRIES,
        .retention = &choice->retention,
        .wake = opening->wake,
        .wake_context = opening->wake_context,
    });
    return 0;
}

static int open_engines(struct store_choice *choice, const struct opening *opening, char *message,
                        size_t size) {
    bool durable = is_durable(opening->config, opening->config->history);
    struct store *other = NULL;

    if (is_shared(opening->config))
        return open_shared(choice, opening, message, size);
    int error = open_engine(choice, opening, durable, &choice->store, message, size);

    if (error || choice->rules.other_count == 0)
        return error;
    error = open_engine(choice, opening, !durable, &other, message, size);
    if (!error)
        choice->store = store_rooms_new(&(struct store_rooms_options){
            .usual = choice->store,
            .other = other,
            .keys = choice->rules.others,
            .count = choice->rules.other_count,
        });
    return error;
}

static void apply_rules(struct store_choice *choice) {
    const struct choice_rules *rules = &choice->rules;

    retention_replace(&choice->retention, rules->usual, rules->rules, rules->count);
}

int store_choice_open(const struct config *config, const struct log *log, uint64_t seed,
                      store_wake *wake, void *wake_context, struct store_choice **choice,
                      char *message, size_t size) {
    struct store_choice *made = memory_new_struct(struct store_choice);
    struct opening opening = {config, log, seed, wake, wake_context};
    int error = read_rules(config, &made->rules, message, size);

    made->lock = -1;
    pthread_mutex_init(&made->guard.mutex, NULL);
    made->retention.guard = &made->guard;
    if (!error) {
        apply_rules(made);
        error = open_engines(made, &opening, message, size);
    }
    if (error) {
        store_choice_close(made);
        return error;
    }
    *choice = made;
    return 0;
}

bool store_choice_needs_folder(const struct config *config) {
    return is_sqlite(config) || is_shared(config); /* at least for the rules of rooms */
}

struct store *store_choice_store(struct store_choice *choice) {
    return choice->store;
}

int store_choice_check(const struct store_choice *choice, const struct config *config,
                       char *message, size_t size) {
    struct choice_rules fresh = {0};
    int error = read_rules(config, &fresh, message, size);

    if (error)
        return error;
    struct slice moved = moved_room(&choice->rules, &fresh);
    if (moved.length == 0)
        moved = moved_room(&fresh, &choice->rules);
    if (moved.length > 0) {
        snprintf(message, size,
                 "room = %.*s: whether its history is on the disk can only be changed by a restart",
                 SLICE_ARGS(moved));
        error = ERR_BAD_REQUEST;
    }
    close_rules(&fresh);
    return error;
}

void store_choice_configure(struct store_choice *choice, const struct config *config) {
    struct choice_rules fresh = {0}, old = choice->rules;
    char message[256];

    if (read_rules(config, &fresh, message, sizeof(message)) != 0)
        return; /* was not checked */
    choice->rules = fresh;
    apply_rules(choice);
    close_rules(&old);
}

bool store_choice_durable(const struct store_choice *choice) {
    return choice->durable;
}

bool store_choice_has_folder(const struct store_choice *choice) {
    return choice->durable || choice->lock >= 0;
}

void store_choice_close(struct store_choice *choice) {
    if (!choice)
        return;
    if (choice->store)
        choice->store->engine->close(choice->store);
    if (choice->lock >= 0)
        close(choice->lock);
    close_rules(&choice->rules);
    pthread_mutex_destroy(&choice->guard.mutex);
    memory_free(choice);
}
