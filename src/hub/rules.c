/* The rules of all rooms, as the lines of the log so far have made them. Who may change them was
 * decided when the change was asked for (moderation.c); the one thing that can only be known here
 * is who was first to make a room their own. */
#include "hub/rules.h"

#include "base/pack.h"

#include <string.h>

#define SLOW_MOST 86400
#define SECOND_US INT64_C(1000000)

static const char *const access_words[] = {
    [ROOM_ACCESS_PUBLIC] = "public", [ROOM_ACCESS_MEMBERS] = "members"};
static const char *const posting_words[] = {
    [POSTING_ALL] = "all", [POSTING_MEMBERS] = "members", [POSTING_MODERATORS] = "moderators"};

const char *room_access_word(enum room_access access) {
    return access_words[access];
}

const char *room_posting_word(enum room_posting posting) {
    return posting_words[posting];
}

static struct room_rules *room_rules_new(uint64_t seed, struct slice key, struct slice name) {
    struct room_rules *room = memory_new(sizeof(*room) + key.length);

    room->key = key;
    pack_slice(&room->key, room->bytes);
    room->name = blob_new(name);
    room->roles = map_new(seed);
    room->writers_by_identity = map_new(seed);
    sanctions_init(&room->bans, seed);
    sanctions_init(&room->mutes, seed);
    return room;
}

static void drop_grant(struct room_rules *room, struct grant *grant) {
    map_remove(room->roles, identity_slice(&grant->identity));
    list_remove(&room->grants, &grant->node);
    memory_free(grant);
}

static void room_rules_free(struct room_rules *room) {
    while (!list_empty(&room->grants)) {
        drop_grant(room, container_of(room->grants.first, struct grant, node));
    }
    slow_close(room);
    map_free(room->writers_by_identity);
    map_free(room->roles);
    sanctions_close(&room->bans);
    sanctions_close(&room->mutes);
    blob_unref(room->name);
    memory_free(room);
}

struct rules *rules_new(uint64_t seed) {
    struct rules *rules = memory_new_struct(struct rules);

    rules->seed = seed;
    rules->loaded = true; /* until rules_start says that there is something to load */
    rules->rooms = map_new(seed);
    rules->server = room_rules_new(seed, SLICE_NONE, SLICE_NONE);
    return rules;
}

static void free_rooms(struct rules *rules) {
    struct room_rules *room;
    size_t cursor = 0;

    while ((room = map_next(rules->rooms, &cursor)) != NULL) {
        room_rules_free(room);
    }
    map_free(rules->rooms);
    room_rules_free(rules->server);
}

void rules_reset(struct rules *rules) {
    free_rooms(rules);
    rules->rooms = map_new(rules->seed);
    rules->server = room_rules_new(rules->seed, SLICE_NONE, SLICE_NONE);
    rules->applied = 0;
    rules->known = 0;
}

void rules_free(struct rules *rules) {
    free_rooms(rules);
    rules_answers_free(rules);
    buffer_close(&rules->memory);
    blob_unref(rules->epoch);
    memory_free(rules);
}

struct room_rules *rules_find(const struct rules *rules, struct slice room_key) {
    return map_find(rules->rooms, room_key);
}

static struct grant *find_grant(const struct room_rules *room, const struct identity *identity) {
    return map_find(room->roles, identity_slice(identity));
}

enum role rules_role(const struct room_rules *room, const struct identity *identity) {
    const struct grant *grant =
        room != NULL && identity != NULL ? find_grant(room, identity) : NULL;

    return grant != NULL ? grant->role : ROLE_GUEST;
}

static void set_role(struct room_rules *room, const struct identity *identity, struct slice name,
                     enum role role, bool guest) {
    struct grant *grant = find_grant(room, identity);

    if (grant != NULL) {
        drop_grant(room, grant);
    }
    if (role == ROLE_GUEST || identity_none(identity)) {
        return;
    }
    grant = memory_new(sizeof(*grant) + name.length);
    grant->identity = *identity;
    grant->role = role;
    grant->guest = guest;
    grant->name = name;
    pack_slice(&grant->name, grant->bytes);
    list_append(&room->grants, &grant->node);
    map_put(room->roles, identity_slice(&grant->identity), grant);
}

static int find_word(const char *const *words, size_t count, struct slice value, unsigned *found) {
    for (unsigned i = 0; i < count; i++) {
        if (slice_equal(value, slice_of_string(words[i]))) {
            *found = i;
            return 0;
        }
    }
    return ERR_BAD_REQUEST;
}

static int read_switch(struct slice value, bool *on) {
    static const char *const words[] = {"off", "on", "false", "true"};
    unsigned found;

    if (find_word(words, 4, value, &found) < 0) {
        return ERR_BAD_REQUEST;
    }
    *on = found % 2 == 1;
    return 0;
}

static int read_slow(struct slice value, unsigned *seconds) {
    uint64_t number = 0;

    if (!slice_equal(value, SLICE("off")) && !slice_to_u64(value, &number)) {
        return ERR_BAD_REQUEST;
    }
    if (number > SLOW_MOST) {
        return ERR_BAD_REQUEST;
    }
    *seconds = (unsigned)number;
    return 0;
}

static int set_access(struct room_rules *room, struct slice value) {
    unsigned found;
    int error = find_word(access_words, 2, value, &found);

    if (error == 0) {
        room->access = (enum room_access)found;
    }
    return error;
}

