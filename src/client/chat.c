/* banter chat: a conversation as plain lines, for people on simple terminals and for programs on
 * pipes. Standard output has what happens in the room, standard error what happens to the
 * connection. */
#include "client/chat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "client/command.h"
#include "client/interrupt.h"
#include "client/options.h"
#include "client/outbox.h"
#include "client/render.h"
#include "client/trust.h"
#include "client/wait.h"
#include "wire/json.h"

#define READ_SIZE (64 * 1024)
#define MAX_LINE (16 * 1024 * 1024) /* far above what any server takes */
#define LEAVE_TIMEOUT_MS 10000      /* for what was written to become durable */

/* Doing things. */

void chat_publish(struct chat *chat, struct slice to, struct slice text) {
    struct slice room = to.length > 0 ? SLICE_NONE : buffer_slice(&chat->room);
    if (to.length == 0 && room.length == 0)
        command_error("you are in no room; /join one");
    else
        session_publish(chat->session, room, to, SLICE_NONE, text);
}

void chat_move(struct chat *chat, struct slice room) {
    if (slice_equal_ignoring_case(room, buffer_slice(&chat->room)))
        return;
    buffer_clear(&chat->wanted);
    buffer_append_slice(&chat->wanted, room);
    session_join(chat->session, room, false, 0, 0);
}

void chat_leave(struct chat *chat) {
    /* Who asks twice does not want to wait. */
    uint64_t patience_ms = chat->leaving ? 0 : LEAVE_TIMEOUT_MS;
    chat->leaving = true;
    chat->input_ended = true;
    session_leave(chat->session, clock_monotonic_ms() + patience_ms);
}

/* On the way out, as long as the server takes one message after the other, the rest is waited
 * for. */
static void be_patient(struct chat *chat, unsigned delay_ms) {
    if (chat->leaving)
        session_leave(chat->session, clock_monotonic_ms() + delay_ms + LEAVE_TIMEOUT_MS);
}

/* What is typed. */

static void take_line(struct chat *chat, struct slice line) {
    if (slice_trim(line).length == 0)
        return;
    if (!utf8_valid(line))
        command_error("that line is not UTF-8");
    else if (slice_starts_with(line, SLICE("//")))
        chat_publish(chat, SLICE_NONE, slice_skip(line, 1));
    else if (slice_starts_with(line, SLICE("/")))
        chat_command(chat, slice_trim(line));
    else
        chat_publish(chat, SLICE_NONE, line);
}

/* Whether a line may be taken now: we know where to, and there is room for it. */
static bool ready_for_line(const struct chat *chat) {
    return chat->connected && !chat->leaving && buffer_length(&chat->wanted) == 0 &&
           session_unacked(chat->session) < OUTBOX_MAX;
}

/* The input is over: what stands there without a line end is a line too. */
static void finish_input(struct chat *chat) {
    if (!chat->lines.dropping)
        take_line(chat, buffer_slice(&chat->input));
    buffer_clear(&chat->input);
    chat_leave(chat);
}

/* Takes the lines that have come. */
static void take_lines(struct chat *chat) {
    while (ready_for_line(chat)) {
        struct slice input = buffer_slice(&chat->input);
        size_t had = input.length;
        struct slice line;
        enum line_result result = line_read(&chat->lines, MAX_LINE, &input, &line);
        if (result == LINE_TOO_LONG)
            command_error("that line is too long");
        else if (result == LINE_READY)
            take_line(chat, line);
        buffer_consume(&chat->input, had - input.length);
        if (result == LINE_MORE || result == LINE_DROPPING) {
            if (chat->input_ended)
                finish_input(chat);
            return;
        }
    }
}

static void read_input(struct chat *chat) {
    ssize_t got = read(STDIN_FILENO, buffer_reserve(&chat->input, READ_SIZE), READ_SIZE);
    if (got > 0)
        buffer_commit(&chat->input, (size_t)got);
    else if (got == 0 || (errno != EINTR && errno != EAGAIN))
        chat->input_ended = true;
}

/* What happens. */

static void show_frame(struct chat *chat, const struct session_event *event) {
    struct slice type = SLICE_NONE;

    if (json_get_string(event->json, "type", &type) < 0)
        return;
    if (slice_equal(type, SLICE("presence"))) {
        if (slice_equal_ignoring_case(event->room, buffer_slice(&chat->room)))
            render_presence_lines(&chat->out, event->json, session_name(chat->session));
    } else if (slice_equal(type, SLICE("notice"))) {
        render_notice_line(&chat->out, event->json);
    } else if (slice_equal(type, SLICE("rooms"))) {
        render_rooms_lines(&chat->out, event->json);
    } else if (slice_equal(type, SLICE("members"))) {
        render_members_lines(&chat->out, event->json);
    } else if (slice_equal(type, SLICE("error"))) {
        struct buffer clean = {0};
        text_append_line(&clean, session_error_text(event->json));
        command_error("%.*s", SLICE_ARGS(buffer_slice(&clean)));
        buffer_close(&clean);
    }
}

/* The answer to chat_move; the server's spelling of the room counts from here on. After a lost
 * connection it is the room we are in anyway. */
static void enter(struct chat *chat, struct slice room) {
    if (buffer_length(&chat->wanted) == 0 || slice_equal(room, buffer_slice(&chat->room)) ||
        slice_starts_with(room, SLICE("@")))
        return;
    if (buffer_length(&chat->room) > 0) {
        session_leave_room(chat->session, buffer_slice(&chat->room));
        buffer_append_string(&chat->out, "* you are in ");
        text_append_line(&chat->out, room);
        buffer_append_char(&chat->out, '\n');
    }
    buffer_clear(&chat->room);
    buffer_append_slice(&chat->room, room);
    buffer_clear(&chat->wanted);
}

