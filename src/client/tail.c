/* banter tail: a room's log as it grows, as lines to read or as JSON to process. */
#include <stdio.h>
#include <string.h>

#include "client/command.h"
#include "client/interrupt.h"
#include "client/login.h"
#include "client/options.h"
#include "client/render.h"
#include "client/trust.h"
#include "client/wait.h"

#define DEFAULT_LINES 10

struct tail {
    struct session *session;
    struct login *login;
    struct buffer out;
    uint64_t left; /* entries still to show; UINT64_MAX: no end */
    bool json;
};

static void show(struct tail *tail, const json_t *entry) {
    if (tail->left == 0)
        return;
    if (tail->json)
        render_json_line(&tail->out, entry);
    else
        render_entry_lines(&tail->out, entry, SLICE_NONE);
    if (buffer_length(&tail->out) == 0)
        return;
    command_print(&tail->out);
    if (tail->left != UINT64_MAX)
        tail->left--;
    if (tail->left == 0)
        session_leave(tail->session, clock_monotonic_ms());
}

static int follow(struct tail *tail) {
    struct wait wait = {.session = tail->session,
                        .interrupts = interrupts_open(),
                        .input = -1,
                        .until_ms = UINT64_MAX};
    struct session_event event;
    bool barred = false;

    for (;;) {
        while (session_next(tail->session, clock_monotonic_ms(), &event)) {
            command_report(&event);
            if (event.kind == SESSION_PASSWORD && !login_answer(tail->login, tail->session, &event))
                return 1;
            if (event.kind == SESSION_CONNECTED)
                login_keep(tail->login, tail->session);
            if (event.kind == SESSION_ENTRY)
                show(tail, event.json);
            if (event.kind == SESSION_BARRED) {
                barred = true;
                session_leave(tail->session, clock_monotonic_ms());
            }
            if (event.kind == SESSION_OVER) {
                if (event.text[0] != 0)
                    command_error("%s", event.text);
                return barred || event.text[0] != 0;
            }
        }
        wait_for(&wait);
        if (wait.interrupted)
            session_leave(tail->session, clock_monotonic_ms());
    }
}

int command_tail(int count, char **arguments) {
    const char *room = "lobby";
    uint64_t after = UINT64_MAX;
    struct login login = {0};
    struct trust trust = {0};
    struct tail tail = {.login = &login, .left = UINT64_MAX};
    struct url url;
    const struct option options[] = {
        {"room", "ROOM", "which (lobby)", 'r', .text = &room},
        LOGIN_OPTIONS(&login),
        TRUST_OPTIONS(&trust),
        {"after", "SEQ", "from the entry after this number (the last 10)", 'a', .number = &after},
        {"count", "N", "leave after that many", 'c', .number = &tail.left},
        {"json", NULL, "one line of JSON for each entry", 'j', .flag = &tail.json},
    };
    struct command_line line = {
        .usage = "tail [URL] [OPTION]…",
        .summary = "Follows a room. A lost connection is made again and resumed where it stopped; "
                   "what is gone\n"
                   "for good is reported on standard error.",
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
    if (!command_url(line.url, URL_WEBSOCKET, &url))
        return EXIT_USAGE;
    if (tail.left == 0)
        return 0;
    if (!trust_open(&trust, &url))
        return EXIT_USAGE;
    struct session_options session_options = {.url = &url, .tls = trust.tls};
    if (!login_prepare(&login, &session_options)) {
        login_close(&login);
        trust_close(&trust);
        return EXIT_USAGE;
    }
    tail.session = session_new(&session_options);
    bool has_after = after != UINT64_MAX;
    session_join(tail.session, slice_of_string(room), has_after, has_after ? after : 0,
                 has_after ? 0 : DEFAULT_LINES);
    int status = follow(&tail);
    session_free(tail.session);
    buffer_close(&tail.out);
    login_close(&login);
    trust_close(&trust);
    return status;
}
