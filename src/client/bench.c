/* banter bench: the command line of a load (bench/bench.h). */
#include "base/memory.h"
#include "client/bench_plan.h"
#include "client/command.h"
#include "client/login.h"
#include "client/options.h"
#include "client/trust.h"

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

static int choose_and_run(struct bench_plan *plan, const struct command_line *line,
                          const char *protocol, struct login *login, struct trust *trust,
                          bool as_json) {
    struct url url;

    plan->url = line->url != NULL ? line->url : URL_DEFAULT "/ws";
    if (!bench_plan_choose(plan, &url, protocol))
        return EXIT_USAGE;
    const char *fault = bench_plan_fault(plan);
    if (fault != NULL) {
        command_error("%s", fault);
        return EXIT_USAGE;
    }
    if (!trust_open(trust, &url))
        return EXIT_USAGE;
    plan->tls = trust->tls;
    int status = login_token(login, &plan->token) ? bench(plan, as_json) : EXIT_USAGE;
    login_close(login);
    trust_close(trust);
    return status;
}

int command_bench(int count, char **arguments) {
    struct bench_plan plan = {.subscribers = 10,
                              .publishers = 1,
                              .rooms = 1,
                              .window = 1,
                              .size = 128,
                              .seconds = 5,
                              .warmup_seconds = 1,
                              .processes = 1};
    struct login login = {0};
    struct trust trust = {0};
    const char *protocol = NULL;
    bool as_json = false;
    const struct option options[] = {
        {"protocol", "NAME",
         "json (banter.v1), plain (JSON, in the lobby), text, sse (read; published as json), "
         "nats,\n"
         "mqtt; over ws:// by the path unless given",
         .text = &protocol},
        {"subscribers", "N", "connections that only read (10)", .number = &plan.subscribers},
        {"publishers", "N", "connections that publish, and read too (1)",
         .number = &plan.publishers},
        {"stalled", "N", "connections that join and never read (0)", .number = &plan.stalled},
        {"rooms", "N", "rooms they are dealt to in turn (1); beyond --publishers they are quiet",
         .number = &plan.rooms},
        {"window", "N", "messages of one publisher under way; one more when one is back (1)",
         .number = &plan.window},
        {"rate", "N", "instead: messages a second, whether or not any is back",
         .number = &plan.rate},
        {"size", "BYTES", "of a message (128)", .number = &plan.size},
        {"seconds", "N", "how long to measure (5)", .number = &plan.seconds},
        {"warmup", "N", "seconds before that, always by --window (1)",
         .number = &plan.warmup_seconds},
        {"ramp", "N", "connections opened a second (as fast as the server takes them)",
         .number = &plan.ramp},
        {"named", NULL, "each connection claims a name of its own", .flag = &plan.named},
        {"deflate", NULL, "offer compression (permessage-deflate)", .flag = &plan.deflate},
        {"ack-only", NULL, "publishers read no room; what is acknowledged is back",
         .flag = &plan.acks_only},
        {"reconnect", "N",
         "instead: all subscribers hang up, miss N messages, and come back at once",
         .number = &plan.missed},
        {"processes", "N", "that share the connections (1)", .number = &plan.processes},
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
                   "ws://HOST:PORT/sse, line://HOST:PORT or numbered://HOST:PORT; wss:// and +tls "
                   "for TLS. The server\n"
                   "must not limit the rate: banterd --set rate_per_minute=0.",
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
    return choose_and_run(&plan, &line, protocol, &login, &trust, as_json);
}
