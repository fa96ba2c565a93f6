/* Requests in JSON. One function for each type, found by the table at the end; to add a type, write
 * its function and name it there.
 *
 * Members that a type does not know are ignored. A member that it knows must have its type; null
 * counts as absent, except where it would stand for a message's words. */
#include "base/codepoint.h"
#include "base/limits.h"
#include "base/memory.h"
#include "protocol/json.h"
#include "wire/secret.h"

void json_request_close(struct json_request *json) {
    json_decref(json->object);
    memory_free(json->resume);
    memory_free(json->rooms);
    memory_free(json->number);
    *json = (struct json_request){0};
}

static int get_short_string(const json_t *object, const char *key, size_t max_characters,
                            struct slice *value) {
    struct slice string;
    int error = json_get_string(object, key, &string);
    if (error != 0) {
        return error;
    }
    struct slice rest = string;
    for (size_t characters = 0; rest.length > 0; characters++) {
        if (characters == max_characters) {
            return ERR_BAD_REQUEST;
        }
        codepoint_take(&rest);
    }
    *value = string;
    return 0;
}

/* A string that may be absent but not null. */
static int get_words(const json_t *object, const char *key, struct slice *value) {
    return json_is_null(json_object_get(object, key)) ? ERR_BAD_REQUEST
                                                      : json_get_string(object, key, value);
}

static int get_room(const json_t *object, struct request *request) {
    return json_get_string(object, "room", &request->room);
}

static int get_optional_number(const json_t *object, const char *key, uint64_t *value) {
    bool present;
    return json_get_u64(object, key, value, &present);
}

/* The entry an edit, a delete or a reaction is about. */
static int get_target(const json_t *object, struct request *request) {
    int error = get_optional_number(object, "of", &request->of);
    if (error == 0 && request->of == 0) {
        error = ERR_BAD_REQUEST;
    }
    return error;
}

/* Room, or the name of whom it is said to, and the label to sign with: of all that makes an entry.
 * */
static int parse_entry(const json_t *object, enum entry_kind kind, struct request *request) {
    request->kind = REQUEST_PUBLISH;
    request->entry = kind;
    int error = get_room(object, request);
    if (error == 0) {
        error = json_get_string(object, "to", &request->to);
    }
    if (error == 0) {
        error = get_words(object, "sender", &request->sender);
    }
    return error;
}

static int parse_message(struct json_request *json, struct request *request) {
    int error = parse_entry(json->object, ENTRY_MESSAGE, request);
    if (error == 0) {
        error = get_words(json->object, "content", &request->content);
    }
    if (error == 0) {
        error = get_optional_number(json->object, "re", &request->re);
    }
    return error;
}

static int parse_edit(struct json_request *json, struct request *request) {
    int error = parse_entry(json->object, ENTRY_EDIT, request);
    if (error == 0) {
        error = get_target(json->object, request);
    }
    if (error == 0) {
        error = get_words(json->object, "content", &request->content);
    }
    return error;
}

static int parse_delete(struct json_request *json, struct request *request) {
    int error = parse_entry(json->object, ENTRY_DELETE, request);
    return error != 0 ? error : get_target(json->object, request);
}

static int parse_operation(const json_t *object, struct request *request) {
    struct slice operation;
    int error = json_get_string(object, "op", &operation);
    if (error != 0) {
        return error;
    }
    request->removal = slice_equal(operation, SLICE("remove"));
    bool known = request->removal || operation.length == 0 || slice_equal(operation, SLICE("add"));
    return known ? 0 : ERR_BAD_REQUEST;
}

static int parse_react(struct json_request *json, struct request *request) {
    int error = parse_entry(json->object, ENTRY_REACTION, request);
    if (error == 0) {
        error = get_target(json->object, request);
    }
    if (error == 0) {
        error = get_short_string(json->object, "key", LIMIT_REACTION_CHARACTERS, &request->key);
    }
    if (error == 0 && request->key.length == 0) {
        error = ERR_BAD_REQUEST;
    }
    return error != 0 ? error : parse_operation(json->object, request);
}

static int parse_topic(struct json_request *json, struct request *request) {
    int error = parse_entry(json->object, ENTRY_TOPIC, request);
    return error != 0 ? error : get_words(json->object, "content", &request->content);
}

