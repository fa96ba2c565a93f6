/* Replies in JSON: one object each (a batch: see json_batch.c).
 *
 * To add one: a function that appends its object, named in json_append_reply. */
#include "protocol/json.h"

static void append_cid(struct buffer *output, const struct reply *reply) {
    if (reply->cid.length > 0) {
        json_append_string_member(output, "cid", reply->cid);
    }
}

static void append_end(struct buffer *output, const struct reply *reply) {
    append_cid(output, reply);
    buffer_append_char(output, '}');
}

static void append_connected(struct buffer *output, const struct reply *reply) {
    buffer_append_string(output, "{\"type\":\"system\",\"message\":\"Connected to server\"");
    json_append_timestamp_member(output, reply->timestamp_us);
    json_append_u64_member(output, "client_count", reply->client_count);
    json_append_string_member(output, "room", reply->room);
    buffer_append_char(output, '}');
}

static void append_welcome_room(struct buffer *output, const struct reply_item *item) {
    buffer_append_string(output, "{\"room\":");
    json_append_string(output, item->name);
    json_append_string_member(output, "epoch", item->epoch);
    json_append_u64_member(output, "last", item->last);
    json_append_u64_member(output, "read", item->read);
    buffer_append_char(output, '}');
}

static void append_room(struct buffer *output, const struct reply_item *item) {
    buffer_append_string(output, "{\"room\":");
    json_append_string(output, item->name);
    json_append_u64_member(output, "last", item->last);
    json_append_u64_member(output, "read", item->read);
    json_append_u64_member(output, "client_count", item->client_count);
    json_append_string_member(output, "topic", item->topic);
    buffer_append_char(output, '}');
}

static void append_member(struct buffer *output, const struct reply_item *item) {
    buffer_append_string(output, "{\"name\":");
    json_append_string(output, item->name);
    json_append_string_member(output, "role", slice_of_string(role_name(item->role)));
    buffer_append_char(output, '}');
}

static void append_list(struct buffer *output, const char *key, const struct reply *reply,
                        void (*append)(struct buffer *output, const struct reply_item *item)) {
    json_append_key(output, key);
    buffer_append_char(output, '[');
    for (size_t i = 0; i < reply->item_count; i++) {
        if (i > 0) {
            buffer_append_char(output, ',');
        }
        append(output, &reply->items[i]);
    }
    buffer_append_char(output, ']');
}

static void append_welcome(struct buffer *output, const struct protocol_settings *settings,
                           const struct reply *reply) {
    buffer_append_string(output, "{\"type\":\"welcome\"");
    if (reply->name.length > 0) {
        json_append_string_member(output, "name", reply->name);
    }
    if (reply->session.length > 0) {
        json_append_string_member(output, "session", reply->session);
    }
    json_append_string_member(output, "server", settings->server);
    json_append_u64_member(output, "ping_ms", settings->ping_ms);
    json_append_key(output, "limits");
    buffer_append_string(output, "{\"message\":");
    buffer_append_u64(output, settings->max_message);
    json_append_u64_member(output, "per_minute", settings->rate_per_minute);
    buffer_append_char(output, '}');
    json_append_key(output, "reconnect_ms");
    buffer_append_string(output, "[500,8000]");
    append_list(output, "rooms", reply, append_welcome_room);
    append_end(output, reply);
}

static void append_ack(struct buffer *output, const struct reply *reply) {
    if (reply->cid.length == 0) {
        return;
    }
    buffer_append_string(output, "{\"type\":\"ack\"");
    append_cid(output, reply);
    if (reply->room.length > 0) {
        json_append_string_member(output, "room", reply->room);
    }
    if (reply->outcome.seq > 0) {
        json_append_u64_member(output, "seq", reply->outcome.seq);
        json_append_string_member(output, "id", slice_of_string(reply->outcome.id));
        json_append_timestamp_member(output, reply->outcome.timestamp_us);
    }
    buffer_append_char(output, '}');
}

static void append_joined(struct buffer *output, const struct reply *reply) {
    buffer_append_string(output, "{\"type\":\"joined\"");
    json_append_string_member(output, "room", reply->room);
    json_append_string_member(output, "epoch", reply->epoch);
    json_append_u64_member(output, "first", reply->first);
    json_append_u64_member(output, "last", reply->last);
    json_append_u64_member(output, "read", reply->read);
    json_append_u64_member(output, "client_count", reply->client_count);
    json_append_string_member(output, "topic", reply->topic);
    append_end(output, reply);
}

