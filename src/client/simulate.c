/* banter simulate: users of the commands protocol, written the way its simplest clients are: one
 * write for one command, one read for one answer, no line ends anywhere. Each registers a name,
 * and then again and again lists its friends and says hello to one of them, or to itself, at
 * random. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/rng.h"
#include "base/text.h"
#include "client/command.h"
#include "client/interrupt.h"
#include "client/options.h"
#include "client/trust.h"
#include "client/wait.h"
#include "io/dial.h"
#include "io/link.h"

#define USERS_MAX 1000
#define DIAL_TIMEOUT_MS 10000

enum user_state { USER_REGISTERING, USER_IDLE, USER_LISTING };

struct user {
    struct link *link; /* NULL: not connected */
    unsigned number;
    enum user_state state;
    uint64_t next_ms; /* when it says something again */
};

struct simulation {
    struct user *users;
    size_t count;
    uint64_t interval_ms;
    struct rng rng;
    bool failed;
};

static void tell(const struct user *user, const char *does, struct slice what) {
    struct buffer line = {0};
    buffer_append_format(&line, "[user%u] %s: ", user->number, does);
    text_append_line(&line, what);
    buffer_append_char(&line, '\n');
    command_print(&line);
    buffer_close(&line);
}

static void fail(struct simulation *simulation, const struct user *user, const char *why) {
    command_error("user%u: %s", user->number, why);
    simulation->failed = true;
}

static void say(struct user *user, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct user *user, const char *format, ...) {
    char command[512];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    tell(user, "sends", slice_from(command, (size_t)length));
    link_send(user->link, slice_from(command, (size_t)length));
    link_flush(user->link);
}

static bool connect_user(struct simulation *simulation, struct user *user, const struct url *url,
                         struct tls_context *tls) {
    char message[256];
    int descriptor;
    sigset_t before;

    interrupts_let_through(&before);
    int error = io_dial(url->host_port, DIAL_TIMEOUT_MS, &descriptor, message, sizeof message);
    interrupts_put_back(&before);
    if (error < 0) {
        fail(simulation, user, message);
        return false;
    }
    user->link = link_new(descriptor, tls, url->host_port, false);
    say(user, "register,user%u", user->number);
    return true;
}

/* One of "user1,user2,user3". */
static struct slice choose(struct rng *rng, struct slice names) {
    struct slice rest = names;
    uint64_t count = 0;

    for (; rest.length > 0; count++)
        slice_cut(&rest, ',');
    for (uint64_t skip = rng_below(rng, count); skip > 0; skip--)
        slice_cut(&names, ',');
    return slice_cut(&names, ',');
}

/* A message from somebody is told from an answer by its blanks: a list of names has none. */
static bool is_list(struct slice text) {
    return text.length > 0 && slice_find(text, ' ') < 0;
}

static void take_answer(struct simulation *simulation, struct user *user, struct slice text) {
    bool refused = slice_starts_with(text, SLICE("error: "));

    tell(user, "receives", text);
    if (user->state == USER_REGISTERING && refused) {
        fail(simulation, user, "cannot register");
    } else if (user->state == USER_REGISTERING) {
        user->state = USER_IDLE;
    } else if (user->state == USER_LISTING && (refused || is_list(text))) {
        user->state = USER_IDLE;
        if (!refused)
            say(user, "chat,%.*s", SLICE_ARGS(choose(&simulation->rng, text)));
    }
}

static void read_user(struct simulation *simulation, struct user *user) {
    struct buffer text = {0};
    enum link_state state = link_receive(user->link, &text);

    if (buffer_length(&text) > 0)
        take_answer(simulation, user, buffer_slice(&text));
    else if (state == LINK_ENDED)
        fail(simulation, user,
             link_fault(user->link) != NULL ? link_fault(user->link) : "the server hung up");
    link_flush(user->link);
    buffer_close(&text);
}

static void act_when_due(struct simulation *simulation, struct user *user, uint64_t now_ms) {
    if (user->state != USER_IDLE || now_ms < user->next_ms)
        return;
    user->next_ms = now_ms + simulation->interval_ms;
    user->state = USER_LISTING;
    say(user, "list,friends");
}