static int parse_typing(struct json_request *json, struct request *request) {
    request->kind = REQUEST_TYPING;
    struct slice state;
    int error = json_get_string(json->object, "state", &state);
    if (error != 0) {
        return error;
    }
    request->active = state.length == 0 || slice_equal(state, SLICE("active"));
    return get_room(json->object, request);
}

static int parse_read(struct json_request *json, struct request *request) {
    request->kind = REQUEST_READ;
    bool present = false;
    int error = get_room(json->object, request);
    if (error == 0) {
        error = json_get_u64(json->object, "seq", &request->after, &present);
    }
    return error == 0 && !present ? ERR_BAD_REQUEST : error;
}

static int parse_join(struct json_request *json, struct request *request) {
    request->kind = REQUEST_JOIN;
    int error = get_room(json->object, request);
    if (error == 0 && request->room.length == 0) {
        error = ERR_BAD_REQUEST;
    }
    if (error == 0) {
        error = get_short_string(json->object, "epoch", LIMIT_EPOCH_CHARACTERS, &request->epoch);
    }
    if (error == 0) {
        error = json_get_u64(json->object, "after", &request->after, &request->has_after);
    }
    return error;
}

static int parse_leave(struct json_request *json, struct request *request) {
    request->kind = REQUEST_LEAVE;
    return get_room(json->object, request);
}

static int parse_history(struct json_request *json, struct request *request) {
    request->kind = REQUEST_HISTORY;
    uint64_t limit = 0;
    bool has_before = false;
    int error = get_room(json->object, request);
    if (error == 0) {
        error = json_get_u64(json->object, "after", &request->after, &request->has_after);
    }
    if (error == 0) {
        error = json_get_u64(json->object, "before", &request->before, &has_before);
    }
    if (error == 0 && has_before && request->before == 0) {
        error = ERR_BAD_REQUEST; /* there is nothing before the first; 0 means the end to the hub */
    }
    if (error == 0) {
        error = get_optional_number(json->object, "limit", &limit);
    }
    request->limit = limit > LIMIT_BATCH_ENTRIES ? LIMIT_BATCH_ENTRIES : (unsigned)limit;
    return error;
}

static int parse_rooms_to_search(struct json_request *json, struct request *request) {
    json_t *rooms = json_object_get(json->object, "rooms");
    if (rooms == NULL || json_is_null(rooms)) {
        return 0;
    }
    if (!json_is_array(rooms)) {
        return ERR_BAD_REQUEST;
    }
    size_t count = json_array_size(rooms);
    if (count > LIMIT_SEARCH_ROOMS) {
        return ERR_TOO_MANY;
    }
    json->rooms = memory_new((count + 1) * sizeof(json->rooms[0]));
    for (size_t i = 0; i < count; i++) {
        const json_t *room = json_array_get(rooms, i);
        if (!json_is_string(room)) {
            return ERR_BAD_REQUEST;
        }
        json->rooms[i] = slice_from(json_string_value(room), json_string_length(room));
    }
    request->rooms = json->rooms;
    request->room_count = count;
    return 0;
}

static unsigned at_most(uint64_t value, unsigned most) {
    return value < most ? (unsigned)value : most;
}

static int parse_search(struct json_request *json, struct request *request) {
    request->kind = REQUEST_SEARCH;
    uint64_t limit = 0, offset = 0;
    int error = get_words(json->object, "q", &request->content);
    if (error == 0) {
        error = parse_rooms_to_search(json, request);
    }
    if (error == 0) {
        error = get_optional_number(json->object, "limit", &limit);
    }
    if (error == 0) {
        error = get_optional_number(json->object, "offset", &offset);
    }
    request->limit = at_most(limit, LIMIT_BATCH_ENTRIES);
    request->offset = at_most(offset, LIMIT_SEARCH_OFFSET + 1);
    return error;
}

static int parse_rooms(struct json_request *json, struct request *request) {
    (void)json;
    request->kind = REQUEST_ROOMS;
    return 0;
}

static int parse_members(struct json_request *json, struct request *request) {
    request->kind = REQUEST_MEMBERS;
    return get_room(json->object, request);
}

