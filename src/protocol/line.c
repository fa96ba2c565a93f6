/* Lines with a name: for people with nc or telnet, and for scripts.
 *
 *     S banter chat server        C Jason                   S Jason has connected
 *       Enter your name:                                      Welcome Jason. Send QUIT to
 * disconnect.
 *
 * Where the name has an account, "Password:" comes before that. The line behind it is never taken
 * for anything else: it is no command, and nobody is shown it. After that each line is a message,
 * QUIT leaves, and lines with a '/' in front are commands (line_command.c). How messages of others
 * look is in line_feed.c, how answers look in line_reply.c. */
#include "protocol/line.h"

#include "base/close_code.h"
#include "base/memory.h"
#include "base/text.h"

static void open_line(void *state, const struct protocol_settings *settings,
                      const struct handover *handover, struct buffer *output) {
    (void)state;
    (void)handover;
    buffer_append_slice(output, settings->banner);
    buffer_append_string(output, "\n" LINE_PROMPT);
}

static void close_line(void *opaque) {
    struct line_state *state = opaque;
    memory_free(state->name);
}

void line_begin_again(struct line_state *state) {
    if (state->stage == LINE_NAMED || state->stage == LINE_LEFT)
        return;
    state->stage = LINE_UNNAMED;
    memory_free(state->name);
    state->name = NULL;
}

void line_complain(const struct line_state *state, struct slice text, struct buffer *output) {
    bool prompting = state->stage == LINE_UNNAMED;
    if (!prompting)
        buffer_append_string(output, "error: ");
    plain_append_text(output, text);
    buffer_append_string(output, prompting ? "\n" LINE_PROMPT : "\n");
}

enum feed_result line_claim(struct line_state *state, struct feed *feed, struct slice name) {
    if (name_check(name) < 0) {
        line_complain(state, SLICE("A name is 1 to 64 letters, digits, '-', '_' or '.'"),
                      feed->output);
        return FEED_AGAIN;
    }
    feed->request = (struct request){.kind = REQUEST_NAME, .name = name, .cid = LINE_NICK};
    if (state->stage == LINE_UNNAMED) {
        state->name = memory_copy_string(name);
        state->stage = LINE_NAMING;
        feed->request.cid = SLICE_NONE;
    }
    return FEED_REQUEST;
}

enum feed_result line_login(struct line_state *state, struct feed *feed, struct slice name,
                            struct slice password) {
    struct credential shown = {CREDENTIAL_PASSWORD, name, password};
    if (!credential_plausible(&shown)) {
        line_refuse_login(state, feed->output);
        return FEED_AGAIN;
    }
    if (state->stage != LINE_NAMED)
        state->stage = LINE_PROVING;
    feed->request = (struct request){
        .kind = REQUEST_NAME, .name = name, .credential = shown, .cid = LINE_LOGIN};
    return FEED_REQUEST;
}

/* The line after "Password:", as it came: a password may begin or end with a space, and none is a
 * command. An empty line: another name after all. */
static enum feed_result take_password(struct line_state *state, struct feed *feed,
                                      struct slice password) {
    if (password.length > 0)
        return line_login(state, feed, slice_of_string(state->name), password);
    line_begin_again(state);
    buffer_append_string(feed->output, LINE_PROMPT);
    return FEED_AGAIN;
}

enum feed_result line_quit(struct line_state *state, struct feed *feed) {
    state->stage = LINE_LEFT;
    feed->request = (struct request){.kind = REQUEST_QUIT, .close_code = CLOSE_NORMAL};
    return FEED_REQUEST;
}

static enum feed_result say(struct feed *feed, struct slice content) {
    feed->request = (struct request){.kind = REQUEST_PUBLISH, .content = content};
    return FEED_REQUEST;
}