/* Where one wanted to go, one cannot; but without any room there is nothing to stay for. */
static void be_barred(struct chat *chat) {
    bool moving = buffer_length(&chat->wanted) > 0 && buffer_length(&chat->room) > 0;

    buffer_clear(&chat->wanted);
    if (moving)
        return;
    chat->failed = true;
    chat_leave(chat);
}

static void show(struct chat *chat, const struct session_event *event) {
    switch (event->kind) {
    case SESSION_PASSWORD:
        if (!login_answer(chat->login, chat->session, event)) {
            chat->failed = true;
            chat_leave(chat);
        }
        break;
    case SESSION_CONNECTED:
        login_keep(chat->login, chat->session);
        chat->connected = true;
        buffer_append_string(&chat->out, "[User] Connected\n");
        break;
    case SESSION_ENTRY:
    case SESSION_HISTORY:
        render_entry_lines(&chat->out, event->json, session_name(chat->session));
        break;
    case SESSION_ACKED:
    case SESSION_HELD:
        be_patient(chat, event->delay_ms);
        break;
    case SESSION_JOINED:
        enter(chat, event->room);
        break;
    case SESSION_BARRED:
        be_barred(chat);
        break;
    case SESSION_FRAME:
        show_frame(chat, event);
        break;
    case SESSION_OVER:
        if (chat->connected)
            buffer_append_string(&chat->out, "[Server] Connection closed\n");
        if (event->text[0] != 0) {
            command_error("%s", event->text);
            chat->failed = true;
        }
        break;
    default:
        break;
    }
    command_report(event);
    command_print(&chat->out);
}

static void run(struct chat *chat) {
    struct wait wait = {
        .session = chat->session, .interrupts = interrupts_open(), .until_ms = UINT64_MAX};
    struct session_event event;

    for (;;) {
        while (session_next(chat->session, clock_monotonic_ms(), &event)) {
            show(chat, &event);
            if (event.kind == SESSION_OVER)
                return;
        }
        take_lines(chat);
        wait.input = chat->input_ended || !ready_for_line(chat) ? -1 : STDIN_FILENO;
        wait_for(&wait);
        if (wait.interrupted)
            chat_leave(chat);
        if (wait.readable)
            read_input(chat);
    }
}

/* What the command line says. */
struct conversation {
    const struct url *url;
    struct tls_context *tls;
    const char *name, *room;
    bool plain;
};

/* The name of the system's user, if it can be a name here. */
static const char *login_name(void) {
    const char *name = getenv("USER");
    return name != NULL && name_check(slice_of_string(name)) == 0 ? name : NULL;
}

/* As lines. */
static int talk_plainly(struct session *session, struct login *login, const char *room) {
    struct chat chat = {.login = login, .session = session};

    chat_move(&chat, slice_of_string(room));
    run(&chat);
    buffer_close(&chat.out);
    buffer_close(&chat.room);
    buffer_close(&chat.wanted);
    buffer_close(&chat.input);
    return chat.failed ? 1 : 0;
}

static int talk(const struct conversation *conversation, struct login *login,
                const struct chat_screen *screen) {
    const char *name = conversation->name;
    struct session_options options = {.url = conversation->url,
                                      .tls = conversation->tls,
                                      .name = name != NULL ? name : login_name(),
                                      .name_is_a_wish = name == NULL};

    if (!login_prepare(login, &options))
        return EXIT_USAGE;
    struct session *session = session_new(&options);
    bool drawn = !conversation->plain && screen->possible();
    if (!drawn && !conversation->plain && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        fprintf(stderr, "[User] This terminal cannot be drawn on (TERM): lines it is\n");
    int status = drawn ? screen->run(session, login, conversation->room)
                       : talk_plainly(session, login, conversation->room);
    session_free(session);
    return status;
}

int command_chat(int count, char **arguments, const struct chat_screen *screen) {
    struct url url;
    struct conversation conversation = {.room = "lobby", .url = &url};
    struct login login = {0};
    struct trust trust = {0};
    const struct option options[] = {
        {"name", "NAME", "who you are (your login name, or one like it)", 'n',
         .text = &conversation.name},
        LOGIN_OPTIONS(&login),
        TRUST_OPTIONS(&trust),
        {"room", "ROOM", "where to begin (lobby)", 'r', .text = &conversation.room},
        {"plain", NULL, "lines instead of the full screen", .flag = &conversation.plain},
    };
    struct command_line line = {
        .usage = "chat [URL] [OPTION]…",
        .summary =
            "Talk in rooms: full-screen on a terminal; on a pipe what you type is sent and what\n"
            "others say is shown, as lines. /help lists the commands; Ctrl+C or the end of the\n"
            "input leaves when everything is delivered.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
    };

    switch (options_parse(&line, count, arguments)) {
    case OPTIONS_DONE:
        return 0;
    case OPTIONS_WRONG:
        return EXIT_USAGE;
    case OPTIONS_RUN:
        break;
    }
    if (!command_url(line.url, URL_WEBSOCKET, &url) || !trust_open(&trust, &url))
        return EXIT_USAGE;
    conversation.tls = trust.tls;
    int status = talk(&conversation, &login, screen);
    trust_close(&trust);
    login_close(&login);
    return status;
}
