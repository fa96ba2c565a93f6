/* GET /metrics: what the server counts, for Prometheus. The numbers say how many talk and how much,
 * so unless the operator wants everybody to see them they are for this machine alone: a proxy here
 * that passes on whatever it is asked must not make its callers local, so a request that has passed
 * through one is not. To others there is no such page. */
#include "protocol/http.h"

static bool is_local(const struct http_exchange *exchange) {
    static const struct cidr loopback[] = {
        {.base = {.bytes = {[10] = 0xff, [11] = 0xff, [12] = 127}}, .prefix = 104},
        {.base = {.bytes = {[15] = 1}}, .prefix = 128},
    };
    struct address16 address;
    if (http_is_forwarded(exchange->message)) {
        return false;
    }
    return slice_equal(exchange->feed->address, SLICE("unix")) ||
           (address16_parse(exchange->feed->address, &address) == 0 &&
            cidr_any_contains(loopback, sizeof(loopback) / sizeof(loopback[0]), &address));
}

enum feed_result http_metrics(struct http_exchange *exchange) {
    const struct protocol_settings *settings = exchange->settings;
    struct http_connection *connection = exchange->connection;
    struct buffer body = {0};
    if (settings->metrics == NULL || !(settings->metrics_for_all || is_local(exchange))) {
        http_answer_error(connection, exchange->feed->output, 404, ERR_NOT_FOUND,
                          SLICE("No such page"), SLICE_NONE);
        return FEED_AGAIN;
    }
    if (!http_method_is(exchange->message, "GET") && !http_method_is(exchange->message, "HEAD")) {
        http_answer_not_allowed(exchange, "GET, HEAD");
        return FEED_AGAIN;
    }
    settings->metrics(settings->metrics_context, &body);
    http_answer(connection, exchange->feed->output, 200, "text/plain; version=0.0.4; charset=utf-8",
                SLICE("Cache-Control: no-store\r\n"), buffer_slice(&body));
    buffer_close(&body);
    return FEED_AGAIN;
}
