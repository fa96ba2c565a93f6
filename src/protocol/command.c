/* Commands: `verb,parameter`. In no room; everything here is names and direct messages.
 *
 *     C register,Jane     S ack
 *     C list,friends      S Jane,Zak
 *     C chat,Zak,lunch?   S (to Zak) Jane says lunch?
 *
 * A name that has an account is registered with its password: register,Jane,secret.
 *
 * Before `register` nothing else is answered, not even with an error.
 *
 * Its clients may never send a line ending, nor look for one: they take what one read brings for
 * one answer. So until the first LF has come, a command is what has arrived by the time the socket
 * has no more (read_end), nothing we send ends in LF, and delivery leaves a gap between writes.
 * From the first LF on, lines go both ways. The words of the feed differ by that LF, hence two
 * formats. */
#include "base/close_code.h"
#include "base/signature.h"
#include "base/text.h"
#include "protocol/plain.h"
#include "wire/line.h"

#define FRAME_GAP_MS 5

enum command_stage { COMMAND_NAMELESS, COMMAND_REGISTERING, COMMAND_REGISTERED };

struct command_state {
    struct line_reader reader;
    enum command_stage stage;
    bool framed;      /* an LF has come */
    bool left;        /* the input has ended */
    bool proving;     /* the name that is being registered came with a password */
    unsigned guesses; /* wrong passwords */
};

static void open_command(void *state, const struct protocol_settings *settings,
                         const struct handover *handover, struct buffer *output) {
    (void)state;
    (void)settings;
    (void)handover;
    (void)output;
}

static void close_command(void *state) {
    (void)state;
}

static void end_answer(const struct command_state *state, struct buffer *output) {
    if (state->framed)
        buffer_append_char(output, '\n');
}

static void append_error(const struct command_state *state, struct slice text,
                         struct buffer *output) {
    buffer_append_string(output, "error: ");
    plain_append_text(output, text);
    end_answer(state, output);
}

static enum feed_result complain(const struct command_state *state, struct feed *feed,
                                 const char *text) {
    append_error(state, slice_of_string(text), feed->output);
    return FEED_AGAIN;
}

static enum feed_result take_register(struct command_state *state, struct feed *feed,
                                      struct slice parameter) {
    struct slice password = parameter;
    struct slice name = slice_trim(slice_cut(&password, ','));
    struct credential shown = {CREDENTIAL_PASSWORD, name, password};
    if (state->stage != COMMAND_NAMELESS)
        return complain(state, feed, "already registered");
    if (name_check(name) < 0)
        return complain(state, feed, "a name is 1 to 64 letters, digits, '-', '_' or '.'");
    state->proving = password.data != NULL;
    if (state->proving && !credential_plausible(&shown))
        return complain(state, feed, "wrong name or password");
    state->stage = COMMAND_REGISTERING;
    feed->request = (struct request){.kind = REQUEST_NAME, .name = name};
    if (state->proving)
        feed->request.credential = shown;
    return FEED_REQUEST;
}

static enum feed_result take_list(struct command_state *state, struct feed *feed,
                                  struct slice what) {
    if (!slice_equal(what, SLICE("friends")))
        return complain(state, feed, "list what? try list,friends");
    feed->request = (struct request){.kind = REQUEST_NAMES};
    return FEED_REQUEST;
}

static enum feed_result take_chat(struct command_state *state, struct feed *feed,
                                  struct slice parameter) {
    struct slice text = parameter;
    struct slice name = slice_trim(slice_cut(&text, ','));
    text = slice_trim(text);
    if (name.length == 0)
        return complain(state, feed, "chat with whom? try chat,NAME or chat,NAME,TEXT");
    feed->request = (struct request){
        .kind = REQUEST_PUBLISH,
        .to = name,
        .content = text.length > 0 ? text : SLICE("hi"),
    };
    return FEED_REQUEST;
}

