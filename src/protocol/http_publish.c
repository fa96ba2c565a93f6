/* What POST /r/ROOM says: a body that is the message's text, or JSON, and headers as ntfy has them.
 * A body of any type but JSON is text, for `curl -d 'disk full'` calls it a form.
 *
 * What stands beside the text (title, priority, tags, click) becomes members of a JSON object,
 * which travel with the entry. A member of a JSON body wins over the header of the same name. */
#include <string.h>

#include "base/codepoint.h"
#include "base/limits.h"
#include "base/text.h"
#include "protocol/http.h"

#define PRIORITY_MAX 5

/* The same with and without "X-", as ntfy reads it. */
static struct slice header_of(const struct http_message *message, const char *name) {
    struct slice value = http_header(message, name);
    if (value.data != NULL) {
        return value;
    }
    char prefixed[32] = "X-";
    strncat(prefixed, name, sizeof(prefixed) - 3);
    return http_header(message, prefixed);
}

/* A string of the JSON body, else of a header; data NULL: neither. */
static int get_text(const struct http_exchange *exchange, const char *member, const char *header,
                    struct slice *value) {
    struct slice found = SLICE_NONE;
    int error = 0;
    if (exchange->connection->object != NULL) {
        error = json_get_string(exchange->connection->object, member, &found);
    }
    if (error == 0 && found.data == NULL) {
        found = header_of(exchange->message, header);
        error = utf8_valid(found) ? 0 : ERR_BAD_REQUEST;
    }
    if (error == 0) {
        *value = found;
    }
    return error;
}

static int append_text(const struct http_exchange *exchange, const char *member, const char *header,
                       struct buffer *meta) {
    struct slice value;
    int error = get_text(exchange, member, header, &value);
    if (error == 0 && value.length > 0) {
        json_append_string_member(meta, member, value);
    }
    return error;
}

/* 1 to 5, or ntfy's word for it. 0: neither. */
static unsigned parse_priority(struct slice text) {
    static const struct {
        const char *word;
        unsigned priority;
    } words[] = {{"min", 1}, {"low", 2}, {"default", 3}, {"high", 4}, {"urgent", 5}, {"max", 5}};
    uint64_t number = 0;
    if (slice_to_u64(text, &number)) {
        return number <= PRIORITY_MAX ? (unsigned)number : 0;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (slice_equal_ignoring_case(text, slice_of_string(words[i].word))) {
            return words[i].priority;
        }
    }
    return 0;
}

static int append_priority(const struct http_exchange *exchange, struct buffer *meta) {
    const json_t *object = exchange->connection->object;
    uint64_t priority = 0;
    bool present;
    struct slice text;
    int error;
    if (json_is_number(json_object_get(object, "priority"))) {
        error = json_get_u64(object, "priority", &priority, &present);
    } else {
        error = get_text(exchange, "priority", "Priority", &text);
        if (error == 0 && text.length == 0) {
            return 0;
        }
        priority = error == 0 ? parse_priority(text) : 0;
    }
    if (error != 0 || priority < 1 || priority > PRIORITY_MAX) {
        return ERR_BAD_REQUEST;
    }
    json_append_u64_member(meta, "priority", priority);
    return 0;
}

static void append_tag(struct buffer *list, struct slice tag) {
    if (tag.length > 0) {
        buffer_append_string(list, buffer_length(list) > 0 ? "," : "");
        json_append_string(list, tag);
    }
}

static int collect_tags(const struct http_exchange *exchange, struct buffer *list) {
    json_t *member = json_object_get(exchange->connection->object, "tags");
    struct slice text;
    if (json_is_array(member)) {
        size_t index;
        json_t *tag;
        json_array_foreach(member, index, tag) {
            if (!json_is_string(tag)) {
                return ERR_BAD_REQUEST;
            }
            append_tag(list, slice_from(json_string_value(tag), json_string_length(tag)));
        }
        return 0;
    }
    int error = get_text(exchange, "tags", "Tags", &text);
    while (error == 0 && text.length > 0) {
        append_tag(list, slice_trim(slice_cut(&text, ',')));
    }
    return error;
}

static int append_tags(const struct http_exchange *exchange, struct buffer *meta) {
    struct buffer list = {0};
    int error = collect_tags(exchange, &list);
    if (error == 0 && buffer_length(&list) > 0) {
        json_append_key(meta, "tags");
        buffer_append_char(meta, '[');
        buffer_append_slice(meta, buffer_slice(&list));
        buffer_append_char(meta, ']');
    }
    buffer_close(&list);
    return error;
}

static int parse_meta(struct http_exchange *exchange, struct slice *text) {
    struct buffer *meta = &exchange->connection->scratch;
    int error = append_text(exchange, "title", "Title", meta);
    if (error != 0) {
        *text = SLICE("The title must be text");
        return error;
    }
    error = append_priority(exchange, meta);
    if (error != 0) {
        *text = SLICE("The priority must be a number from 1 to 5, or min, low, default, high, max");
        return error;
    }
    error = append_tags(exchange, meta);
    if (error != 0) {
        *text = SLICE("The tags must be text");
        return error;
    }
    error = append_text(exchange, "click", "Click", meta);
    if (error != 0) {
        *text = SLICE("The click target must be text");
        return error;
    }
    exchange->feed->request.meta = slice_skip(buffer_slice(meta), 1); /* without the first comma */
    if (exchange->feed->request.meta.length > LIMIT_META) {
        *text = SLICE("Title, tags and click target are too long");
        return ERR_TOO_LARGE;
    }
    return 0;
}

static bool is_json(const struct http_message *message) {
    struct slice type = http_header(message, "Content-Type");
    return slice_equal_ignoring_case(slice_trim(slice_cut(&type, ';')), SLICE("application/json"));
}

static int parse_content(struct http_exchange *exchange, struct slice *text) {
    struct http_connection *connection = exchange->connection;
    struct request *request = &exchange->feed->request;
    struct slice body = exchange->message->body;
    if (!is_json(exchange->message)) {
        *text = SLICE("The body is not UTF-8");
        request->content = body;
        return utf8_valid(body) ? 0 : ERR_BAD_REQUEST;
    }
    connection->object = json_parse_message(body);
    if (connection->object == NULL) {
        *text = SLICE("The body is not a JSON object");
        return ERR_BAD_REQUEST;
    }
    *text = SLICE("The content must be text");
    return json_get_string(connection->object, "content", &request->content);
}

int http_idempotency_key(const struct http_message *message, struct slice *key) {
    struct slice found = http_header(message, "Idempotency-Key");
    struct slice rest = found;
    size_t characters = 0;
    while (rest.length > 0) {
        if (codepoint_take(&rest) < 0 || ++characters > LIMIT_CID_CHARACTERS) {
            return ERR_BAD_REQUEST;
        }
    }
    *key = found;
    return 0;
}

int http_publish_parse(struct http_exchange *exchange, struct slice *text) {
    int error = parse_content(exchange, text);
    if (error == 0) {
        *text = SLICE("The Idempotency-Key is longer than 64 characters, or not UTF-8");
        error = http_idempotency_key(exchange->message, &exchange->feed->request.cid);
    }
    if (error == 0) {
        *text = SLICE("The sender must be text");
        error = get_text(exchange, "sender", "Sender", &exchange->feed->request.sender);
    }
    return error != 0 ? error : parse_meta(exchange, text);
}
