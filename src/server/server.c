/* The wiring of one server, and how it stops.
 *
 * Addresses are bound first: the usual mistake, a server that runs already, shows before a database
 * is touched. Then the process is confined (confine.h), before it has threads. Clients that connect
 * while the store opens wait in the backlog. Everything is taken down in reverse. */

#include "server/server.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/close_code.h"
#include "base/memory.h"
#include "hub/hub.h"
#include "net/net.h"
#include "server/admin.h"
#include "server/authority_choice.h"
#include "server/confine.h"
#include "server/drain.h"
#include "server/listening.h"
#include "server/metrics.h"
#include "server/orphans.h"
#include "server/settings.h"
#include "server/store_choice.h"

/* While stopping: how often to look, how long the store has to settle, and when to cut off who has
 * not left. */
#define STOP_LOOK_MS 20
#define STOP_SETTLE_MS 2000
#define STOP_LIMIT_MS 4000
/* While starting: how long nobody is let in because the rules of rooms cannot be read. */
#define RULES_PATIENCE_MS 10000

enum phase { PHASE_RUNNING, PHASE_DRAINING, PHASE_SETTLING, PHASE_LEAVING, PHASE_STOPPED };

struct server {
    const struct config *config;
    const struct log *log;
    uv_loop_t loop;
    uv_timer_t stopping;
    uint64_t start_ms;
    int64_t start_us; /* wall clock */
    int memory;       /* see metrics.h */
    uint64_t stop_ms; /* when it began to settle, on the loop's clock */
    enum phase phase;
    struct drain drain;
    struct listening_set listening;
    struct net *net;
    struct store_choice *store;
    struct authority *authority;
    struct admin *admin;     /* NULL: there is no data folder */
    struct orphans *orphans; /* the same */
    struct delivery *delivery;
    struct inflater *inflater;
    struct deflater *deflater;
    struct settings settings;
    server_reload *reload; /* NULL: it cannot */
    void *reload_context;
};

static void fill_random(void *context, void *bytes, size_t size) {
    char *next = bytes;

    (void)context;
    while (size > 0) {
        ssize_t count = getrandom(next, size, 0);
        if (count > 0) {
            next += count;
            size -= (size_t)count;
        }
    }
}

static uint64_t random_seed(void) {
    uint64_t seed;

    fill_random(NULL, &seed, sizeof(seed));
    return seed;
}

static int64_t monotonic_us(void *context) {
    (void)context;
    return (int64_t)(uv_hrtime() / 1000);
}

static void append_metrics(void *context, struct buffer *output) {
    const struct server *server = context;

    metrics_append_all(&(struct metrics_sources){.delivery = server->delivery,
                                                 .net = server->net,
                                                 .start_us = server->start_us,
                                                 .memory = server->memory},
                       output);
}

static void fill_settings(struct server *server) {
    settings_fill(&server->settings, &server->listening,
                  &(struct settings_parts){.inflater = server->inflater,
                                           .deflater = server->deflater,
                                           .metrics = append_metrics,
                                           .metrics_context = server});
    server->settings.protocol.draining = server->phase != PHASE_RUNNING;
}

/* What delivery and those behind it make of the configuration: at the start, and again when it has
 * changed. */
static struct delivery_options delivery_options_of(const struct server *server) {
    return (struct delivery_options){
        .hub = settings_hub(&server->settings),
        .outlet = settings_outlet(&server->settings),
        .store = store_choice_store(server->store),
        .authority = server->authority,
        .stream_window = server->config->stream_window,
        .random = fill_random,
        .clock = monotonic_us,
    };
}

static struct delivery *make_delivery(const struct server *server) {
    struct delivery_options options = delivery_options_of(server);

    options.hub.seed = random_seed();
    return delivery_new(&options);
}

static struct net *make_net(struct server *server) {
    struct net_options options = settings_net(&server->settings);

    options.seed = random_seed();
    return net_new(&server->loop, &options);
}

static int start_io_threads(struct server *server, char *message, size_t size) {
    unsigned count = settings_io_threads(&server->settings);
    int error = count > 0 ? net_start_threads(server->net, count) : 0;

    if (error)
        snprintf(message, size, "io_threads: the system does not let %u threads start", count);
    return error;
}

static void hand_over_sockets(struct server *server) {
    for (size_t i = 0; i < server->listening.count; i++) {
        struct listening *listening = &server->listening.items[i];
        const struct net_service service = {
            .protocol = listening->url.protocol,
            .secure = listening->url.secure,
            .http = strncmp(listening->url.protocol->scheme, "ws", strlen("ws")) == 0,
        };
        net_listen(server->net, &listening->socket, &service);
        listening->taken = true;
    }
}