void json_append_gap(struct buffer *output, const struct reply *reply) {
    buffer_append_string(output, "{\"type\":\"gap\"");
    json_append_string_member(output, "room", reply->room);
    json_append_string_member(output, "epoch", reply->epoch);
    json_append_u64_member(output, "after", reply->after);
    json_append_u64_member(output, "first", reply->first);
    json_append_string_member(output, "reason", reply->reason);
    buffer_append_char(output, '}');
}

static void append_live(struct buffer *output, const struct reply *reply) {
    buffer_append_string(output, "{\"type\":\"live\"");
    json_append_string_member(output, "room", reply->room);
    json_append_u64_member(output, "at", reply->last);
    buffer_append_char(output, '}');
}

static void append_rooms(struct buffer *output, const struct reply *reply) {
    buffer_append_string(output, "{\"type\":\"rooms\"");
    append_list(output, "items", reply, append_room);
    append_end(output, reply);
}

static void append_members(struct buffer *output, const struct reply *reply) {
    buffer_append_string(output, "{\"type\":\"members\"");
    json_append_string_member(output, "room", reply->room);
    append_list(output, "items", reply, append_member);
    append_end(output, reply);
}

static void append_read(struct buffer *output, const struct reply *reply) {
    buffer_append_string(output, "{\"type\":\"read\"");
    json_append_string_member(output, "room", reply->room);
    json_append_u64_member(output, "seq", reply->read);
    buffer_append_char(output, '}');
}

/* Clients compare the sentence of bad_request, so what more there is to say stands beside it. */
static void append_error(struct buffer *output, const struct reply *reply) {
    struct slice code = slice_of_string(error_code(reply->error));
    struct slice text = reply->text;
    if (text.length == 0) {
        text = slice_of_string(error_text(reply->error));
    }
    struct slice fixed = slice_of_string(error_text(ERR_BAD_REQUEST));
    bool is_fixed = slice_equal(code, slice_of_string(error_code(ERR_BAD_REQUEST)));
    buffer_append_string(output, "{\"type\":\"error\"");
    json_append_string_member(output, "message", is_fixed ? fixed : text);
    json_append_string_member(output, "code", code);
    if (is_fixed && !slice_equal(text, fixed)) {
        json_append_string_member(output, "detail", text);
    }
    if (reply->retry_ms > 0) {
        json_append_u64_member(output, "retry_ms", reply->retry_ms);
    }
    if (reply->room.length > 0 && reply->cid.length == 0) {
        json_append_string_member(output, "room",
                                  reply->room); /* nothing else tells what it is about */
    }
    append_end(output, reply);
}

/* Plain clients know nothing of rules, but by the errors they get. */
static void append_notice(struct buffer *output, enum format format, const struct reply *reply) {
    if (format != FORMAT_JSON_PLAIN) {
        json_append_notice(output, &(struct json_notice){.room = reply->room,
                                                         .event = reply->reason,
                                                         .by = reply->sender,
                                                         .name = reply->name,
                                                         .message = reply->text});
    }
}

void json_append_reply(struct buffer *output, enum format format,
                       const struct protocol_settings *settings, const struct reply *reply) {
    switch (reply->kind) {
    case REPLY_CONNECTED:
        if (format != FORMAT_JSON_V1) {
            append_connected(output, reply);
        }
        return;
    case REPLY_WELCOME:
        append_welcome(output, settings, reply);
        return;
    case REPLY_ACK:
        append_ack(output, reply);
        return;
    case REPLY_JOINED:
        append_joined(output, reply);
        return;
    case REPLY_GAP:
        json_append_gap(output, reply);
        return;
    case REPLY_LIVE:
        append_live(output, reply);
        return;
    case REPLY_ROOMS:
        append_rooms(output, reply);
        return;
    case REPLY_MEMBERS:
        append_members(output, reply);
        return;
    case REPLY_READ:
        append_read(output, reply);
        return;
    case REPLY_ERROR:
        append_error(output, reply);
        return;
    case REPLY_NOTICE:
        append_notice(output, format, reply);
        return;
    case REPLY_RULES:
        json_append_rules(output, reply);
        return;
    case REPLY_AUDIT:
        json_append_audit(output, reply);
        return;
    case REPLY_BATCH: /* see json_batch.c */
    case REPLY_FOUND: /* as well */
    case REPLY_NAMED: /* these answer requests that only other protocols make */
    case REPLY_NAMES:
    case REPLY_TOKEN:
    case REPLY_TICKET: /* HTTP asks for one */
        return;
    }
}
