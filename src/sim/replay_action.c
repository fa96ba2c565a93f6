/* What happens to the server, to its store, to connections and to time. */
#include "base/timestamp.h"
#include "sim/authority.h"
#include "sim/replay.h"
#include "store/store_memory.h"

struct action {
    struct slice name;
    /* `rest` is what follows the name; the action takes what it knows, and all must be taken. */
    bool (*run)(struct replay *replay, struct slice *rest);
};

static struct slice word(struct slice *rest) {
    *rest = slice_trim(*rest);
    return slice_cut(rest, ' ');
}

static bool number(struct replay *replay, struct slice text, uint64_t *value) {
    return slice_to_u64(text, value) ||
           replay_fail(replay, "a number should stand here, not \"%.*s\"", SLICE_ARGS(text));
}

static struct replay_client *client(struct replay *replay, struct slice *rest) {
    struct slice name = word(rest);
    struct replay_client *found = replay_find_client(replay, name);
    if (!found) {
        replay_fail(replay, "there is no client \"%.*s\"", SLICE_ARGS(name));
    }
    return found;
}

static bool set(struct replay *replay, struct slice *rest) {
    struct slice name = word(rest), text = word(rest);
    uint64_t value = slice_equal(text, SLICE("on"));
    if (replay->server.store) {
        return replay_fail(replay, "a setting must stand before the first client");
    }
    if (slice_equal(name, SLICE("auth"))) {
        value = slice_equal(text, SLICE("required")) ? AUTH_REQUIRED : AUTH_OPEN;
    } else if (!slice_equal(text, SLICE("on")) && !slice_equal(text, SLICE("off")) &&
               !number(replay, text, &value)) {
        return false;
    }
    return replay_server_set(&replay->server, name, (unsigned)value) ||
           replay_fail(replay, "there is no setting \"%.*s\"", SLICE_ARGS(name));
}

static bool option(struct replay_opening *opening, struct slice text) {
    struct slice value = text, key = slice_cut(&value, '=');
    struct {
        struct slice key;
        struct slice *value;
        bool *flag;
    } const options[] = {
        {SLICE("address"), .value = &opening->address},
        {SLICE("origin"), .value = &opening->origin},
        {SLICE("path"), .value = &opening->path},
        {SLICE("bits"), .value = &opening->bits},
        {SLICE("host"), .value = &opening->host},
        {SLICE("deflate"), .flag = &opening->deflate},
        {SLICE("mute"), .flag = &opening->mute},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (slice_equal(key, options[i].key) &&
            (value.data != NULL) == (options[i].value != NULL)) {
            if (options[i].value) {
                *options[i].value = value;
            } else {
                *options[i].flag = true;
            }
            return true;
        }
    }
    return false;
}

static bool open_client(struct replay *replay, struct slice *rest) {
    struct slice name = word(rest), kind_name = word(rest);
    const struct replay_kind *kind = replay_kind_find(kind_name);
    struct replay_opening opening = {.bytewise = replay->bytewise};
    struct replay_client **end = &replay->clients;
    if (!kind) {
        return replay_fail(replay, "there is no kind of client \"%.*s\"", SLICE_ARGS(kind_name));
    }
    if (replay_find_client(replay, name)) {
        return replay_fail(replay, "there is a %.*s already", SLICE_ARGS(name));
    }
    /* By its bytes alone a command without LF ends where a read does. */
    opening.bytewise &= kind->cut != CUT_WRITES;
    while (rest->length > 0) {
        struct slice text = word(rest);
        if (!option(&opening, text)) {
            return replay_fail(replay, "there is no option \"%.*s\"", SLICE_ARGS(text));
        }
    }
    while (*end) {
        end = &(*end)->next;
    }
    *end = replay_client_new(&replay->server, name, kind, &opening);
    return true;
}

static bool block(struct replay *replay, struct slice *rest) {
    struct replay_client *slow = client(replay, rest);
    if (slow) {
        replay_socket_allow(slow->socket, 0);
    }
    return slow != NULL;
}