static void append_peers(const struct server *server, struct buffer *out) {
    size_t counts[FORMAT_COUNT];
    const char *comma = "";

    delivery_count_peers(server->delivery, counts);
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        const char *name = metrics_format_name((unsigned)i);
        if (counts[i] == 0 || !name)
            continue;
        buffer_append_format(out, "%s\"%s\":%zu", comma, name, counts[i]);
        comma = ",";
    }
}

/* For banter admin. */
static void append_status(void *context, struct buffer *out) {
    const struct server *server = context;
    const struct hub *hub = delivery_hub(server->delivery);

    buffer_append_format(out, "\"version\":\"%s\",\"uptime_s\":%llu,\"connections\":{",
                         BANTER_VERSION,
                         (unsigned long long)(uv_now(&server->loop) - server->start_ms) / 1000);
    append_peers(server, out);
    buffer_append_format(
        out, "},\"sessions\":%zu,\"rooms\":%zu,\"pending\":%zu,\"stream_bytes\":%zu",
        hub_session_count(hub), hub_room_count(hub), delivery_pending(server->delivery),
        delivery_stream_bytes(server->delivery));
}

/* The same. */
static int read_configuration_again(void *context, struct buffer *report) {
    struct server *server = context;

    if (server->reload)
        return server->reload(server->reload_context, report);
    buffer_append_string(report, "this server cannot read its configuration again");
    return ERR_UNAVAILABLE;
}

/* The same: accounts were changed in their file. Answered by on_accounts_told. */
static void look_at_accounts(void *context) {
    struct server *server = context;

    authority_local_look(server->authority);
}

static void on_accounts_told(void *context, int error) {
    struct server *server = context;

    admin_accounts_told(server->admin, error);
}

/* From any thread. */
static void wake(void *context) {
    struct server *server = context;

    net_wake(server->net);
}

static int open_authority(struct server *server, char *message, size_t size) {
    return authority_choice_open(
        &(struct authority_choice_options){
            .config = server->config,
            .log = server->log,
            .durable = store_choice_has_folder(server->store),
            .wake = wake,
            .told = on_accounts_told,
            .context = server,
        },
        &server->authority, message, size);
}

/* What there is only with a data folder. */
static void open_folder_services(struct server *server) {
    bool durable = store_choice_durable(server->store);

    if (!store_choice_has_folder(server->store))
        return;
    if (durable)
        server->orphans = orphans_watch(&(struct orphans_options){
            .loop = &server->loop,
            .log = server->log,
            .folder = server->config->data,
            .hub = delivery_hub(server->delivery),
            .store = store_choice_store(server->store),
            .linger_ms = (unsigned)server->config->session_linger_ms,
        });
    server->admin = admin_open(&server->loop, &(struct admin_options){
                                                  .folder = server->config->data,
                                                  .log = server->log,
                                                  .copies = durable,
                                                  .status = append_status,
                                                  .reload = read_configuration_again,
                                                  .accounts = look_at_accounts,
                                                  .context = server,
                                              });
}

static bool needs_folder(const struct config *config) {
    bool durable = store_choice_needs_folder(config);

    return durable || authority_choice_has_accounts(config, durable);
}

/* Who may do what must be known before anybody comes. A store that cannot be read now may be later;
 * until then everything is answered with "unavailable". */
static void await_rules(struct server *server) {
    uint64_t until_ms = uv_now(&server->loop) + RULES_PATIENCE_MS;

    while (!delivery_is_ready(server->delivery) && uv_now(&server->loop) < until_ms)
        uv_run(&server->loop, UV_RUN_ONCE);
    if (!delivery_is_ready(server->delivery))
        log_write(server->log, LOG_ERROR,
                  "the rules of rooms cannot be read yet: nobody is let into any");
}

int server_new(const struct config *config, const struct log *log, struct server **server,
               char *message, size_t size) {
    struct server *made = memory_new_struct(struct server);
    int error;

    made->config = config;
    made->log = log;
    uv_loop_init(&made->loop);
    made->start_ms = uv_now(&made->loop);
    made->start_us = clock_wall_us();
    made->memory = metrics_open_memory();
    uv_timer_init(&made->loop, &made->stopping);
    made->stopping.data = made;
    made->settings = (struct settings){.config = config, .log = log};
    error = settings_read(config, log, &made->settings, message, size);
    made->net = make_net(made);
    if (!error)
        error = listening_open(&config->listen, &made->listening, message, size);
    if (!error)
        error = confine(config, log, needs_folder(config), message, size);
    if (!error)
        error = start_io_threads(made, message, size);
    if (!error)
        error = store_choice_open(config, log, random_seed(), net_wake, made->net, &made->store,
                                  message, size);
    if (!error)
        error = open_authority(made, message, size);
    if (error) {
        server_free(made);
        return error;
    }
    made->inflater = inflater_new();
    made->deflater = deflater_new();
    fill_settings(made);
    made->delivery = make_delivery(made);
    net_attach(made->net, made->delivery);
    await_rules(made);
    hand_over_sockets(made);
    open_folder_services(made);
    *server = made;
    return 0;
}

