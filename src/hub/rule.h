/* Rules of rooms, as they stand in the log of the room "$rules": one line of words for each change,
 * written and read here and nowhere else. Who made the change is the author of the entry.
 *
 *     create ops claim                         nobody owned the room: now the author does
 *     set ops key=access value=members
 *     role ops name=bob id=0123…ef role=moderator
 *     ban ops name=bob id=0123…ef for=86400 reason=sells things
 *     ban * address=192.0.2.0/24               "*": on the whole server
 *
 * Unknown words are passed over, so that a line may say more some day; what a line must have and
 * has not makes it void. The reason is the rest of the line. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "hub/credential.h"
#include "hub/entry.h"

/* The room whose log it is. Nobody can be in it. */
#define RULES_ROOM SLICE("$rules")

enum rule_kind {
    RULE_CREATE,
    RULE_SET,    /* key, value */
    RULE_ROLE,   /* name, identity, role; guest: takes it away */
    RULE_INVITE, /* name, identity: makes a member, and tells them */
    RULE_KICK,   /* name, identity */
    RULE_BAN,    /* name and identity, or address */
    RULE_UNBAN,
    RULE_MUTE, /* name, identity */
    RULE_UNMUTE,
};

/* Slices are borrowed. */
struct rule {
    enum rule_kind kind;
    struct slice room; /* empty: the whole server */
    struct slice key, value;
    struct slice name;        /* of whom it is about; empty: an address, or nobody */
    struct identity identity; /* of whom; none: there was nobody by the name */
    struct slice address;     /* CIDR */
    enum role role;
    bool guest;       /* whom it is about has no account */
    bool claim;       /* who says so had no right but that the room was nobody's yet */
    uint64_t seconds; /* how long it holds, from the time of its entry; 0: for good */
    struct slice reason;
};

/* What RULE_SET can set (rules_set), in words for people. */
#define RULE_SETTINGS                                                                              \
    "access public|members, posting all|members|moderators, slow SECONDS, "                        \
    "registered_only on|off, topic_lock on|off"

/* "kick"; static. */
const char *rule_word(enum rule_kind kind);
bool rule_kind_parse(struct slice word, enum rule_kind *kind);

/* The longest that a rule can hold; then it is for good. */
#define RULE_SECONDS_MOST (UINT64_C(10) * 365 * 86400)

void rule_write(const struct rule *rule, struct buffer *line);
/* Names with spaces in them are unpacked into `memory`. ERR_BAD_REQUEST: the line is void. */
int rule_read(struct slice line, struct buffer *memory, struct rule *rule) MUST_USE;

/* The same for people: "ann has kicked bob from ops: spam". Appends nothing for what is not told.
 */
void rule_tell(const struct rule *rule, struct slice by, struct buffer *text);
