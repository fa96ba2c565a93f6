#include "client/bench_plan.h"

#include <string.h>

#include "bench/tag.h"
#include "client/command.h"

/* The protocols of ws:// by the name that --protocol has for them; behind it the path that means
 * them where nothing is said. */
static const struct {
    const char *name;
    enum bench_protocol protocol;
    const char *path;
} protocols[] = {
    {"json", BENCH_JSON, NULL},    {"plain", BENCH_PLAIN, NULL}, {"text", BENCH_TEXT, "/text"},
    {"sse", BENCH_EVENTS, "/sse"}, {"nats", BENCH_NATS, NULL},   {"mqtt", BENCH_MQTT, NULL},
};

/* `name` is NULL: it goes by the path. */
static bool choose_protocol(const struct url *url, const char *name,
                            enum bench_protocol *protocol) {
    struct slice path = slice_from(url->target, strcspn(url->target, "?"));

    *protocol = BENCH_JSON;
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        bool is_meant = name != NULL ? strcmp(name, protocols[i].name) == 0
                                     : slice_equal(path, slice_of_string(protocols[i].path));
        if (is_meant) {
            *protocol = protocols[i].protocol;
            return true;
        }
    }
    return name == NULL;
}

bool bench_plan_choose(struct bench_plan *plan, struct url *url, const char *protocol) {
    char message[256];

    if (url_parse(plan->url, url, message, sizeof message) < 0) {
        command_error("%s", message);
        return false;
    }
    if (url->scheme == URL_COMMAND) {
        command_error("bench speaks ws://, line:// and numbered://");
        return false;
    }
    plan->protocol = url->scheme == URL_LINE ? BENCH_LINE : BENCH_NUMBERED;
    if (url->scheme == URL_WEBSOCKET && !choose_protocol(url, protocol, &plan->protocol)) {
        command_error("--protocol is json, plain, text, sse, nats or mqtt");
        return false;
    }
    plan->host_port = url->host_port;
    plan->host = url->host;
    plan->target = url->target;
    return true;
}

/* Protocols in which a connection chooses its room. */
static bool has_rooms(enum bench_protocol protocol) {
    return protocol == BENCH_JSON || protocol == BENCH_EVENTS || protocol == BENCH_NATS ||
           protocol == BENCH_MQTT;
}

static const char *find_protocol_fault(const struct bench_plan *plan) {
    bool is_json = plan->protocol == BENCH_JSON;

    if (plan->rooms == 0 || (plan->rooms > 1 && !has_rooms(plan->protocol)))
        return "only with --protocol json, sse, nats and mqtt there is more than one room";
    if (plan->acks_only && !is_json)
        return "only with --protocol json there are acknowledgements";
    if (plan->named && !is_json)
        return "only with --protocol json --named makes a difference";
    if (plan->deflate && (plan->protocol >= BENCH_LINE || plan->protocol == BENCH_EVENTS))
        return "--deflate is for WebSocket";
    if (plan->missed > 0 && (!is_json || plan->publishers != 1 || plan->rooms != 1 ||
                             plan->acks_only || plan->subscribers == 0))
        return "--reconnect needs --protocol json, one room, one publisher and subscribers";
    return plan->acks_only && plan->publishers == 0 ? "--ack-only needs --publishers" : NULL;
}

/* More than this process may hold; also what is more than a sum can hold. */
static bool has_too_many(const struct bench_plan *plan) {
    uint64_t most = BENCH_CONNECTIONS_MAX * plan->processes;

    return plan->subscribers > most || plan->stalled > most || plan->publishers > most ||
           plan->subscribers + plan->stalled + plan->publishers > most;
}

const char *bench_plan_fault(const struct bench_plan *plan) {
    if (plan->processes == 0 || plan->processes > BENCH_PROCESSES_MAX)
        return "--processes is from 1 to 64";
    if (has_too_many(plan))
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
    if (plan->missed > BENCH_MISSED_MAX)
        return "--reconnect is at most 100000";
    return find_protocol_fault(plan);
}