static bool allow(struct replay *replay, struct slice *rest) {
    struct replay_client *slow = client(replay, rest);
    struct slice text = word(rest);
    uint64_t bytes = SIZE_MAX;
    if (!slow || (!slice_equal(text, SLICE("all")) && !number(replay, text, &bytes))) {
        return false;
    }
    replay_socket_allow(slow->socket, bytes);
    return true;
}

static bool drop(struct replay *replay, struct slice *rest) {
    struct replay_client *lost = client(replay, rest);
    if (lost) {
        lost->end_expected = true;
        replay_socket_drop(lost->socket);
    }
    return lost != NULL;
}

static bool end_of_file(struct replay *replay, struct slice *rest) {
    struct replay_client *done = client(replay, rest);
    if (done) {
        replay_socket_end(done->socket);
    }
    return done != NULL;
}

static bool after(struct replay *replay, struct slice *rest) {
    struct slice text = word(rest);
    bool milliseconds = text.length > 2 && text.data[text.length - 2] == 'm';
    uint64_t count = 0;
    if (text.length < 2 || text.data[text.length - 1] != 's') {
        return replay_fail(replay, "a time is like 30s or 5ms");
    }
    text.length -= milliseconds ? 2 : 1;
    if (!number(replay, text, &count)) {
        return false;
    }
    int64_t until_us = replay->server.now_us + (int64_t)count * (milliseconds ? 1000 : 1000000);
    while (replay->server.now_us < until_us) {
        replay_server_advance(&replay->server, until_us);
        if (!replay_settle(replay)) {
            return false;
        }
    }
    return true;
}

static bool store(struct replay *replay, struct slice *rest) {
    struct slice verb = word(rest), text = word(rest);
    bool reads = slice_equal(text, SLICE("reads"));
    uint64_t count = 0;
    replay_server_start(&replay->server);
    struct store *engine = replay->server.store;
    if (text.length > 0 && !reads && !number(replay, text, &count)) {
        return false;
    }
    if (slice_equal(verb, SLICE("hold"))) {
        (reads ? store_memory_hold_reads : store_memory_hold)(engine);
    } else if (slice_equal(verb, SLICE("release")) && count > 0) {
        store_memory_release(engine, count);
    } else if (slice_equal(verb, SLICE("release"))) {
        (reads ? store_memory_release_all_reads : store_memory_release_all)(engine);
    } else if (slice_equal(verb, SLICE("fail")) && count > 0) {
        store_memory_fail(engine, count);
    } else if (slice_equal(verb, SLICE("full")) || slice_equal(verb, SLICE("roomy"))) {
        store_memory_set_full(engine, slice_equal(verb, SLICE("full")));
    } else {
        return replay_fail(replay, "a store does: hold, release, fail N, full, roomy");
    }
    return true;
}

/* account ann secret owner · account ann gone */
static bool account(struct replay *replay, struct slice *rest) {
    struct slice name = word(rest), password = word(rest), role_word = word(rest);
    enum role role = ROLE_MEMBER;
    if (password.length == 0 || (role_word.length > 0 && !role_parse(role_word, &role))) {
        return replay_fail(replay, "an account is: account NAME PASSWORD [ROLE]");
    }
    if (slice_equal(password, SLICE("gone"))) {
        sim_authority_remove(replay->server.authority, name);
    } else {
        sim_authority_add(replay->server.authority, name, password, role);
    }
    return true;
}

static bool token_option(struct replay *replay, struct sim_token *made, struct slice text) {
    struct slice value = text, key = slice_cut(&value, '=');
    uint64_t count = 0;
    if (slice_equal(key, SLICE("rooms"))) {
        made->rooms = value;
        return true;
    }
    if (slice_equal(key, SLICE("label"))) {
        made->label = value;
        return true;
    }
    if (slice_equal(key, SLICE("role"))) {
        return role_parse(value, &made->role) || replay_fail(replay, "there is no such role");
    }
    if (!number(replay, value, &count)) {
        return false;
    }
    if (slice_equal(key, SLICE("seconds"))) {
        made->expires_us =
            replay_server_wall_us(&replay->server) + (int64_t)count * INT64_C(1000000);
    } else if (slice_equal(key, SLICE("rate"))) {
        made->has_rate = true;
        made->rate_per_minute = (unsigned)count;
    } else {
        return replay_fail(replay, "a token has: rooms=, role=, seconds=, rate=, label=");
    }
    return true;
}

