/* banter send: one message, and the certainty that it is stored. Being on the way out from the
 * start is all it takes: the session leaves when nothing is unacknowledged any more, or when the
 * time is up. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "client/command.h"
#include "client/interrupt.h"
#include "client/login.h"
#include "client/options.h"
#include "client/trust.h"
#include "client/wait.h"

#define MAX_INPUT (64 * 1024 * 1024) /* far above what any server takes */
#define READ_SIZE (64 * 1024)

struct send_request {
    const char *name, *sender, *room;
    uint64_t timeout_s;
    bool verbose;
};

/* All of standard input, without the line end of whoever piped it in. */
static bool read_input(struct buffer *content) {
    for (;;) {
        ssize_t got = read(STDIN_FILENO, buffer_reserve(content, READ_SIZE), READ_SIZE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            command_error("cannot read standard input: %s", strerror(errno));
            return false;
        }
        if (got == 0)
            break;
        buffer_commit(content, (size_t)got);
        if (buffer_length(content) > MAX_INPUT) {
            command_error("the message is too large");
            return false;
        }
    }
    struct slice text = buffer_slice(content);
    if (text.length > 0 && text.data[text.length - 1] == '\n')
        text.length--;
    if (text.length > 0 && text.data[text.length - 1] == '\r')
        text.length--;
    buffer_truncate(content, text.length);
    return true;
}

static bool read_content(const char *word, struct buffer *content) {
    if (word != NULL)
        buffer_append_string(content, word);
    else if (!read_input(content))
        return false;
    if (buffer_length(content) == 0) {
        command_error("there is nothing to send");
        return false;
    }
    if (!utf8_valid(buffer_slice(content))) {
        command_error("the message is not UTF-8");
        return false;
    }
    return true;
}

/* Until the session is over. Returns whether the message is durable. */
static bool deliver(struct session *session, struct login *login, bool verbose) {
    struct wait wait = {
        .session = session, .interrupts = interrupts_open(), .input = -1, .until_ms = UINT64_MAX};
    struct session_event event;
    bool durable = false;

    for (;;) {
        while (session_next(session, clock_monotonic_ms(), &event)) {
            command_report(&event);
            if (event.kind == SESSION_PASSWORD && !login_answer(login, session, &event))
                return false;
            if (event.kind == SESSION_CONNECTED)
                login_keep(login, session);
            if (event.kind == SESSION_ACKED) {
                durable = true;
                if (verbose)
                    printf("%llu\n", (unsigned long long)event.seq);
            }
            if (event.kind == SESSION_OVER) {
                if (!durable && event.text[0] != 0)
                    command_error("%s", event.text);
                return durable;
            }
        }
        wait_for(&wait);
        if (wait.interrupted)
            session_leave(session, clock_monotonic_ms());
    }
}

static int send_to(const struct url *url, struct tls_context *tls,
                   const struct send_request *request, struct login *login, struct slice content) {
    struct session_options options = {
        .url = url, .tls = tls, .name = request->name, .patient = true};

    if (!login_prepare(login, &options))
        return EXIT_USAGE;
    struct session *session = session_new(&options);
    session_publish(session, slice_of_string(request->room), SLICE_NONE,
                    slice_of_string(request->sender), content);
    session_leave(session, clock_monotonic_ms() + request->timeout_s * 1000);
    bool durable = deliver(session, login, request->verbose);
    session_free(session);
    return durable ? 0 : 1;
}

int command_send(int count, char **arguments) {
    struct send_request request = {.room = "lobby", .timeout_s = 30};
    struct login login = {0};
    struct trust trust = {0};
    struct buffer content = {0};
    struct url url;
    int status = 1;
    const struct option options[] = {
        {"room", "ROOM", "where to (lobby)", 'r', .text = &request.room},
        {"name", "NAME", "claim this name for it", 'n', .text = &request.name},
        LOGIN_OPTIONS(&login),
        TRUST_OPTIONS(&trust),
        {"sender", "LABEL", "sign with this, without claiming it", 's', .text = &request.sender},
        {"timeout", "SECONDS", "how long to keep trying (30)", 't', .number = &request.timeout_s},
        {"verbose", NULL, "print the number it got", 'v', .flag = &request.verbose},
    };
    struct command_line line = {
        .usage = "send [URL] [TEXT] [OPTION]…",
        .summary = "Publishes TEXT, or else standard input, as one message. Succeeds only when the "
                   "server\n"
                   "has said that it is durable; tries again when the connection fails meanwhile.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .takes_word = true,
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
    if (read_content(line.word, &content))
        status = send_to(&url, trust.tls, &request, &login, buffer_slice(&content));
    buffer_close(&content);
    login_close(&login);
    trust_close(&trust);
    return status;
}
