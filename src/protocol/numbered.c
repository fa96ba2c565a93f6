/* Lines without names: the least a chat can be. What a client sends goes to everyone with its
 * number in front, "Client 3: text"; the hub gives the numbers. Nothing else is ever said, except
 * why a line was not taken. An empty line leaves. */
#include "base/close_code.h"
#include "base/signature.h"
#include "base/text.h"
#include "protocol/plain.h"
#include "wire/line.h"

struct numbered_state {
    struct line_reader reader;
    bool left;
};

static void open_numbered(void *state, const struct protocol_settings *settings,
                          const struct handover *handover, struct buffer *output) {
    (void)state;
    (void)settings;
    (void)handover;
    (void)output;
}

static void close_numbered(void *state) {
    (void)state;
}

static void append_error(struct buffer *output, struct slice text) {
    buffer_append_string(output, "error: ");
    plain_append_text(output, text);
    buffer_append_char(output, '\n');
}

static enum feed_result leave(struct numbered_state *state, struct feed *feed) {
    state->left = true;
    feed->request = (struct request){.kind = REQUEST_QUIT, .close_code = CLOSE_NORMAL};
    return FEED_REQUEST;
}

static enum feed_result take_line(struct numbered_state *state, struct feed *feed,
                                  struct slice line) {
    if (line.length == 0)
        return leave(state, feed);
    if (!utf8_valid(line)) {
        append_error(feed->output, SLICE("not UTF-8"));
        return FEED_AGAIN;
    }
    feed->request = (struct request){.kind = REQUEST_PUBLISH, .content = line};
    return FEED_REQUEST;
}

/* The next line by `read`; FEED_MORE: there is none. */
static enum feed_result feed_by(line_reading *read, struct numbered_state *state,
                                const struct protocol_settings *settings, struct feed *feed) {
    struct slice rest = feed->input, line;
    if (state->left) {
        feed->consumed = feed->input.length;
        return FEED_MORE;
    }
    enum line_result result = read(&state->reader, plain_line_limit(settings), &rest, &line);
    feed->consumed = feed->input.length - rest.length;
    switch (result) {
    case LINE_READY:
        return take_line(state, feed, line);
    case LINE_TOO_LONG:
        buffer_append_string(feed->output, "error: ");
        plain_append_too_long(feed->output, settings);
        buffer_append_char(feed->output, '\n');
        return FEED_AGAIN;
    case LINE_MORE:
    case LINE_DROPPING:
        break;
    }
    return FEED_MORE;
}

static enum feed_result feed_numbered(void *state, const struct protocol_settings *settings,
                                      struct feed *feed) {
    return feed_by(line_read, state, settings, feed);
}

/* What has no LF by now is the last line. */
static enum feed_result end_numbered(void *opaque, const struct protocol_settings *settings,
                                     struct feed *feed) {
    struct numbered_state *state = opaque;
    enum feed_result result = feed_by(line_read_last, state, settings, feed);
    return result == FEED_MORE && !state->left ? leave(state, feed) : result;
}

static void reply_numbered(void *state, const struct protocol_settings *settings,
                           const struct reply *reply, struct buffer *output) {
    (void)state;
    (void)settings;
    if (reply->kind == REPLY_ERROR)
        append_error(output, plain_error(reply));
    else if (reply->kind == REPLY_BATCH)
        plain_append_batch(output, &numbered_feed, FORMAT_NUMBERED, reply);
}

static void goodbye(void *state, const struct protocol_settings *settings, uint16_t close_code,
                    struct buffer *output) {
    (void)state;
    (void)settings;
    struct slice why = close_code == CLOSE_POLICY
                           ? SLICE("one has to log in here, and these lines have no way to")
                           : plain_goodbye(close_code);
    if (why.length > 0)
        append_error(output, why);
}

/* Of a line that was too long nothing is kept, but it has not ended. */
static bool half_read(const void *opaque) {
    const struct numbered_state *state = opaque;
    return state->reader.dropping;
}

static struct encoding encoding(const void *state) {
    (void)state;
    return (struct encoding){.format = FORMAT_NUMBERED};
}

static bool numbered_entry(enum format format, enum side side, const struct effect *show,
                           struct buffer *output) {
    (void)format;
    const struct entry_body *body = &show->show.entry->body;
    if (body->kind != ENTRY_MESSAGE || side != SIDE_PUBLIC || body->deleted)
        return false;
    struct buffer prefix = {0};
    signature_append(&prefix, body->sender);
    buffer_append_string(&prefix, ": ");
    plain_append_lines(output, buffer_slice(&prefix), body->content);
    buffer_close(&prefix);
    return true;
}

static bool numbered_signal(enum format format, enum side side, const struct effect *show,
                            struct buffer *output) {
    (void)format;
    (void)side;
    (void)show;
    (void)output;
    return false;
}

const struct feed_format numbered_feed = {.entry = numbered_entry, .signal = numbered_signal};

const struct protocol numbered_protocol = {
    .scheme = "numbered",
    .state_size = sizeof(struct numbered_state),
    .traits = {.lobby_at_open = true, .default_room = true, .numbered = true, .no_login = true},
    .opens = true,
    .open = open_numbered,
    .close = close_numbered,
    .feed = feed_numbered,
    .end_of_file = end_numbered,
    .reply = reply_numbered,
    .goodbye = goodbye,
    .encoding = encoding,
    .half_read = half_read,
};