/* Store and authority are closed before the net is freed, because their threads wake the net. */
void server_free(struct server *server) {
    if (!server)
        return;
    net_disconnect(server->net);
    admin_close(server->admin);
    orphans_close(server->orphans);
    listening_close(&server->listening);
    if (server->delivery)
        delivery_free(server->delivery);
    store_choice_close(server->store);
    if (server->authority)
        server->authority->engine->close(server->authority);
    net_close(server->net);
    uv_close((uv_handle_t *)&server->stopping, NULL);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    uv_loop_close(&server->loop);
    net_free(server->net);
    admin_free(server->admin);
    inflater_free(server->inflater);
    deflater_free(server->deflater);
    settings_close(&server->settings);
    if (server->memory >= 0)
        close(server->memory);
    memory_free(server);
}

static void say_goodbye(struct server *server) {
    if (delivery_pending(server->delivery) > 0)
        log_write(server->log, LOG_WARNING, "Stopping although %zu requests are not answered yet",
                  delivery_pending(server->delivery));
    net_goodbye(server->net, server->drain.begin_ms > 0 ? CLOSE_RESTART : CLOSE_GOING_AWAY);
    server->phase = PHASE_LEAVING;
}

static void settle(struct server *server) {
    server->phase = PHASE_SETTLING;
    server->stop_ms = uv_now(&server->loop);
    net_stop_accepting(server->net);
    net_stop_reading(server->net);
}

static void go_on_draining(struct server *server) {
    if (drain_step(&server->drain, uv_now(&server->loop)))
        return;
    log_write(server->log, LOG_INFO, "Drained: %zu clients were told, %zu connections are left",
              server->drain.told, net_connection_count(server->net));
    settle(server);
}

static void on_stopping(uv_timer_t *timer) {
    struct server *server = timer->data;
    uint64_t passed_ms = uv_now(&server->loop) - server->stop_ms;

    if (server->phase == PHASE_DRAINING) {
        go_on_draining(server);
    } else if (server->phase == PHASE_SETTLING) {
        if (delivery_pending(server->delivery) == 0 || passed_ms >= STOP_SETTLE_MS)
            say_goodbye(server);
    } else if (net_connection_count(server->net) == 0 || passed_ms >= STOP_LIMIT_MS) {
        server->phase = PHASE_STOPPED;
        uv_timer_stop(timer);
        uv_stop(&server->loop);
    }
}

static void begin_to_drain(struct server *server) {
    size_t seconds = server->config->drain_s;

    server->phase = PHASE_DRAINING;
    server->settings.protocol.draining = true;
    drain_begin(&server->drain, server->net, delivery_outlet(server->delivery),
                uv_now(&server->loop), seconds);
    log_write(server->log, LOG_INFO, "Draining: %zu connections are asked to go within %zu s",
              net_connection_count(server->net), seconds);
}

bool server_stop(struct server *server) {
    if (server->phase > PHASE_DRAINING)
        return false;
    if (server->phase == PHASE_RUNNING && server->config->drain_s > 0)
        begin_to_drain(server);
    else
        settle(server);
    uv_timer_start(&server->stopping, on_stopping, STOP_LOOK_MS, STOP_LOOK_MS);
    return true;
}

void server_run(struct server *server) {
    while (server->phase != PHASE_STOPPED)
        uv_run(&server->loop, UV_RUN_DEFAULT);
}

/* What can fail comes first, and leaves everything as it was. */
int server_configure(struct server *server, char *message, size_t size) {
    struct settings fresh;
    struct delivery_options delivery;
    struct net_options net;
    int error = settings_read(server->config, server->log, &fresh, message, size);

    if (error)
        return error;
    error = store_choice_check(server->store, server->config, message, size);
    if (!error)
        error = authority_choice_reload(server->authority, server->config, message, size);
    if (error) {
        settings_close(&fresh);
        return error;
    }
    store_choice_configure(server->store, server->config);
    settings_close(&server->settings);
    server->settings = fresh;
    fill_settings(server);
    delivery = delivery_options_of(server);
    delivery_configure(server->delivery, &delivery);
    net = settings_net(&server->settings);
    net_configure(server->net, &net);
    if (server->orphans)
        orphans_set_linger(server->orphans, (unsigned)server->config->session_linger_ms);
    return 0;
}

void server_set_reload(struct server *server, server_reload *reload, void *context) {
    server->reload = reload;
    server->reload_context = context;
}

struct uv_loop_s *server_loop(struct server *server) {
    return &server->loop;
}

const char *server_address(const struct server *server, size_t index) {
    return index < server->listening.count ? server->listening.items[index].address : NULL;
}
