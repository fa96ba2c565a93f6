/* How much somebody may do: every rate is charged and refused in limits.c. Limits that are never
 * configured are in base/limits.h. Private to hub/. */
#pragma once

#include "hub/internal.h"

/* What messages of a session are charged to, or of a caller without one. */
struct purse {
    struct rate *rate; /* NULL: none has come lately */
    struct quota_bucket bytes, rooms;
};

/* limits.c */

/* All of these: 0: it may be, and was counted; else nothing was counted, and it may be asked for
 * again after so many milliseconds. `identity` tells callers without a session apart. */
unsigned limit_message(struct hub *hub, const struct client *client,
                       const struct identity *identity, struct slice room_key, size_t bytes);
/* The same without counting. */
unsigned limit_message_wait(struct hub *hub, const struct client *client,
                            const struct draft *draft);
/* Messages a minute of an account over all nodes; 0: no limit, or it is none's. */
unsigned limit_account_rate(const struct hub *hub, const struct client *client);
unsigned limit_joins(struct hub *hub, struct session *session, size_t count);
unsigned limit_name(struct hub *hub, const struct client *client, struct session *session);
/* A first entry for a room. */
unsigned limit_new_room(struct hub *hub, const struct client *client,
                        const struct identity *identity);
/* Whether it must be known of a room if it is new. */
bool limit_counts_rooms(const struct hub *hub);
/* A credential was not valid. True: that was the last try, the client is to be closed
 * (CLOSE_POLICY). */
bool limit_failed_login(struct hub *hub, struct client *client);
bool limit_cid_valid(struct slice cid);
void limit_open(struct hub *hub);
void limit_tick(struct hub *hub);
void limit_close(struct hub *hub);

/* rate.c */

#define RATE_WINDOW_US INT64_C(59000000) /* what the last minute is: see rate.c */

/* After how many milliseconds the next of `limit` in a minute may come; 0: now. `rate` may be
 * NULL: none has come yet. */
unsigned rate_wait(struct rate *rate, unsigned limit, int64_t now_us);
/* One has come; only after rate_wait was 0. */
void rate_count(struct rate **rate, unsigned limit, int64_t now_us);

/* caller.c */

/* Somebody without a session. */
struct caller {
    struct identity identity;
    struct list_node node;
    int64_t used_us;
    struct purse purse;
    struct quota_bucket joins, names; /* of an account's session that is gone */
};

/* Made if need be; valid during the step. */
struct caller *caller_find(struct hub *hub, const struct identity *identity);
/* What an account has used up is kept when its session goes, for the next or for HTTP. */
void caller_take_over(struct hub *hub, struct session *session);
void caller_hand_over(struct hub *hub, struct session *session);
void callers_tick(struct hub *hub);
void callers_close(struct hub *hub);
