#include "protocol/hook_payload.h"

#include "base/text.h"
#include "protocol/slack_text.h"
#include "wire/http.h"

static const struct slice ellipsis = SLICE("…");

/* A member that should be a text and is none counts as missing: senders write numbers and null. */
static struct slice text_of(const json_t *object, const char *key) {
    const json_t *member = json_object_get(object, key);

    return json_is_string(member)
               ? slice_from(json_string_value(member), json_string_length(member))
               : SLICE_NONE;
}

static void end_line(struct buffer *out) {
    struct slice written = buffer_slice(out);

    if (written.length > 0 && written.data[written.length - 1] != '\n') {
        buffer_append_char(out, '\n');
    }
}

/* As lines of its own, without white space around it. */
static void append_part(struct buffer *out, struct slice text, bool styled) {
    text = slice_trim(text);
    if (text.length > 0) {
        end_line(out);
        slack_text_append(out, text, styled);
    }
}

/* {"type":"mrkdwn","text":"…"}, or plain_text, in which nothing is markup. */
static void append_text_object(struct buffer *out, const json_t *object) {
    struct slice text = slice_trim(text_of(object, "text"));
    bool plain = slice_equal(text_of(object, "type"), SLICE("plain_text"));

    if (plain && text.length > 0) {
        end_line(out);
        buffer_append_slice(out, text);
    } else {
        append_part(out, text, true);
    }
}

static void append_text_objects(struct buffer *out, const json_t *array) {
    size_t index;
    const json_t *object;

    json_array_foreach(array, index, object) {
        append_text_object(out, object);
    }
}

/* Block Kit: sections, headers and contexts hold text objects; a block of markdown a text. */
static void append_blocks(struct buffer *out, const json_t *blocks) {
    size_t index;
    const json_t *block;

    json_array_foreach(blocks, index, block) {
        append_part(out, text_of(block, "text"), true);
        append_text_object(out, json_object_get(block, "text"));
        append_text_objects(out, json_object_get(block, "fields"));
        append_text_objects(out, json_object_get(block, "elements"));
    }
}

static void append_title(struct buffer *out, const json_t *attachment) {
    struct slice title = slice_trim(text_of(attachment, "title"));
    struct slice link = slice_trim(text_of(attachment, "title_link"));

    append_part(out, title, true);
    if (link.length > 0 && title.length > 0) {
        buffer_append_string(out, " (");
        buffer_append_slice(out, link);
        buffer_append_char(out, ')');
    }
}

static void append_fields(struct buffer *out, const json_t *fields) {
    size_t index;
    const json_t *field;

    json_array_foreach(fields, index, field) {
        struct slice value = slice_trim(text_of(field, "value"));

        append_part(out, text_of(field, "title"), true);
        if (value.length > 0 && slice_trim(text_of(field, "title")).length > 0) {
            buffer_append_string(out, ": ");
            slack_text_append(out, value, true);
        } else {
            append_part(out, value, true);
        }
    }
}

static void append_attachment(struct buffer *out, const json_t *attachment) {
    size_t before = buffer_length(out);

    append_part(out, text_of(attachment, "pretext"), true);
    append_title(out, attachment);
    append_part(out, text_of(attachment, "text"), true);
    append_fields(out, json_object_get(attachment, "fields"));
    append_blocks(out, json_object_get(attachment, "blocks"));
    if (buffer_length(out) == before) {
        append_part(out, text_of(attachment, "fallback"), true);
    }
}

/* Whether the member is missing, null, or what `right` says. */
static bool is_missing_or(const json_t *member, bool right) {
    return member == NULL || json_is_null(member) || right;
}

static const char *append_attachments(struct buffer *out, const json_t *attachments) {
    size_t index;
    const json_t *attachment;

    if (!is_missing_or(attachments, json_is_array(attachments))) {
        return "invalid_payload";
    }
    if (json_array_size(attachments) > HOOK_ATTACHMENTS_MAX) {
        return "too_many_attachments";
    }
    json_array_foreach(attachments, index, attachment) {
        if (!json_is_object(attachment)) {
            return "invalid_payload";
        }
        append_attachment(out, attachment);
    }
    return NULL;
}

/* NULL: all is well. */
static const char *append_message(struct buffer *out, const json_t *object) {
    const json_t *text = json_object_get(object, "text");
    bool styled = !json_is_false(json_object_get(object, "mrkdwn"));

    if (!is_missing_or(text, json_is_string(text))) {
        return "invalid_payload";
    }
    append_part(out, text_of(object, "text"), styled);
    if (buffer_length(out) == 0) {
        append_blocks(out, json_object_get(object, "blocks"));
    }
    return append_attachments(out, json_object_get(object, "attachments"));
}

static void shorten(struct buffer *text, size_t most) {
    if (buffer_length(text) > most && most > ellipsis.length) {
        buffer_truncate(text, text_beginning(buffer_slice(text), most - ellipsis.length).length);
        buffer_append_slice(text, ellipsis);
    }
}

/* Which of the two it is the body itself tells: `curl -d '{…}'` calls JSON a form, and so do
 * others. */
static json_t *find_object(struct slice body) {
    struct buffer value = {0};
    json_t *object = NULL;

    if (slice_starts_with(slice_trim(body), SLICE("{"))) {
        object = json_parse_object(body);
    } else if (http_query(body, "payload", &value)) {
        object = json_parse_object(buffer_slice(&value));
    }
    buffer_close(&value);
    return object;
}

int hook_payload_parse(struct slice body, size_t max_text, struct hook_payload *payload,
                       const char **word) {
    struct hook_payload parsed = {0};
    json_t *object = find_object(body);
    const char *wrong = "invalid_payload";

    if (object != NULL) {
        wrong = append_message(&parsed.text, object);
        buffer_append_slice(&parsed.sender, text_first(slice_trim(text_of(object, "username")),
                                                       HOOK_SENDER_CHARACTERS));
    }
    json_decref(object);
    if (wrong == NULL && slice_trim(buffer_slice(&parsed.text)).length == 0) {
        wrong = "no_text";
    }
    if (wrong != NULL) {
        hook_payload_close(&parsed);
        *word = wrong;
        return ERR_BAD_REQUEST;
    }
    shorten(&parsed.text, max_text);
    *payload = parsed;
    return 0;
}

void hook_payload_close(struct hook_payload *payload) {
    buffer_close(&payload->text);
    buffer_close(&payload->sender);
}