/* token TEXT ann rooms=a,b* · token TEXT anybody */
static bool token(struct replay *replay, struct slice *rest) {
    struct slice text = word(rest), name = word(rest);
    struct sim_token made = {.text = text, .name = name};
    if (slice_equal(made.name, SLICE("anybody"))) {
        made.name = SLICE_NONE;
    }
    while (rest->length > 0) {
        if (!token_option(replay, &made, word(rest))) {
            return false;
        }
    }
    sim_authority_add_token(replay->server.authority, &made);
    return true;
}

/* hook TEXT ROOM label=Grafana rate=3 */
static bool hook(struct replay *replay, struct slice *rest) {
    struct slice text = word(rest);
    struct sim_token made = {.text = text, .hook_room = word(rest)};
    while (rest->length > 0) {
        if (!token_option(replay, &made, word(rest))) {
            return false;
        }
    }
    sim_authority_add_token(replay->server.authority, &made);
    return true;
}

static bool revoke(struct replay *replay, struct slice *rest) {
    sim_authority_revoke(replay->server.authority, word(rest));
    return true;
}

static bool authority(struct replay *replay, struct slice *rest) {
    struct slice verb = word(rest);
    struct authority *engine = replay->server.authority;
    if (slice_equal(verb, SLICE("hold")) || slice_equal(verb, SLICE("release"))) {
        sim_authority_hold(engine, slice_equal(verb, SLICE("hold")));
    } else if (slice_equal(verb, SLICE("busy")) || slice_equal(verb, SLICE("ready"))) {
        sim_authority_set_busy(engine, slice_equal(verb, SLICE("busy")));
    } else {
        return replay_fail(replay, "an authority does: hold, release, busy, ready");
    }
    return true;
}

static bool crash(struct replay *replay, struct slice *rest) {
    uint64_t commit = 0;
    bool new_epoch = false;
    while (rest->length > 0) {
        struct slice text = word(rest);
        if (slice_equal(text, SLICE("forgetting"))) {
            new_epoch = true;
        } else if (!slice_equal(text, SLICE("committing")) ||
                   !number(replay, word(rest), &commit)) {
            return replay_fail(replay, "a crash is: crash [committing N] [forgetting]");
        }
    }
    replay_server_crash(&replay->server, commit, new_epoch);
    return true;
}

static bool stop(struct replay *replay, struct slice *rest) {
    (void)rest;
    return replay_server_stop(&replay->server) ||
           replay_fail(replay, "the server has requests under way and cannot stop");
}

/* $now is the time. */
static bool tell_time(struct replay *replay) {
    json_t *now;
    char text[TIMESTAMP_LENGTH + 1];
    timestamp_format(replay_server_wall_us(&replay->server), text);
    now = json_string(text);
    replay_variable_set(&replay->variables, SLICE("now"), now);
    json_decref(now);
    return true;
}

bool replay_run_action(struct replay *replay, struct slice statement) {
    static const struct action actions[] = {
        {SLICE("set"), set},     {SLICE("open"), open_client}, {SLICE("block"), block},
        {SLICE("allow"), allow}, {SLICE("drop"), drop},        {SLICE("eof"), end_of_file},
        {SLICE("after"), after}, {SLICE("store"), store},      {SLICE("crash"), crash},
        {SLICE("stop"), stop},   {SLICE("account"), account},  {SLICE("token"), token},
        {SLICE("hook"), hook},   {SLICE("revoke"), revoke},    {SLICE("authority"), authority},
    };
    struct slice rest = statement, name = word(&rest);
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (!slice_equal(name, actions[i].name)) {
            continue;
        }
        if (!actions[i].run(replay, &rest) || !replay_settle(replay)) {
            return false;
        }
        rest = slice_trim(rest);
        return tell_time(replay) &&
               (rest.length == 0 || replay_fail(replay, "what is \"%.*s\"?", SLICE_ARGS(rest)));
    }
    return replay_fail(replay, "\"%.*s\" is neither a client nor something that happens",
                       SLICE_ARGS(name));
}
