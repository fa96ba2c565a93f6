#include "protocol/plain.h"

#include "base/close_code.h"
#include "base/codepoint.h"
#include "base/text.h"

/* How much the prefixes may add to a message: this, and four times its length. */
#define PREFIXES_FREE (16 * 1024)

/* Bytes of the line ending at `at`; 0 when there is none. */
static size_t ending_length(struct slice text, size_t at) {
    const unsigned char *bytes = (const unsigned char *)text.data + at;
    size_t left = text.length - at;
    switch (bytes[0]) {
    case '\n':
    case '\v':
    case '\f':
        return 1;
    case '\r':
        return left > 1 && bytes[1] == '\n' ? 2 : 1;
    case 0xc2: /* NEL */
        return left > 1 && bytes[1] == 0x85 ? 2 : 0;
    case 0xe2: /* U+2028, U+2029 */
        return left > 2 && bytes[1] == 0x80 && (bytes[2] == 0xa8 || bytes[2] == 0xa9) ? 3 : 0;
    default:
        return 0;
    }
}

/* Length of the first line, and of what ends it (0: the end of the text). */
static size_t line_length(struct slice text, size_t *ending) {
    *ending = 0;
    size_t length = 0;
    while (length < text.length && (*ending = ending_length(text, length)) == 0)
        length++;
    return length;
}

void plain_append_text(struct buffer *out, struct slice text) {
    while (text.length > 0) {
        size_t ending, length = line_length(text, &ending);
        text_append_line(out, slice_from(text.data, length));
        if (ending > 0)
            buffer_append_string(out, CODEPOINT_REPLACEMENT);
        text = slice_skip(text, length + ending);
    }
}

void plain_append_lines(struct buffer *out, struct slice prefix, struct slice text) {
    size_t budget = PREFIXES_FREE + 4 * text.length;
    do {
        size_t ending = 0, length = text.length;
        if (budget >= prefix.length) {
            length = line_length(text, &ending);
            budget -= prefix.length;
        }
        buffer_append_slice(out, prefix);
        plain_append_text(out, slice_from(text.data, length));
        buffer_append_char(out, '\n');
        text = slice_skip(text, length + ending);
    } while (text.length > 0);
}

bool plain_direct_names(struct slice room, struct slice *first, struct slice *second) {
    if (!slice_starts_with(room, SLICE("@")))
        return false;
    *second = slice_skip(room, 1);
    *first = slice_cut(second, ',');
    return true;
}

void plain_append_batch(struct buffer *out, const struct feed_format *feed, enum format format,
                        const struct reply *reply) {
    struct slice first, second;
    bool direct = plain_direct_names(reply->room, &first, &second);
    for (size_t i = 0; i < reply->entry_count; i++) {
        struct effect show = {.kind = EFFECT_SHOW_ENTRY, .room = reply->room};
        show.show.entry = reply->entries[i];
        if (direct)
            show.show.author =
                slice_equal(reply->entries[i]->body.sender, first) ? SIDE_FIRST : SIDE_SECOND;
        feed->entry(format, (enum side)reply->side, &show, out);
    }
}

struct slice plain_error(const struct reply *reply) {
    bool usual = reply->text.length == 0 ||
                 slice_equal(reply->text, slice_of_string(error_text(reply->error)));
    if (reply->error == ERR_UNAVAILABLE && usual)
        return SLICE("Not known to be stored, send it again");
    return reply->text.length > 0 ? reply->text : slice_of_string(error_text(reply->error));
}

struct slice plain_goodbye(uint16_t close_code) {
    switch (close_code) {
    case CLOSE_NORMAL:
        return SLICE_NONE;
    case CLOSE_GOING_AWAY:
        return SLICE("the server is shutting down");
    case CLOSE_RESTART:
        return SLICE("the server is restarting, connect again");
    case CLOSE_POLICY:
        return SLICE("not allowed");
    case CLOSE_TRY_LATER:
        return SLICE("the server is busy, try again later");
    case CLOSE_TOO_SLOW:
        return SLICE("too slow, messages were piling up");
    case CLOSE_IDLE:
        return SLICE("nothing was heard from you for too long");
    case CLOSE_KICKED:
        return SLICE("kicked");
    case CLOSE_BANNED:
        return SLICE("banned");
    case CLOSE_REPLACED:
        return SLICE("replaced by another connection");
    default:
        return SLICE("connection closed");
    }
}

void plain_append_too_long(struct buffer *out, const struct protocol_settings *settings) {
    buffer_append_format(out, "line too long, %zu bytes at most", settings->max_message);
}

size_t plain_line_limit(const struct protocol_settings *settings) {
    return settings->max_message + LIMIT_LINE_OVERHEAD;
}
