#include "net/net.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "io/workers.h"
#include "net/internal.h"

void net_begin_turn(struct net *net) {
    int64_t now_us;

    if (net->in_turn)
        return;
    net->in_turn = true;
    now_us = clock_wall_us();
    if (now_us > net->now_us)
        net->now_us = now_us;
    outlet_set_time(net->outlet, net->now_us, uv_now(net->loop));
}

void net_complain(struct net *net, enum complaint complaint, const char *format, ...) {
    uint64_t now_ms = uv_now(net->loop);
    uint64_t *last_ms = &net->complaint_ms[complaint];
    va_list arguments;
    char text[256];

    if (*last_ms > 0 && now_ms < *last_ms + NET_COMPLAINT_INTERVAL_MS)
        return;
    *last_ms = now_ms;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    log_write(net->log, LOG_WARNING, "%s", text);
}

bool net_trusts(const struct net *net, const struct address16 *address) {
    return cidr_any_contains(net->trusted_proxies, net->trusted_proxy_count, address);
}

static void resume_accepting(struct net *net) {
    if (net->accepting)
        return;
    net->accepting = true;
    for (struct list_node *node = net->listeners.first; node; node = node->next)
        listener_start(container_of(node, struct listener, node));
}

static void on_alarm(uv_timer_t *timer) {
    struct net *net = timer->data;

    net->alarm_ms = 0;
    net_begin_turn(net);
    connection_run_deadlines(net);
}

/* Has the alarm go off at the first deadline. */
static void set_alarm(struct net *net) {
    const struct deadline_queue *queues[] = {&net->wakes, &net->lingers, &net->entrances.deadlines};
    uint64_t first_ms = UINT64_MAX;
    uint64_t next_ms;

    for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
        if (deadline_next(queues[i], &next_ms) && next_ms < first_ms)
            first_ms = next_ms;
    }
    if (handshake_next(net, &next_ms) && next_ms < first_ms)
        first_ms = next_ms;
    if (delivery_next_turn(net->delivery, &next_ms) && next_ms < first_ms)
        first_ms = next_ms;
    if (first_ms == UINT64_MAX || first_ms == net->alarm_ms)
        return;
    net->alarm_ms = first_ms;
    uv_timer_start(&net->alarm, on_alarm,
                   first_ms > uv_now(net->loop) ? first_ms - uv_now(net->loop) : 0, 0);
}

static void on_idle(uv_idle_t *idle) {
    net_begin_turn(idle->data);
}

/* Idle handles are libuv's way not to sleep: while one runs, the loop only looks whether sockets
 * are ready. */
static void stay_awake(struct net *net, bool awake) {
    if (awake)
        uv_idle_start(&net->awake, on_idle);
    else
        uv_idle_stop(&net->awake);
}

/* Runs in every turn right before the loop sleeps. That somebody is gone is told to the hub, which
 * has something to say to others about it. */
static void end_turn(struct net *net) {
    bool more;

    net_begin_turn(net);
    more = handshake_turn(net);
    connection_reap(net);
    more |= delivery_turn(net->delivery);
    more |= !list_empty(&net->gone);
    net->in_turn = false;
    stay_awake(net, more);
    set_alarm(net);
}

static void on_turn_end(uv_prepare_t *prepare) {
    end_turn(prepare->data);
}

static void on_wake(uv_async_t *wake) {
    net_begin_turn(wake->data);
}

static void on_tick(uv_timer_t *timer) {
    struct net *net = timer->data;

    net_begin_turn(net);
    delivery_tick(net->delivery);
    resume_accepting(net);
}

struct net *net_new(struct uv_loop_s *loop, const struct net_options *options) {
    struct net *net = memory_new_struct(struct net);

    net->loop = loop;
    net->log = options->log;
    pool_open(&net->connection_pool, sizeof(struct connection));
    net->accepting = true;
    net->reads = true;
    net->linger_ms = NET_LINGER_MS;
    net->input = memory_new(NET_INPUT_SIZE);
    net->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    send_spaces_open(net, 1);
    admission_init(&net->admission, &(struct admission_limits){0}, options->seed);
    net_configure(net, options);
    watch_open(net);
    uv_async_init(loop, &net->wake, on_wake);
    uv_prepare_init(loop, &net->turn_end);
    uv_idle_init(loop, &net->awake);
    uv_timer_init(loop, &net->tick);
    uv_timer_init(loop, &net->alarm);
    net->wake.data = net->turn_end.data = net->awake.data = net->tick.data = net->alarm.data = net;
    return net;
}

