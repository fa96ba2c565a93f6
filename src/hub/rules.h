/* What the hub knows of the rules of rooms, read from the log of "$rules" (rule.h). A room that
 * nobody made a rule for has none: everybody may enter and write. Private to hub/.
 *
 *   rules.c        the rules of all rooms, and what a line of the log changes about them
 *   sanction.c     who is banned or muted
 *   rules_log.c    follows the log; answers those who asked for a change when it has taken effect
 *   access.c       decides from the rules what a client may do
 *   moderation.c   requests to change them
 *   eviction.c     puts out who may not stay
 *   notice.c       tells of it
 *   rules_list.c   shows them */
#pragma once

#include "hub/internal.h"
#include "hub/rule.h"
#include "hub/sanction.h"

enum room_access {
    ROOM_ACCESS_PUBLIC,
    ROOM_ACCESS_MEMBERS /* to all others it does not exist */
};

enum room_posting { POSTING_ALL, POSTING_MEMBERS, POSTING_MODERATORS };

/* What an identity is in a room. */
struct grant {
    struct list_node node;
    struct identity identity;
    enum role role;
    bool guest;        /* holds it as long as the server runs and the session is not over */
    struct slice name; /* when it was granted; points into bytes */
    char bytes[];
};

struct room_rules {
    struct slice key;  /* points into bytes; empty: of the whole server */
    struct blob *name; /* as it was first written */
    bool owned;        /* somebody has made rules for it: nobody else comes to own it by asking */
    enum room_access access;
    enum room_posting posting;
    unsigned slow_s; /* seconds between two messages of one sender; 0: no matter */
    bool registered_only, topic_lock;
    struct list grants;
    struct map *roles; /* the same by identity */
    struct sanctions bans, mutes;
    struct list writers; /* see slow.c */
    struct map *writers_by_identity;
    char bytes[];
};

struct rules_answer;

struct rules {
    uint64_t seed;
    struct map *rooms; /* by key */
    struct room_rules *server;
    bool loaded;             /* all that the log held when we began is known */
    bool followed;           /* the log's head is known */
    bool asked;              /* EFFECT_FOLLOW or EFFECT_REPLAY is out */
    struct blob *epoch;      /* of the log; see rules_followed */
    uint64_t applied, known; /* the last seq that was read, and that there is */
    struct rules_answer *answers;
    struct buffer memory; /* see rule_read */
};

struct rules *rules_new(uint64_t seed);
void rules_free(struct rules *rules);
/* Forgets all rules. */
void rules_reset(struct rules *rules);
/* NULL: there are none for this room. */
struct room_rules *rules_find(const struct rules *rules, struct slice room_key);
/* What `identity` (NULL: nobody) is in the room; ROLE_GUEST where nothing was granted. */
enum role rules_role(const struct room_rules *room, const struct identity *identity);
/* What a line of the log changes. `rule` is what it says, NULL: nothing that can be understood.
 * ERR_FORBIDDEN: somebody else was faster to own the room; nothing has changed. `old`: it was read
 * from the log at the start. */
int rules_apply(struct hub *hub, const struct rule *rule, const struct entry *entry, bool old);

/* The setting of RULE_SET as people write it: `key` is "access", "posting", "slow",
 * "registered_only" or "topic_lock". ERR_BAD_REQUEST: there is no such key or value. */
int rules_set(struct room_rules *room, struct slice key, struct slice value) MUST_USE;
/* Whether moderators may set it, too. */
bool rules_moderators_set(struct slice key);
const char *room_access_word(enum room_access access);
const char *room_posting_word(enum room_posting posting);

/* rules_log.c */

/* The rules are to be read from the log before anybody is let in. */
void rules_start(struct hub *hub);
void rules_followed(struct hub *hub, const struct event *event);
void rules_committed(struct hub *hub, const struct event *event);
void rules_replayed(struct hub *hub, const struct event *event);
void rules_tick(struct hub *hub);
/* A change that was asked for is stored, or is not. */
void rules_appended(struct hub *hub, const struct event *event);
void rules_answers_free(struct rules *rules);

/* slow.c */

/* After how many milliseconds the client may write in the room again, by the room's slow mode. */
unsigned slow_wait(const struct hub *hub, const struct client *client, struct slice room_key,
                   const struct identity *identity);
void slow_count(struct hub *hub, const struct client *client, struct slice room_key,
                const struct identity *identity);
void slow_close(struct room_rules *room);

/* eviction.c */

/* A rule has taken effect: whoever it excludes goes. */
void eviction_enforce(struct hub *hub, const struct rule *rule, const struct entry *entry);
/* The client has another name now, or is somebody else. */
void eviction_review(struct hub *hub, struct client *client);
/* Everybody, after the rules were read. */
void eviction_review_all(struct hub *hub);

/* notice.c */

/* Tells those who read the room. */
void notice_show(struct hub *hub, const struct rule *rule, const struct entry *entry);
/* Tells one client. */
void notice_tell(struct hub *hub, const struct client *client, const struct rule *rule,
                 const struct entry *entry);