static const struct verb {
    struct slice name;
    enum feed_result (*take)(struct command_state *state, struct feed *feed,
                             struct slice parameter);
    bool before_name;
} verbs[] = {
    {SLICE("register"), take_register, .before_name = true},
    {SLICE("list"), take_list},
    {SLICE("chat"), take_chat},
};

#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static const struct verb *find_verb(struct slice name) {
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (slice_equal(name, verbs[i].name))
            return &verbs[i];
    }
    return NULL;
}

/* Before `register` there is no answer to anything else. */
static bool is_answered(const struct command_state *state, struct slice command) {
    const struct verb *verb = find_verb(slice_trim(slice_cut(&command, ',')));
    return state->stage != COMMAND_NAMELESS || (verb && verb->before_name);
}

static enum feed_result take_command(struct command_state *state, struct feed *feed,
                                     struct slice command) {
    struct slice parameter = slice_trim(command);
    if (parameter.length == 0 || !is_answered(state, parameter))
        return FEED_AGAIN;
    struct slice name = slice_trim(slice_cut(&parameter, ','));
    const struct verb *verb = find_verb(name);
    if (!utf8_valid(command))
        return complain(state, feed, "not UTF-8");
    if (!verb || !parameter.data)
        return complain(state, feed, "a command is register,NAME or list,friends or chat,NAME");
    return verb->take(state, feed, slice_trim(parameter));
}

static enum feed_result feed_command(void *opaque, const struct protocol_settings *settings,
                                     struct feed *feed) {
    struct command_state *state = opaque;
    struct slice rest = feed->input, line;
    enum line_result result = line_read(&state->reader, plain_line_limit(settings), &rest, &line);
    feed->consumed = feed->input.length - rest.length;
    switch (result) {
    case LINE_READY:
        state->framed = true;
        return take_command(state, feed, line);
    case LINE_TOO_LONG:
        state->framed |= !state->reader.dropping;
        if (!is_answered(state, feed->input))
            return FEED_AGAIN;
        buffer_append_string(feed->output, "error: ");
        plain_append_too_long(feed->output, settings);
        end_answer(state, feed->output);
        return FEED_AGAIN;
    case LINE_MORE:
    case LINE_DROPPING:
        break;
    }
    return FEED_MORE;
}

/* Whether more bytes could make a command of it: no verb is complete without its comma. */
static bool may_become_command(struct slice text) {
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (slice_starts_with(verbs[i].name, text))
            return true;
    }
    return false;
}

static enum feed_result read_end(void *opaque, const struct protocol_settings *settings,
                                 struct feed *feed) {
    (void)settings;
    struct command_state *state = opaque;
    struct slice command = feed->input;
    if (state->framed)
        return FEED_MORE;
    if (state->reader.dropping) { /* what was too long is over now */
        state->reader = (struct line_reader){0};
        return FEED_MORE;
    }
    if (may_become_command(slice_trim(command)))
        return FEED_MORE;
    feed->consumed = feed->input.length;
    state->reader = (struct line_reader){0};
    return take_command(state, feed, command);
}

/* What waits for its LF by now is the last command. */
static enum feed_result end_of_file(void *opaque, const struct protocol_settings *settings,
                                    struct feed *feed) {
    struct command_state *state = opaque;
    struct slice rest = feed->input, line;
    enum line_result result =
        line_read_last(&state->reader, plain_line_limit(settings), &rest, &line);
    feed->consumed = feed->input.length - rest.length;
    if (result == LINE_READY && !state->left)
        return take_command(state, feed, line);
    if (state->left)
        return FEED_MORE;
    state->left = true;
    feed->request = (struct request){.kind = REQUEST_QUIT, .close_code = CLOSE_NORMAL};
    return FEED_REQUEST;
}

static void append_names(const struct reply *reply, struct buffer *output) {
    for (size_t i = 0; i < reply->item_count; i++) {
        if (i > 0)
            buffer_append_char(output, ',');
        plain_append_text(output, reply->items[i].name);
    }
}

