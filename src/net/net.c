#include "net/net.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/internal.h"

static int64_t wall_clock_us(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void net_begin_turn(struct net *net) {
    int64_t now_us;

    if (net->in_turn)
        return;
    net->in_turn = true;
    now_us = wall_clock_us();
    if (now_us > net->now_us)
        net->now_us = now_us;
    outlet_set_time(net->outlet, net->now_us, uv_now(net->loop));
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
    uint64_t wake_ms = UINT64_MAX;
    uint64_t linger_ms = UINT64_MAX;
    uint64_t first_ms;

    deadline_next(&net->wakes, &wake_ms);
    deadline_next(&net->lingers, &linger_ms);
    first_ms = wake_ms < linger_ms ? wake_ms : linger_ms;
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
    connection_reap(net);
    more = delivery_turn(net->delivery) || !list_empty(&net->gone);
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
    net->accepting = true;
    net->reads = true;
    net->linger_ms = NET_LINGER_MS;
    net->input = memory_new(NET_INPUT_SIZE);
    net->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    admission_init(&net->admission, options->max_connections, options->max_connections_per_address,
                   options->seed);
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
    if (net->reserve >= 0)
        close(net->reserve);
    memory_free(net->input);
    memory_free(net);
}

void net_wake(void *context) {
    struct net *net = context;

    uv_async_send(&net->wake);
}

void net_attach(struct net *net, struct delivery *delivery) {
    net->delivery = delivery;
    net->outlet = delivery_outlet(delivery);
    uv_prepare_start(&net->turn_end, on_turn_end);
    uv_timer_start(&net->tick, on_tick, NET_TICK_MS, NET_TICK_MS);
}

void net_stop_accepting(struct net *net) {
    struct list_node *node;

    while ((node = list_take_first(&net->listeners)))
        listener_close(container_of(node, struct listener, node));
}

void net_stop_reading(struct net *net) {
    net->reads = false;
}

void net_goodbye(struct net *net, uint16_t close_code) {
    net->linger_ms = NET_LINGER_STOPPING_MS;
    net_begin_turn(net);
    outlet_close_all(net->outlet, close_code);
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
    uv_prepare_stop(&net->turn_end);
    uv_timer_stop(&net->tick);
    uv_idle_stop(&net->awake);
    net->delivery = NULL;
}

void net_close(struct net *net) {
    uv_close((uv_handle_t *)&net->wake, NULL);
    uv_close((uv_handle_t *)&net->turn_end, NULL);
    uv_close((uv_handle_t *)&net->awake, NULL);
    uv_close((uv_handle_t *)&net->tick, NULL);
    uv_close((uv_handle_t *)&net->alarm, NULL);
}
