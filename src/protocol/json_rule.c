/* Rules of rooms in JSON: requests to change them, to see them, and who changed what.
 *
 *     {"type":"set","room":"ops","access":"members"}       one setting at a time
 *     {"type":"role","room":"ops","name":"bob","role":"moderator"}
 *     {"type":"ban","room":"ops","name":"bob","seconds":3600,"reason":"…"}
 *     {"type":"ban","address":"192.0.2.0/24"}              no room: the whole server
 *
 * The type of a request is the word of the rule (hub/rule.h). */
#include "base/limits.h"
#include "base/memory.h"
#include "base/timestamp.h"
#include "hub/rule.h"
#include "protocol/json.h"

static unsigned at_most(uint64_t value, unsigned most) {
    return value < most ? (unsigned)value : most;
}

/* Without a room it is about the whole server. */
static int get_place(const json_t *object, struct request *request) {
    int error = json_get_string(object, "room", &request->room);
    request->everywhere = request->room.length == 0;
    return error;
}

static int get_value(struct json_request *json, const char *key, const json_t *value,
                     struct request *request) {
    request->key = slice_of_string(key);
    if (json_is_string(value)) {
        return json_get_string(json->object, key, &request->content);
    }
    if (json_is_boolean(value)) {
        request->content = json_is_true(value) ? SLICE("on") : SLICE("off");
        return 0;
    }
    uint64_t number = 0;
    bool present;
    int error = json_get_u64(json->object, key, &number, &present);
    if (error == 0) {
        struct buffer text = {0};
        buffer_append_u64(&text, number);
        json->number = memory_copy_string(buffer_slice(&text));
        request->content = slice_of_string(json->number);
        buffer_close(&text);
    }
    return error;
}

static int get_setting(struct json_request *json, struct request *request) {
    static const char *const keys[] = {"access", "posting", "slow", "registered_only",
                                       "topic_lock"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const json_t *value = json_object_get(json->object, keys[i]);
        if (value == NULL) {
            continue;
        }
        if (request->key.length > 0) {
            json->error_text = SLICE("One setting at a time");
            return ERR_BAD_REQUEST;
        }
        int error = get_value(json, keys[i], value, request);
        if (error != 0) {
            return error;
        }
    }
    return request->key.length > 0 ? 0 : ERR_BAD_REQUEST;
}

static int get_role(struct json_request *json, struct request *request) {
    struct slice role;
    int error = json_get_string(json->object, "role", &role);
    if (error == 0 && !role_parse(role, &request->role)) {
        json->error_text = SLICE("Roles are guest, member, moderator and owner");
        error = ERR_BAD_REQUEST;
    }
    return error;
}

/* Whom it is about, how long and why. */
static int get_target(const json_t *object, struct request *request) {
    bool present;
    int error = json_get_string(object, "name", &request->name);
    if (error == 0) {
        error = json_get_string(object, "address", &request->subject);
    }
    if (error == 0 && request->name.length > 0 && request->subject.length > 0) {
        error = ERR_BAD_REQUEST;
    }
    if (error == 0) {
        error = json_get_u64(object, "seconds", &request->seconds, &present);
    }
    return error != 0 ? error : json_get_string(object, "reason", &request->reason);
}

int json_parse_rule(struct json_request *json, struct request *request) {
    struct slice type;
    int error = json_get_string(json->object, "type", &type);
    request->kind = REQUEST_RULE;
    if (error != 0 || !rule_kind_parse(type, &request->rule)) {
        return ERR_BAD_REQUEST;
    }
    error = get_place(json->object, request);
    if (error == 0) {
        error = get_target(json->object, request);
    }
    if (error == 0 && request->rule == RULE_SET) {
        error = get_setting(json, request);
    }
    if (error == 0 && request->rule == RULE_ROLE) {
        error = get_role(json, request);
    }
    return error;
}

static int get_limit(const json_t *object, struct request *request) {
    uint64_t limit = 0;
    bool present;
    int error = json_get_u64(object, "limit", &limit, &present);
    request->limit = at_most(limit, LIMIT_RULES_ITEMS);
    return error;
}

int json_parse_rules(struct json_request *json, struct request *request) {
    uint64_t offset = 0;
    bool present;
    request->kind = REQUEST_RULES;
    int error = get_place(json->object, request);
    if (error == 0) {
        error = json_get_u64(json->object, "offset", &offset, &present);
    }
    request->offset = at_most(offset, UINT32_MAX);
    return error != 0 ? error : get_limit(json->object, request);
}