static enum feed_result take_line(struct line_state *state, struct feed *feed, struct slice line) {
    if (state->stage == LINE_PASSWORD)
        return take_password(state, feed, line);
    if (!utf8_valid(line)) {
        line_complain(state, SLICE("not UTF-8"), feed->output);
        return FEED_AGAIN;
    }
    line = slice_trim(line);
    if (slice_equal(line, SLICE("QUIT")))
        return line_quit(state, feed);
    if (slice_starts_with(line, SLICE("/")) && !slice_starts_with(line, SLICE("//")))
        return line_command(state, feed, line);
    if (line.length == 0)
        return FEED_AGAIN;
    if (state->stage == LINE_UNNAMED)
        return line_claim(state, feed, line);
    return say(feed, slice_skip(line, line.data[0] == '/' ? 1 : 0));
}

static void complain_too_long(struct line_state *state, const struct protocol_settings *settings,
                              struct buffer *output) {
    struct buffer text = {0};
    if (state->stage == LINE_PASSWORD)
        line_begin_again(state);
    plain_append_too_long(&text, settings);
    line_complain(state, buffer_slice(&text), output);
    buffer_close(&text);
}

/* The next line by `read`; FEED_MORE: there is none. */
static enum feed_result feed_by(line_reading *read, struct line_state *state,
                                const struct protocol_settings *settings, struct feed *feed) {
    struct slice rest = feed->input, line;
    if (state->stage == LINE_NAMING || state->stage == LINE_PROVING)
        return FEED_WAIT;
    if (state->stage == LINE_LEFT) {
        feed->consumed = feed->input.length;
        return FEED_MORE;
    }
    enum line_result result = read(&state->reader, plain_line_limit(settings), &rest, &line);
    feed->consumed = feed->input.length - rest.length;
    switch (result) {
    case LINE_READY:
        return take_line(state, feed, line);
    case LINE_TOO_LONG:
        complain_too_long(state, settings, feed->output);
        return FEED_AGAIN;
    case LINE_MORE:
    case LINE_DROPPING:
        break;
    }
    return FEED_MORE;
}

static enum feed_result feed_line(void *state, const struct protocol_settings *settings,
                                  struct feed *feed) {
    return feed_by(line_read, state, settings, feed);
}

/* What has no LF by now is the last line; after it the person is gone. */
static enum feed_result end_line(void *opaque, const struct protocol_settings *settings,
                                 struct feed *feed) {
    struct line_state *state = opaque;
    enum feed_result result = feed_by(line_read_last, state, settings, feed);
    return result == FEED_MORE && state->stage != LINE_LEFT ? line_quit(state, feed) : result;
}

static void goodbye(void *state, const struct protocol_settings *settings, uint16_t close_code,
                    struct buffer *output) {
    (void)state;
    (void)settings;
    struct slice why = plain_goodbye(close_code);
    if (why.length == 0)
        return;
    buffer_append_string(output, "error: ");
    buffer_append_slice(output, why);
    buffer_append_char(output, '\n');
}

/* Of a line that was too long nothing is kept, but it has not ended. */
static bool half_read(const void *opaque) {
    const struct line_state *state = opaque;
    return state->reader.dropping;
}

static struct encoding encoding(const void *state) {
    (void)state;
    return (struct encoding){.format = FORMAT_LINE};
}

static uint16_t close_wanted(const void *opaque) {
    const struct line_state *state = opaque;
    return state->guesses >= LIMIT_LOGIN_ATTEMPTS ? CLOSE_POLICY : 0;
}

const struct protocol line_protocol = {
    .scheme = "line",
    .state_size = sizeof(struct line_state),
    .traits =
        {
            .lobby_when_named = true,
            .default_room = true,
            .direct = true,
            .needs_name = true,
            .lingers = true,
        },
    .opens = true,
    .open = open_line,
    .close = close_line,
    .feed = feed_line,
    .end_of_file = end_line,
    .reply = line_reply,
    .goodbye = goodbye,
    .encoding = encoding,
    .half_read = half_read,
    .close_wanted = close_wanted,
};