static int parse_resume_point(const char *room, const json_t *value, struct resume_point *point) {
    if (!json_is_object(value)) {
        return ERR_BAD_REQUEST;
    }
    bool present;
    int error = json_get_u64(value, "after", &point->after, &present);
    if (error == 0 && !present) {
        error = ERR_BAD_REQUEST;
    }
    if (error == 0) {
        error = get_short_string(value, "epoch", LIMIT_EPOCH_CHARACTERS, &point->epoch);
    }
    point->room = slice_of_string(room);
    return error;
}

static int parse_resume(struct json_request *json, struct request *request) {
    json_t *resume = json_object_get(json->object, "resume");
    if (resume == NULL || json_is_null(resume)) {
        return 0;
    }
    if (!json_is_object(resume)) {
        return ERR_BAD_REQUEST;
    }
    size_t size = json_object_size(resume);
    if (size > LIMIT_ROOMS_PER_SESSION) {
        return ERR_TOO_MANY;
    }
    json->resume = memory_new((size + 1) * sizeof(json->resume[0]));
    const char *room;
    json_t *value;
    size_t count = 0;
    json_object_foreach(resume, room, value) {
        int error = parse_resume_point(room, value, &json->resume[count++]);
        if (error != 0) {
            return error;
        }
    }
    request->resume = json->resume;
    request->resume_count = count;
    return 0;
}

static int parse_hello(struct json_request *json, struct request *request) {
    request->kind = REQUEST_HELLO;
    int error = json_get_string(json->object, "name", &request->name);
    if (error == 0) {
        error = json_get_credential(json, request->name, &request->credential);
    }
    if (error == 0) {
        error = json_get_string(json->object, "session", &request->session);
    }
    if (error == 0 && request->credential.kind != CREDENTIAL_NONE &&
        secret_is_accounts(request->session)) {
        json->error_text = SLICE("Either a session or a token or a password");
        error = ERR_BAD_REQUEST;
    }
    /* Of what cannot be a secret there is no digest: no identity but a session's may ever be
     * claimed by one. */
    if (error == 0 && secret_valid(request->session)) {
        secret_digest(request->session, request->session_identity.bytes);
    }
    return error != 0 ? error : parse_resume(json, request);
}

static int parse_auth(struct json_request *json, struct request *request) {
    request->kind = REQUEST_AUTH;
    int error = json_get_token(json, &request->credential);
    return error == 0 && request->credential.kind == CREDENTIAL_NONE ? ERR_BAD_REQUEST : error;
}

static const struct {
    const char *name;
    int (*parse)(struct json_request *json, struct request *request);
} request_types[] = {
    {"message", parse_message},  {"hello", parse_hello},      {"join", parse_join},
    {"leave", parse_leave},      {"typing", parse_typing},    {"read", parse_read},
    {"react", parse_react},      {"edit", parse_edit},        {"delete", parse_delete},
    {"topic", parse_topic},      {"history", parse_history},  {"search", parse_search},
    {"create", json_parse_rule}, {"set", json_parse_rule},    {"role", json_parse_rule},
    {"invite", json_parse_rule}, {"kick", json_parse_rule},   {"ban", json_parse_rule},
    {"unban", json_parse_rule},  {"mute", json_parse_rule},   {"unmute", json_parse_rule},
    {"rules", json_parse_rules}, {"audit", json_parse_audit}, {"rooms", parse_rooms},
    {"members", parse_members},  {"auth", parse_auth},
};

static int parse_type(struct slice type, struct json_request *json, struct request *request) {
    for (size_t i = 0; i < sizeof(request_types) / sizeof(request_types[0]); i++) {
        if (slice_equal(type, slice_of_string(request_types[i].name))) {
            return request_types[i].parse(json, request);
        }
    }
    return ERR_BAD_REQUEST;
}

int json_request_parse(struct slice text, struct json_request *json, struct request *request) {
    *request = (struct request){0};
    json->object = json_parse_message(text);
    if (json->object == NULL) {
        return ERR_BAD_REQUEST;
    }
    int error = get_short_string(json->object, "cid", LIMIT_CID_CHARACTERS, &request->cid);
    if (error != 0) {
        return error;
    }
    struct slice type;
    error = get_words(json->object, "type", &type);
    if (error != 0) {
        return error;
    }
    if (json_object_get(json->object, "type") == NULL) {
        type = SLICE("message");
    }
    return parse_type(type, json, request);
}