void net_free(struct net *net) {
    if (!net)
        return;
    admission_close(&net->admission);
    pool_close(&net->connection_pool);
    if (net->reserve >= 0)
        close(net->reserve);
    tls_context_release(net->tls);
    memory_free(net->trusted_proxies);
    buffer_close(&net->plain);
    workers_free(net->workers);
    send_spaces_close(net);
    memory_free(net->input);
    memory_free(net);
}

static void trust(struct net *net, const struct cidr *proxies, size_t count) {
    memory_free(net->trusted_proxies);
    net->trusted_proxies = memory_new(count * sizeof(*proxies));
    net->trusted_proxy_count = count;
    if (count > 0)
        memcpy(net->trusted_proxies, proxies, count * sizeof(*proxies));
}

void net_configure(struct net *net, const struct net_options *options) {
    struct tls_context *before = net->tls;

    net->admission.limits = (struct admission_limits){
        .connections = options->max_connections,
        .connections_per_address = options->max_connections_per_address,
        .rate_per_address = options->connection_rate_per_address,
    };
    net->handshake_timeout_ms = options->handshake_timeout_ms;
    net->proxy_protocol = options->proxy_protocol;
    net->tls = options->tls ? tls_context_hold(options->tls) : NULL;
    tls_context_release(before);
    trust(net, options->trusted_proxies, options->trusted_proxy_count);
}

void net_wake(void *context) {
    struct net *net = context;

    uv_async_send(&net->wake);
}

void net_attach(struct net *net, struct delivery *delivery) {
    net->delivery = delivery;
    net->outlet = delivery_outlet(delivery);
    watch_start(net);
    uv_prepare_start(&net->turn_end, on_turn_end);
    uv_timer_start(&net->tick, on_tick, NET_TICK_MS, NET_TICK_MS);
}

int net_start_threads(struct net *net, unsigned count) {
    send_spaces_open(net, count + 1);
    return workers_new(count, &net->workers);
}

struct net_sends net_sends(const struct net *net) {
    struct workers_share share = {0};

    if (net->workers)
        share = workers_share(net->workers);
    return (struct net_sends){.by_loop = share.own, .by_threads = share.others};
}

void net_stop_accepting(struct net *net) {
    struct list_node *node;

    while ((node = list_take_first(&net->listeners)))
        listener_close(container_of(node, struct listener, node));
}

void net_stop_reading(struct net *net) {
    net->reads = false;
    entrance_leave_all(net);
}

void net_goodbye(struct net *net, uint16_t close_code) {
    net->linger_ms = NET_LINGER_STOPPING_MS;
    net_begin_turn(net);
    outlet_close_all(net->outlet, close_code);
}

size_t net_send_away(struct net *net, uint64_t newest, size_t count, uint16_t close_code) {
    net_begin_turn(net);
    return outlet_send_away(net->outlet, newest, count, close_code);
}

struct net_refusals net_refusals(const struct net *net) {
    const uint64_t *refused = net->admission.refused;

    return (struct net_refusals){.full = refused[ADMISSION_FULL],
                                 .address_full = refused[ADMISSION_ADDRESS_FULL],
                                 .address_rate = refused[ADMISSION_TOO_OFTEN]};
}

size_t net_connection_count(const struct net *net) {
    return net->admission.count;
}

void net_disconnect(struct net *net) {
    net_stop_accepting(net);
    if (!net->delivery)
        return;
    connection_reset_all(net);
    do
        end_turn(net);
    while (!list_empty(&net->gone));
    watch_stop(net);
    uv_prepare_stop(&net->turn_end);
    uv_timer_stop(&net->tick);
    uv_idle_stop(&net->awake);
    net->delivery = NULL;
}

void net_close(struct net *net) {
    watch_close(net);
    uv_close((uv_handle_t *)&net->wake, NULL);
    uv_close((uv_handle_t *)&net->turn_end, NULL);
    uv_close((uv_handle_t *)&net->awake, NULL);
    uv_close((uv_handle_t *)&net->tick, NULL);
    uv_close((uv_handle_t *)&net->alarm, NULL);
}
