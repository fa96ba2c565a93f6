/* The commands of the line protocol: a table, and a function for each. To add one, write both;
 * /help shows it by itself. */
#include "protocol/line.h"

#include "base/text.h"
#include "wire/secret.h"

#define HISTORY_DEFAULT 20

struct command {
    struct slice name;
    const char *arguments; /* as people read them; in brackets: may be left out; NULL: takes none */
    const char *help;
    /* `arguments` is trimmed, and empty only where it may be. */
    enum feed_result (*run)(struct line_state *state, struct feed *feed, struct slice arguments);
    bool before_name; /* can be used at the prompt */
    bool whole_line;  /* `run` gets the line as it is instead */
};

static enum feed_result complain(struct line_state *state, struct feed *feed, const char *text) {
    line_complain(state, slice_of_string(text), feed->output);
    return FEED_AGAIN;
}

static enum feed_result ask(struct feed *feed, struct request request) {
    feed->request = request;
    return FEED_REQUEST;
}

static enum feed_result join(struct line_state *state, struct feed *feed, struct slice room) {
    if (name_check(room) < 0)
        return complain(state, feed,
                        "the name of a room is 1 to 64 letters, digits, '-', '_' or '.'");
    return ask(feed, (struct request){.kind = REQUEST_JOIN, .room = room, .move = true});
}

static enum feed_result rooms(struct line_state *state, struct feed *feed, struct slice arguments) {
    (void)state;
    (void)arguments;
    return ask(feed, (struct request){.kind = REQUEST_ROOMS});
}

static enum feed_result who(struct line_state *state, struct feed *feed, struct slice arguments) {
    (void)state;
    (void)arguments;
    return ask(feed, (struct request){.kind = REQUEST_MEMBERS});
}

static enum feed_result message(struct line_state *state, struct feed *feed, struct slice text) {
    struct slice name = slice_cut(&text, ' ');
    text = slice_trim(text);
    if (text.length == 0)
        return complain(state, feed, "usage: /msg NAME TEXT");
    return ask(feed, (struct request){.kind = REQUEST_PUBLISH, .to = name, .content = text});
}

/* The words go out as they were typed: that is how "/me" travels between chats, and each reader
 * words it. */
static enum feed_result act(struct line_state *state, struct feed *feed, struct slice line) {
    (void)state;
    return ask(feed, (struct request){.kind = REQUEST_PUBLISH, .content = line});
}

static enum feed_result topic(struct line_state *state, struct feed *feed, struct slice text) {
    (void)state;
    return ask(feed,
               (struct request){.kind = REQUEST_PUBLISH, .entry = ENTRY_TOPIC, .content = text});
}

static enum feed_result history(struct line_state *state, struct feed *feed,
                                struct slice arguments) {
    uint64_t limit = HISTORY_DEFAULT;
    struct slice name = arguments, first = slice_cut(&arguments, ' ');
    if (slice_to_u64(first, &limit))
        name = slice_trim(arguments);
    if (limit == 0)
        return complain(state, feed, "usage: /history [N] [NAME], with a number above 0");
    if (limit > LIMIT_BATCH_ENTRIES)
        limit = LIMIT_BATCH_ENTRIES;
    return ask(feed,
               (struct request){.kind = REQUEST_HISTORY, .to = name, .limit = (unsigned)limit});
}

static enum feed_result search(struct line_state *state, struct feed *feed, struct slice words) {
    (void)state;
    return ask(feed, (struct request){.kind = REQUEST_SEARCH, .content = words});
}

static enum feed_result token(struct line_state *state, struct feed *feed, struct slice arguments) {
    (void)state;
    (void)arguments;
    return ask(feed, (struct request){.kind = REQUEST_TOKEN});
}

static enum feed_result resume(struct line_state *state, struct feed *feed, struct slice secret) {
    struct request request = {.kind = REQUEST_HELLO, .session = secret};
    if (secret_valid(secret))
        secret_digest(secret, request.session_identity.bytes);
    else if (!secret_is_accounts(secret))
        return complain(state, feed, "that is no token");
    if (state->stage == LINE_UNNAMED)
        state->stage = LINE_NAMING;
    return ask(feed, request);
}

/* A name holds no space, so what follows the one behind it is the password. */
static enum feed_result login(struct line_state *state, struct feed *feed, struct slice arguments) {
    struct slice name = slice_cut(&arguments, ' ');
    arguments = slice_trim(arguments);
    if (arguments.length == 0)
        return complain(state, feed, "usage: /login NAME PASSWORD");
    return line_login(state, feed, name, arguments);
}

static enum feed_result quit(struct line_state *state, struct feed *feed, struct slice arguments) {
    (void)arguments;
    return line_quit(state, feed);
}

