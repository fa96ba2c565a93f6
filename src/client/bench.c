/* banter bench: the command line of a load (bench/bench.h). */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "bench/bench.h"
#include "bench/tag.h"
#include "client/command.h"
#include "client/login.h"
#include "client/options.h"
#include "client/trust.h"

static bool is_raw_text(const struct url *url) {
    size_t length = strcspn(url->target, "?");
    return slice_equal(slice_from(url->target, length), SLICE("/text"));
}

static bool choose_server(struct bench_plan *plan, struct url *url) {
    char message[256];

    if (url_parse(plan->url, url, message, sizeof message) < 0) {
        command_error("%s", message);
        return false;
    }
    switch (url->scheme) {
    case URL_WEBSOCKET:
        plan->protocol = is_raw_text(url) ? BENCH_TEXT : BENCH_JSON;
        break;
    case URL_LINE:
        plan->protocol = BENCH_LINE;
        break;
    case URL_NUMBERED:
        plan->protocol = BENCH_NUMBERED;
        break;
    case URL_COMMAND:
        command_error("bench speaks ws://, line:// and numbered://");
        return false;
    }
    plan->host_port = url->host_port;
    plan->host = url->host;
    plan->target = url->target;
    return true;
}

/* What makes no sense, in words; NULL: it does. */
static const char *find_fault(const struct bench_plan *plan) {
    uint64_t most = BENCH_CONNECTIONS_MAX;
    bool is_json = plan->protocol == BENCH_JSON;

    if (plan->subscribers > most || plan->stalled > most || plan->publishers > most ||
        plan->subscribers + plan->stalled + plan->publishers > most)
        return "too many connections for one process; 60000 are the most";
    if (plan->subscribers + plan->stalled + plan->publishers == 0)
        return "nobody to connect: --subscribers, --publishers, --stalled";
    if (plan->publishers > BENCH_PUBLISHERS_MAX)
        return "--publishers is at most 10000";
    if (plan->size < TAG_LENGTH || plan->size > BENCH_SIZE_MAX)
        return "--size is from 38 to 1048576";
    if (plan->window == 0 || plan->window > BENCH_WINDOW_MAX)
        return "--window is from 1 to 100000";
    if (plan->rate > BENCH_RATE_MAX)
        return "--rate is at most 10000000";
    if (plan->seconds == 0 || plan->seconds > BENCH_SECONDS_MAX ||
        plan->warmup_seconds > BENCH_SECONDS_MAX)
        return "--seconds is from 1 to 86400, and so long at most is --warmup";
    if (plan->rooms == 0 || (plan->rooms > 1 && !is_json))
        return "only at ws://…/ws there is more than one room";
    if (plan->publishers > 0 && plan->rooms > plan->publishers)
        return "with more --rooms than --publishers nobody speaks in some of them";
    if (plan->acks_only && !is_json)
        return "only at ws://…/ws there are acknowledgements";
    return plan->acks_only && plan->publishers == 0 ? "--ack-only needs --publishers" : NULL;
}

static int bench(const struct bench_plan *plan, bool as_json) {
    struct bench_result *result = memory_new_struct(struct bench_result);
    struct buffer report = {0};
    char message[512];
    int status = 1;

    if (bench_run(plan, result, message, sizeof message) < 0) {
        command_error("%s", message);
    } else {
        if (as_json)
            bench_append_json(plan, result, &report);
        else
            bench_append_report(plan, result, &report);
        command_print(&report);
        status = bench_sound(result) ? 0 : 1;
    }
    buffer_close(&report);
    memory_free(result);
    return status;
}

int command_bench(int count, char **arguments) {
    struct bench_plan plan = {.subscribers = 10,
                              .publishers = 1,
                              .rooms = 1,
                              .window = 1,
                              .size = 128,
                              .seconds = 5,
                              .warmup_seconds = 1};
    struct login login = {0};
    bool as_json = false;
    struct trust trust = {0};
    struct url url;
    const struct option options[] = {
        {"subscribers", "N", "connections that only read (10)", .number = &plan.subscribers},
        {"publishers", "N", "connections that publish, and read too (1)",
         .number = &plan.publishers},
        {"stalled", "N", "connections that join and never read (0)", .number = &plan.stalled},
        {"rooms", "N", "rooms they are dealt to (1)", .number = &plan.rooms},
        {"window", "N", "messages of one publisher under way; one more when one is back (1)",
         .number = &plan.window},
        {"rate", "N", "instead: messages a second, whether or not any is back",
         .number = &plan.rate},
        {"size", "BYTES", "of a message (128)", .number = &plan.size},
        {"seconds", "N", "how long to measure (5)", .number = &plan.seconds},
        {"warmup", "N", "seconds before that, always by --window (1)",
         .number = &plan.warmup_seconds},
        {"ack-only", NULL, "publishers read no room; what is acknowledged is back",
         .flag = &plan.acks_only},
        {"pid", "PID", "of the server: reports its CPU time and memory too", .number = &plan.pid},
        {"json", NULL, "report as one JSON object", .flag = &as_json},
        LOGIN_TOKEN_OPTIONS(&login),
        TRUST_OPTIONS(&trust),
    };
    struct command_line line = {
        .usage = "bench [URL] [OPTION]…",
        .summary = "Makes load and reports deliveries a second, latency, and what was lost, came "
                   "twice or out\n"
                   "of order (then the exit status is 1). URL is ws://HOST:PORT/ws for JSON, "
                   "ws://HOST:PORT/text,\n"
                   "line://HOST:PORT or numbered://HOST:PORT. The server must not limit the rate: "
                   "banterd --set\n"
                   "rate_per_minute=0.",
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
    plan.url = line.url != NULL ? line.url : URL_DEFAULT "/ws";
    if (!choose_server(&plan, &url))
        return EXIT_USAGE;
    const char *fault = find_fault(&plan);
    if (fault != NULL) {
        command_error("%s", fault);
        return EXIT_USAGE;
    }
    if (!trust_open(&trust, &url))
        return EXIT_USAGE;
    plan.tls = trust.tls;
    int status = login_token(&login, &plan.token) ? bench(&plan, as_json) : EXIT_USAGE;
    login_close(&login);
    trust_close(&trust);
    return status;
}
