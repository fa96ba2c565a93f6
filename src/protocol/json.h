/* JSON as the protocol speaks it: requests out of objects, objects out of replies and feeds.
 * Everything here is words only; frames are put around them by whoever calls (json.c over
 * WebSocket, http_room.c in a response). Private to protocol/. */
#pragma once

#include "protocol/protocol.h"
#include "wire/json.h"

/* What the slices of a request point into. Zeroed: empty. */
struct json_request {
    json_t *object;
    struct resume_point *resume;
    struct slice *rooms;
    struct slice error_text; /* of one that was refused; empty: its code says it all */
    char *number;            /* one that is wanted as text */
};

void json_request_close(struct json_request *json); /* empty and usable afterwards */

/* What the text of one message asks for. Fills `*request` (whose slices live until
 * json_request_close) or returns ERR_BAD_REQUEST, ERR_TOO_MANY, ERR_UNAUTHORIZED: then request->cid
 * is the one to answer with, if it could be read. */
int json_request_parse(struct slice text, struct json_request *json,
                       struct request *request) MUST_USE;

/* "create", "set", "role", "invite", "kick", "ban", "unban", "mute", "unmute"; "rules"; "audit". */
int json_parse_rule(struct json_request *json, struct request *request) MUST_USE;
int json_parse_rules(struct json_request *json, struct request *request) MUST_USE;
int json_parse_audit(struct json_request *json, struct request *request) MUST_USE;
/* Their answers, and what is told of them. */
void json_append_rules(struct buffer *output, const struct reply *reply);
void json_append_audit(struct buffer *output, const struct reply *reply);
struct json_notice {
    struct slice room, event, by, name, message;
};
void json_append_notice(struct buffer *output, const struct json_notice *notice);

/* What a request shows to be let in: "token", or "password" for `name`; of kind CREDENTIAL_NONE:
 * neither. ERR_BAD_REQUEST: both, or not what they should be; ERR_UNAUTHORIZED: cannot be right. */
int json_get_credential(struct json_request *json, struct slice name,
                        struct credential *credential) MUST_USE;
/* "token" alone. */
int json_get_token(struct json_request *json, struct credential *credential) MUST_USE;

/* The object for an entry in the words of a JSON format, as in a feed and in the items of a batch.
 * False, and nothing appended: readers of this format do not see it. */
bool json_append_entry(struct buffer *output, enum format format, struct slice room,
                       const struct entry *entry);

/* The entries of a batch reply, each rendered, with a comma between. */
struct json_items {
    struct buffer bytes;
    size_t *ends; /* of each item that is shown, within bytes */
    size_t count;
};

void json_items_render(struct json_items *items, enum format format, const struct reply *batch);
void json_items_close(struct json_items *items);
/* How many items from `first` on fit into one batch; at least one if there are any. */
size_t json_items_fit(const struct json_items *items, size_t first);
/* The items of one answer to a request for history: from `*first`, `*count`. When not all fit,
 * those are left out that are furthest from where the reading began. */
void json_items_answer(const struct json_items *items, const struct reply *batch, size_t *first,
                       size_t *count);
/* `count` items from `first` on, commas between. */
struct slice json_items_slice(const struct json_items *items, size_t first, size_t count);

/* Appends the object for every reply but REPLY_BATCH and REPLY_FOUND; nothing for replies that JSON
 * clients are not told. */
void json_append_reply(struct buffer *output, enum format format,
                       const struct protocol_settings *settings, const struct reply *reply);
/* The object for REPLY_GAP. */
void json_append_gap(struct buffer *output, const struct reply *reply);
/* Appends {"type":"batch",…}; the items of a search tell their rooms themselves. `more`: there is
 * more than these items. */
void json_append_batch(struct buffer *output, const struct reply *reply, struct slice items,
                       bool more);

/* `,"timestamp":"…"` */
void json_append_timestamp_member(struct buffer *output, int64_t timestamp_us);