int json_parse_audit(struct json_request *json, struct request *request) {
    bool present;
    request->kind = REQUEST_AUDIT;
    int error = get_place(json->object, request);
    if (error == 0) {
        error = json_get_u64(json->object, "before", &request->before, &present);
    }
    return error != 0 ? error : get_limit(json->object, request);
}

static void append_optional(struct buffer *output, const char *key, struct slice value) {
    if (value.length > 0) {
        json_append_string_member(output, key, value);
    }
}

void json_append_notice(struct buffer *output, const struct json_notice *notice) {
    buffer_append_string(output, "{\"type\":\"notice\"");
    append_optional(output, "room", notice->room);
    json_append_string_member(output, "event", notice->event);
    json_append_string_member(output, "by", notice->by);
    append_optional(output, "name", notice->name);
    json_append_string_member(output, "message", notice->message);
    buffer_append_char(output, '}');
}

static void append_switch(struct buffer *output, const char *key, bool on) {
    json_append_key(output, key);
    buffer_append_string(output, on ? "true" : "false");
}

static void append_rule(struct buffer *output, const struct reply_rule *rule) {
    buffer_append_string(output, "{\"rule\":");
    json_append_string(output, rule->kind);
    append_optional(output, "name", rule->name);
    append_optional(output, "role", rule->role);
    append_optional(output, "address", rule->address);
    append_optional(output, "by", rule->by);
    append_optional(output, "reason", rule->reason);
    if (rule->until_us > 0) {
        json_append_key(output, "until");
        buffer_append_char(output, '"');
        buffer_append_timestamp(output, rule->until_us);
        buffer_append_char(output, '"');
    }
    buffer_append_char(output, '}');
}

static void append_end(struct buffer *output, const struct reply *reply) {
    if (reply->more) {
        buffer_append_string(output, ",\"more\":true");
    }
    append_optional(output, "cid", reply->cid);
    buffer_append_char(output, '}');
}

void json_append_rules(struct buffer *output, const struct reply *reply) {
    const struct reply_rules *rules = reply->rules;
    buffer_append_string(output, "{\"type\":\"rules\"");
    append_optional(output, "room", reply->room);
    json_append_string_member(output, "access", rules->access);
    json_append_string_member(output, "posting", rules->posting);
    json_append_u64_member(output, "slow", rules->slow_s);
    append_switch(output, "registered_only", rules->registered_only);
    append_switch(output, "topic_lock", rules->topic_lock);
    json_append_key(output, "items");
    buffer_append_char(output, '[');
    for (size_t i = 0; i < rules->count; i++) {
        buffer_append_string(output, i > 0 ? "," : "");
        append_rule(output, &rules->items[i]);
    }
    buffer_append_char(output, ']');
    append_end(output, reply);
}

static void append_change(struct buffer *output, const struct entry *entry,
                          const struct rule *rule) {
    buffer_append_string(output, "{\"seq\":");
    buffer_append_u64(output, entry->seq);
    json_append_timestamp_member(output, entry->timestamp_us);
    json_append_string_member(output, "by", entry->body.sender);
    json_append_string_member(output, "event", slice_of_string(rule_word(rule->kind)));
    append_optional(output, "room", rule->room);
    append_optional(output, "key", rule->key);
    append_optional(output, "value", rule->value);
    append_optional(output, "name", rule->name);
    append_optional(output, "address", rule->address);
    if (rule->kind == RULE_ROLE) {
        json_append_string_member(output, "role", slice_of_string(role_name(rule->role)));
    }
    if (rule->seconds > 0) {
        json_append_u64_member(output, "seconds", rule->seconds);
    }
    append_optional(output, "reason", rule->reason);
    buffer_append_char(output, '}');
}

void json_append_audit(struct buffer *output, const struct reply *reply) {
    struct buffer memory = {0};
    const char *separator = "";
    buffer_append_string(output, "{\"type\":\"audit\"");
    append_optional(output, "room", reply->room);
    json_append_key(output, "items");
    buffer_append_char(output, '[');
    for (size_t i = 0; i < reply->entry_count; i++) {
        struct rule rule;
        buffer_clear(&memory);
        if (rule_read(reply->entries[i]->body.content, &memory, &rule) == 0) {
            buffer_append_string(output, separator);
            append_change(output, reply->entries[i], &rule);
            separator = ",";
        }
    }
    buffer_append_char(output, ']');
    if (reply->more) {
        json_append_u64_member(output, "before", reply->first);
    }
    append_end(output, reply);
    buffer_close(&memory);
}
