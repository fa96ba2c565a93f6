/* The scripts that run within Redis (src/store/lua), and calling them. What must be decided and
 * done as one is decided there: they see everything and nobody sees half of it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "redis/redis.h"

enum redis_script {
    SCRIPT_APPEND,
    SCRIPT_COMMIT,
    SCRIPT_HEAD,
    SCRIPT_PAGE,
    SCRIPT_ERASE,
    SCRIPT_ERASE_MARKS,
    SCRIPT_MARK,
    SCRIPT_LIST,
    SCRIPT_SWEEP,
    SCRIPT_SHARE,
    SCRIPT_GATHER,
    SCRIPT_NAMES,
    SCRIPT_BEAT,
    SCRIPT_BURY,
    SCRIPT_EMPTY,
    SCRIPT_COUNT,
};

struct redis_script_text {
    const char *digest; /* what EVALSHA calls it by */
    const char *text;
};
extern const struct redis_script_text REDIS_SCRIPTS[SCRIPT_COUNT];

/* Makes this server know them. Until it has answered, calls may find it does not. */
void redis_scripts_load(struct redis *redis);

#define CALL_ARGUMENTS 320
#define CALL_NUMBERS 16

/* A call in the making. Texts are borrowed until it is sent. */
struct script_call {
    struct slice arguments[CALL_ARGUMENTS];
    size_t count;
    char numbers[CALL_NUMBERS][24];
    size_t number_count;
};

/* Every script is told the namespace and a room (or none). */
void script_begin(struct script_call *call, enum redis_script script, struct slice name_space,
                  struct slice room_key);
void script_add(struct script_call *call, struct slice argument);
void script_add_string(struct script_call *call, const char *argument);
void script_add_number(struct script_call *call, uint64_t number);
/* Whether another argument has a place. */
bool script_has_place(const struct script_call *call);
void script_send(struct redis *redis, const struct script_call *call, redis_answer *answer,
                 void *context);

/* What was answered: an item of an array as text or as a number; nothing and 0 where it is not
 * there. */
struct slice reply_text(const struct redis_reply *reply, size_t index);
uint64_t reply_number(const struct redis_reply *reply, size_t index);