static enum feed_result help(struct line_state *state, struct feed *feed, struct slice arguments);

static const struct command commands[] = {
    {SLICE("/help"), NULL, "this list", help, .before_name = true},
    {SLICE("/join"), "ROOM", "go to another room", join},
    {SLICE("/rooms"), NULL, "which rooms there are", rooms},
    {SLICE("/who"), NULL, "who is in this room", who},
    {SLICE("/msg"), "NAME TEXT", "tell one person alone", message},
    {SLICE("/me"), "TEXT", "say what you do", act, .whole_line = true},
    {SLICE("/topic"), "TEXT", "give this room a topic", topic},
    {SLICE("/history"), "[N] [NAME]", "the last N messages of this room, or with that person",
     history},
    {SLICE("/search"), "WORDS", "messages with these words, in every room", search},
    {SLICE("/nick"), "NAME", "go by another name", line_claim},
    {SLICE("/login"), "NAME PASSWORD", "be an account (your terminal shows what you type)", login,
     .before_name = true},
    {SLICE("/invite"), "NAME", "let somebody into this room", line_invite},
    {SLICE("/kick"), "NAME [REASON]", "put somebody out of this room", line_kick},
    {SLICE("/ban"), "WHO [SECONDS] [REASON]", "the same for good: a name, or 192.0.2.0/24",
     line_ban},
    {SLICE("/unban"), "WHO", "let them come back", line_unban},
    {SLICE("/mute"), "NAME [SECONDS] [REASON]", "let somebody only read", line_mute},
    {SLICE("/unmute"), "NAME", "let them write again", line_unmute},
    {SLICE("/role"), "NAME ROLE", "make somebody guest, member, moderator or owner here",
     line_role},
    {SLICE("/set"), "KEY VALUE",
     "access, posting, slow, registered_only or topic_lock of this room", line_set},
    {SLICE("/rules"), NULL, "the rules of this room", line_rules},
    {SLICE("/audit"), "[NUMBER]", "who changed them", line_audit},
    {SLICE("/token"), NULL, "the secret that stands for your session", token},
    {SLICE("/resume"), "TOKEN", "take a session over from another connection", resume,
     .before_name = true},
    {SLICE("/quit"), NULL, "leave, as QUIT does", quit, .before_name = true},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void append_usage(struct buffer *output, const struct command *command) {
    buffer_append_slice(output, command->name);
    if (command->arguments) {
        buffer_append_char(output, ' ');
        buffer_append_string(output, command->arguments);
    }
}

static enum feed_result help(struct line_state *state, struct feed *feed, struct slice arguments) {
    (void)arguments;
    struct buffer last = {0};
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        append_usage(feed->output, &commands[i]);
        buffer_append_format(feed->output, " - %s\n", commands[i].help);
    }
    buffer_append_string(&last, "//TEXT - say something that begins with a /");
    if (state->stage != LINE_UNNAMED) {
        buffer_append_slice(feed->output, buffer_slice(&last));
        buffer_append_char(feed->output, '\n');
    } else {
        line_complain(state, buffer_slice(&last), feed->output);
    }
    buffer_close(&last);
    return FEED_AGAIN;
}

static const struct command *find(struct slice name) {
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (slice_equal(name, commands[i].name))
            return &commands[i];
    }
    return NULL;
}

static enum feed_result complain_about(struct line_state *state, struct feed *feed,
                                       const char *before, struct slice name, const char *after) {
    struct buffer text = {0};
    buffer_append_string(&text, before);
    buffer_append_slice(&text, name);
    buffer_append_string(&text, after);
    line_complain(state, buffer_slice(&text), feed->output);
    buffer_close(&text);
    return FEED_AGAIN;
}

enum feed_result line_command(struct line_state *state, struct feed *feed, struct slice line) {
    struct slice arguments = line;
    struct slice name = slice_cut(&arguments, ' ');
    const struct command *command = find(name);
    if (state->stage == LINE_UNNAMED && (!command || !command->before_name))
        return complain(state, feed, "A name comes first");
    if (!command) {
        if (name.length > LIMIT_NAME)
            return complain(state, feed, "unknown command, try /help");
        return complain_about(state, feed, "unknown command ", name, ", try /help");
    }
    arguments = slice_trim(arguments);
    if (arguments.length == 0 && command->arguments && command->arguments[0] != '[') {
        struct buffer usage = {0};
        append_usage(&usage, command);
        complain_about(state, feed, "usage: ", buffer_slice(&usage), "");
        buffer_close(&usage);
        return FEED_AGAIN;
    }
    return command->run(state, feed, command->whole_line ? line : arguments);
}