static int next_timeout(const struct simulation *simulation, uint64_t end_ms) {
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t due_ms = end_ms;

    for (size_t i = 0; i < simulation->count; i++)
        if (simulation->users[i].state == USER_IDLE && simulation->users[i].next_ms < due_ms)
            due_ms = simulation->users[i].next_ms;
    if (due_ms <= now_ms)
        return 0;
    return due_ms - now_ms > 60000 ? 60000 : (int)(due_ms - now_ms);
}

static void run(struct simulation *simulation, uint64_t end_ms, int interrupts) {
    struct pollfd *descriptors = memory_new((simulation->count + 1) * sizeof *descriptors);

    for (size_t i = 0; i < simulation->count; i++)
        descriptors[i] =
            (struct pollfd){.fd = link_descriptor(simulation->users[i].link), .events = POLLIN};
    descriptors[simulation->count] = (struct pollfd){.fd = interrupts, .events = POLLIN};
    while (!simulation->failed && clock_monotonic_ms() < end_ms) {
        if (poll(descriptors, simulation->count + 1, next_timeout(simulation, end_ms)) < 0 &&
            errno != EINTR)
            break;
        if (interrupts_take(interrupts))
            break;
        for (size_t i = 0; i < simulation->count && !simulation->failed; i++) {
            if (descriptors[i].revents != 0)
                read_user(simulation, &simulation->users[i]);
            act_when_due(simulation, &simulation->users[i], clock_monotonic_ms());
        }
    }
    memory_free(descriptors);
}

/* The users say their first words one after the other, spread over one interval, so that the
 * output can be read. */
static int simulate(const struct url *url, struct tls_context *tls, size_t count,
                    uint64_t interval_s, uint64_t seconds) {
    struct simulation simulation = {.count = count, .interval_ms = interval_s * 1000};
    uint64_t seed = 0;
    int interrupts = interrupts_open();
    uint64_t start_ms = clock_monotonic_ms();
    uint64_t end_ms = seconds > 0 ? start_ms + seconds * 1000 : UINT64_MAX;

    ssize_t taken = getrandom(&seed, sizeof seed, 0);
    (void)taken; /* up to 256 bytes always come whole (getrandom(2)) */
    rng_seed(&simulation.rng, seed);
    simulation.users = memory_new(count * sizeof *simulation.users);
    for (size_t i = 0; i < count; i++)
        simulation.users[i] = (struct user){
            .number = (unsigned)i + 1, .next_ms = start_ms + simulation.interval_ms * i / count};
    for (size_t i = 0; i < count && !simulation.failed; i++)
        connect_user(&simulation, &simulation.users[i], url, tls);
    if (!simulation.failed)
        run(&simulation, end_ms, interrupts);
    for (size_t i = 0; i < count; i++)
        link_free(simulation.users[i].link);
    memory_free(simulation.users);
    close(interrupts);
    return simulation.failed ? 1 : 0;
}

int command_simulate(int count, char **arguments) {
    uint64_t users = 4, interval_s = 3, seconds = 0;
    struct trust trust = {0};
    struct url url;
    const struct option options[] = {
        {"users", "N", "how many (4)", 'u', .number = &users},
        {"interval", "SECONDS", "between two messages of one user (3)", 'i', .number = &interval_s},
        {"seconds", "N", "when to stop (at Ctrl+C)", 's', .number = &seconds},
        TRUST_OPTIONS(&trust),
    };
    struct command_line line = {
        .usage = "simulate URL [OPTION]…",
        .summary = "Users who register, list their friends and message a random one of them, as "
                   "the clients\n"
                   "of the commands protocol do. URL is like command://127.0.0.1:8890.",
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
    if (!command_url(line.url, URL_COMMAND, &url))
        return EXIT_USAGE;
    if (users == 0 || users > USERS_MAX) {
        command_error("--users is from 1 to %d", USERS_MAX);
        return EXIT_USAGE;
    }
    if (!trust_open(&trust, &url))
        return EXIT_USAGE;
    int status = simulate(&url, trust.tls, users, interval_s, seconds);
    trust_close(&trust);
    return status;
}