static void reply_error(struct command_state *state, const struct reply *reply,
                        struct buffer *output) {
    struct slice text = plain_error(reply);
    if (state->stage == COMMAND_REGISTERING) {
        state->stage = COMMAND_NAMELESS;
        if (reply->error == ERR_UNAUTHORIZED && state->proving) {
            state->guesses++;
            text = SLICE("wrong name or password");
        } else if (reply->error == ERR_UNAUTHORIZED) {
            text = SLICE("that name has an account, try register,NAME,PASSWORD");
        }
    }
    append_error(state, text, output);
}

static enum format feed_format(const struct command_state *state) {
    return state->framed ? FORMAT_COMMAND_LINES : FORMAT_COMMAND;
}

/* A page goes out in one write, so LF keeps its messages apart even where none follows the last. */
static void append_batch(const struct command_state *state, const struct reply *reply,
                         struct buffer *output) {
    size_t before = buffer_length(output);
    plain_append_batch(output, &command_feed, FORMAT_COMMAND_LINES, reply);
    size_t after = buffer_length(output);
    if (!state->framed && after > before)
        buffer_truncate(output, after - 1);
}

static void reply_command(void *opaque, const struct protocol_settings *settings,
                          const struct reply *reply, struct buffer *output) {
    (void)settings;
    struct command_state *state = opaque;
    switch (reply->kind) {
    case REPLY_NAMED:
        state->stage = COMMAND_REGISTERED;
        buffer_append_string(output, "ack");
        end_answer(state, output);
        break;
    case REPLY_NAMES:
        append_names(reply, output);
        end_answer(state, output);
        break;
    case REPLY_ERROR:
        reply_error(state, reply, output);
        break;
    case REPLY_BATCH:
        append_batch(state, reply, output);
        break;
    default:
        break;
    }
}

static void goodbye(void *state, const struct protocol_settings *settings, uint16_t close_code,
                    struct buffer *output) {
    (void)settings;
    struct slice why = plain_goodbye(close_code);
    if (why.length > 0)
        append_error(state, why, output);
}

/* Of a line that was too long nothing is kept, but it has not ended. */
static bool half_read(const void *opaque) {
    const struct command_state *state = opaque;
    return state->reader.dropping;
}

static struct encoding encoding(const void *state) {
    return (struct encoding){.format = (uint8_t)feed_format(state)};
}

static unsigned frame_gap_ms(const void *opaque) {
    const struct command_state *state = opaque;
    return state->framed ? 0 : FRAME_GAP_MS;
}

/* "Jane says hi", to whom it was said. */
static bool command_entry(enum format format, enum side side, const struct effect *show,
                          struct buffer *output) {
    const struct entry_body *body = &show->show.entry->body;
    struct slice first, second;
    if (body->kind != ENTRY_MESSAGE || body->deleted ||
        !plain_direct_names(show->room, &first, &second))
        return false;
    if (side == show->show.author && !slice_equal(first, second))
        return false;
    signature_append(output, body->sender);
    buffer_append_string(output, " says ");
    plain_append_text(output, body->content);
    if (format == FORMAT_COMMAND_LINES)
        buffer_append_char(output, '\n');
    return true;
}

static bool command_signal(enum format format, enum side side, const struct effect *show,
                           struct buffer *output) {
    (void)format;
    (void)side;
    (void)show;
    (void)output;
    return false;
}

const struct feed_format command_feed = {.entry = command_entry, .signal = command_signal};

static uint16_t close_wanted(const void *opaque) {
    const struct command_state *state = opaque;
    return state->guesses >= LIMIT_LOGIN_ATTEMPTS ? CLOSE_POLICY : 0;
}

const struct protocol command_protocol = {
    .scheme = "command",
    .state_size = sizeof(struct command_state),
    .traits = {.direct = true, .needs_name = true},
    .opens = true,
    .open = open_command,
    .close = close_command,
    .feed = feed_command,
    .read_end = read_end,
    .end_of_file = end_of_file,
    .reply = reply_command,
    .goodbye = goodbye,
    .frame_gap_ms = frame_gap_ms,
    .encoding = encoding,
    .half_read = half_read,
    .close_wanted = close_wanted,
};