static int set_posting(struct room_rules *room, struct slice value) {
    unsigned found;
    int error = find_word(posting_words, 3, value, &found);

    if (error == 0) {
        room->posting = (enum room_posting)found;
    }
    return error;
}

int rules_set(struct room_rules *room, struct slice key, struct slice value) {
    if (slice_equal(key, SLICE("access"))) {
        return set_access(room, value);
    }
    if (slice_equal(key, SLICE("posting"))) {
        return set_posting(room, value);
    }
    if (slice_equal(key, SLICE("slow"))) {
        return read_slow(value, &room->slow_s);
    }
    if (slice_equal(key, SLICE("registered_only"))) {
        return read_switch(value, &room->registered_only);
    }
    return slice_equal(key, SLICE("topic_lock")) ? read_switch(value, &room->topic_lock)
                                                 : ERR_BAD_REQUEST;
}

bool rules_moderators_set(struct slice key) {
    return slice_equal(key, SLICE("slow"));
}

/* The rules of the rule's room, made if need be; NULL: that is no name of a room. */
static struct room_rules *open_room(struct hub *hub, const struct rule *rule) {
    struct rules *rules = hub->rules;
    struct slice key;

    if (rule->room.length == 0) {
        return rules->server;
    }
    if (hub_fold(hub, rule->room, &key) < 0) {
        return NULL;
    }
    struct room_rules *room = rules_find(rules, key);

    if (room == NULL) {
        room = room_rules_new(rules->seed, key, rule->room);
        map_put(rules->rooms, room->key, room);
    }
    return room;
}

static struct slice fold_label(struct hub *hub, struct slice label) {
    buffer_clear(&hub->folded);
    if (label.length == 0 || label_fold(label, &hub->folded) < 0) {
        return SLICE_NONE;
    }
    return buffer_slice(&hub->folded);
}

static void add_sanction(struct hub *hub, struct sanctions *sanctions, const struct rule *rule,
                         const struct entry *entry) {
    struct sanction sanction = {.identity = rule->identity,
                                .name = rule->name,
                                .folded = fold_label(hub, rule->name),
                                .address = rule->address,
                                .reason = rule->reason,
                                .by = entry->body.sender};

    if (rule->seconds > 0) {
        sanction.until_us = entry->timestamp_us + (int64_t)rule->seconds * SECOND_US;
    }
    sanction.by_address = rule->address.length > 0;
    if (sanction.by_address && cidr_parse(rule->address, &sanction.addresses) < 0) {
        return;
    }
    if (sanction.by_address || sanction.folded.length > 0) {
        sanctions_add(sanctions, &sanction, entry->timestamp_us);
    }
}

static void lift(struct hub *hub, struct sanctions *sanctions, const struct rule *rule) {
    sanctions_lift(sanctions, fold_label(hub, rule->name), &rule->identity, rule->address);
}

/* Who is put out of a room for good is nothing in it any more; so is who is kicked out of one that
 * is for its members only, or it would not matter. */
static void exclude(struct hub *hub, struct room_rules *room, const struct rule *rule,
                    const struct entry *entry) {
    if (rule->kind == RULE_BAN) {
        add_sanction(hub, &room->bans, rule, entry);
    }
    if (rule->kind == RULE_BAN || room->access == ROOM_ACCESS_MEMBERS) {
        set_role(room, &rule->identity, SLICE_NONE, ROLE_GUEST, false);
    }
}

/* An invitation never takes away what somebody is already. */
static void invite(struct room_rules *room, const struct rule *rule) {
    if (rules_role(room, &rule->identity) < ROLE_MEMBER) {
        set_role(room, &rule->identity, rule->name, ROLE_MEMBER, rule->guest);
    }
}

static void change(struct hub *hub, struct room_rules *room, const struct rule *rule,
                   const struct entry *entry) {
    switch (rule->kind) {
    case RULE_CREATE:
        break;
    case RULE_SET:
        (void)!rules_set(room, rule->key, rule->value); /* void if it is not one of ours */
        break;
    case RULE_ROLE:
        set_role(room, &rule->identity, rule->name, rule->role, rule->guest);
        break;
    case RULE_INVITE:
        invite(room, rule);
        break;
    case RULE_KICK:
    case RULE_BAN:
        exclude(hub, room, rule, entry);
        break;
    case RULE_UNBAN:
        lift(hub, &room->bans, rule);
        break;
    case RULE_MUTE:
        add_sanction(hub, &room->mutes, rule, entry);
        break;
    case RULE_UNMUTE:
        lift(hub, &room->mutes, rule);
        break;
    }
}

/* Sessions of guests do not outlive the server, and neither does what they were granted. */
static bool has_passed(const struct rule *rule, bool old) {
    return old && rule->guest && (rule->kind == RULE_ROLE || rule->kind == RULE_INVITE);
}

int rules_apply(struct hub *hub, const struct rule *rule, const struct entry *entry, bool old) {
    struct room_rules *room = rule != NULL ? open_room(hub, rule) : NULL;

    if (room == NULL || has_passed(rule, old)) {
        return 0;
    }
    if (rule->claim) {
        if (room->owned && rules_role(room, &entry->body.identity) != ROLE_OWNER) {
            return ERR_FORBIDDEN;
        }
        set_role(room, &entry->body.identity, entry->body.sender, ROLE_OWNER, false);
    }
    room->owned = true;
    change(hub, room, rule, entry);
    return 0;
}
