/* The wiring of one server, and how it stops.
 *
 * Addresses are bound first: the usual mistake, a server that runs already, shows before a database
 * is touched. Clients that connect while the store opens wait in the backlog. Everything is taken
 * down in reverse. */

#include "server/server.h"

#include <sys/random.h>
#include <sys/resource.h>
#include <uv.h>

#include "base/memory.h"
#include "hub/hub.h"
#include "net/net.h"
#include "server/admin.h"
#include "server/assets.h"
#include "server/listening.h"
#include "server/orphans.h"
#include "server/store_choice.h"

/* Descriptors that are not for connections: the database's files, the loop's own, listeners, the
 * log. */
#define SERVER_DESCRIPTORS 64
/* While stopping: how often to look, how long the store has to settle, and when to cut off who has
 * not left. */
#define STOP_LOOK_MS 20
#define STOP_SETTLE_MS 2000
#define STOP_LIMIT_MS 4000
#define CLOSE_GOING_AWAY 1001 /* RFC 6455 section 7.4.1 */

enum phase { PHASE_RUNNING, PHASE_SETTLING, PHASE_LEAVING, PHASE_STOPPED };

struct server {
    const struct config *config;
    const struct log *log;
    uv_loop_t loop;
    uv_timer_t stopping;
    uint64_t start_ms;
    uint64_t stop_ms; /* when stopping began, on the loop's clock */
    enum phase phase;
    struct listening_set listening;
    struct net *net;
    struct store_choice *store;
    struct admin *admin;     /* NULL: there is no data folder */
    struct orphans *orphans; /* the same */
    struct delivery *delivery;
    struct protocol_settings settings;
    const char **public_hosts; /* the texts belong to the configuration and to listening */
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

/* As configured, but never more than there are descriptors for. */
static size_t connection_limit(const struct server *server) {
    size_t wanted = server->config->max_connections;
    struct rlimit limit = {0};
    size_t available;

    getrlimit(RLIMIT_NOFILE, &limit);
    available = limit.rlim_cur > 2 * SERVER_DESCRIPTORS ? limit.rlim_cur - SERVER_DESCRIPTORS
                                                        : SERVER_DESCRIPTORS;
    if (wanted > available)
        log_write(server->log, LOG_WARNING,
                  "max_connections is %zu, but there are descriptors for %zu only", wanted,
                  available);
    return wanted > 0 && wanted < available ? wanted : available;
}

/* Names a browser may put into Host: those configured, and those listened on. */
static void collect_public_hosts(struct server *server) {
    const struct config_list *configured = &server->config->public_host;
    size_t count = 0;

    server->public_hosts =
        memory_new((configured->count + server->listening.count) * sizeof(*server->public_hosts));
    for (size_t i = 0; i < configured->count; i++)
        server->public_hosts[count++] = configured->items[i];
    for (size_t i = 0; i < server->listening.count; i++) {
        const struct endpoint *endpoint = &server->listening.items[i].url.endpoint;
        if (!endpoint->local)
            server->public_hosts[count++] = endpoint->host;
    }
    server->settings.public_hosts = server->public_hosts;
    server->settings.public_host_count = count;
}

static void fill_settings(struct server *server) {
    const struct config *config = server->config;

    server->settings = (struct protocol_settings){
        .max_message = config->max_message,
        .ping_ms = (unsigned)config->ping_interval_ms,
        .rate_per_minute = (unsigned)config->rate_per_minute,
        .banner = slice_of_string(config->banner),
        .server = SLICE("banterd " BANTER_VERSION),
        .assets = web_assets,
        .asset_count = web_asset_count,
        .allowed_origins = (const char *const *)config->allowed_origins.items,
        .allowed_origin_count = config->allowed_origins.count,
        .inflater = inflater_new(),
        .deflater = deflater_new(),
    };
    collect_public_hosts(server);
}

static struct delivery *make_delivery(struct server *server) {
    const struct config *config = server->config;
    const struct delivery_options options = {
        .hub = {.seed = random_seed(),
                .rate_per_minute = (unsigned)config->rate_per_minute,
                .max_message = (unsigned)config->max_message,
                .session_linger_s = (unsigned)((config->session_linger_ms + 999) / 1000),
                .announce_limit = (unsigned)config->announce_limit,
                .backlog = (unsigned)config->backlog,
                .ping_ms = (unsigned)config->ping_interval_ms,
                .create_rooms = config->create_rooms},
        .outlet = {.transport = &net_transport,
                   .settings = &server->settings,
                   .log = server->log,
                   .ping_interval_ms = (unsigned)config->ping_interval_ms,
                   .ping_timeout_ms = (unsigned)config->ping_timeout_ms,
                   .handshake_timeout_ms = (unsigned)config->handshake_timeout_ms,
                   .idle_timeout_ms = (unsigned)config->idle_timeout_ms},
        .store = store_choice_store(server->store),
        .stream_window = config->stream_window,
        .random = fill_random,
    };

    return delivery_new(&options);
}

static void hand_over_sockets(struct server *server) {
    for (size_t i = 0; i < server->listening.count; i++) {
        struct listening *listening = &server->listening.items[i];
        net_listen(server->net, &listening->socket, listening->url.protocol);
        listening->taken = true;
    }
}

static void append_peers(const struct server *server, struct buffer *out) {
    static const char *const names[FORMAT_COUNT] = {
        [FORMAT_NONE] = "http",
        [FORMAT_JSON_PLAIN] = "json",
        [FORMAT_JSON_FULL] = "json_hello",
        [FORMAT_JSON_V1] = "banter.v1",
        [FORMAT_TEXT] = "text",
        [FORMAT_LINE] = "line",
        [FORMAT_NUMBERED] = "numbered",
        [FORMAT_COMMAND] = "command",
        [FORMAT_COMMAND_LINES] = "command_lines",
    };
    size_t counts[FORMAT_COUNT];
    const char *comma = "";

    delivery_count_peers(server->delivery, counts);
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (counts[i] == 0 || !names[i])
            continue;
        buffer_append_format(out, "%s\"%s\":%zu", comma, names[i], counts[i]);
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

/* What there is only with a data folder. */
static void open_folder_services(struct server *server) {
    if (!store_choice_durable(server->store))
        return;
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
                                                  .status = append_status,
                                                  .context = server,
                                              });
}

int server_new(const struct config *config, const struct log *log, struct server **server,
               char *message, size_t size) {
    struct server *made = memory_new_struct(struct server);
    int error;

    made->config = config;
    made->log = log;
    uv_loop_init(&made->loop);
    made->start_ms = uv_now(&made->loop);
    uv_timer_init(&made->loop, &made->stopping);
    made->stopping.data = made;
    made->net =
        net_new(&made->loop, &(struct net_options){
                                 .log = log,
                                 .seed = random_seed(),
                                 .max_connections = connection_limit(made),
                                 .max_connections_per_address = config->max_connections_per_address,
                             });
    error = listening_open(&config->listen, &made->listening, message, size);
    if (!error)
        error = store_choice_open(config, log, random_seed(), net_wake, made->net, &made->store,
                                  message, size);
    if (error) {
        server_free(made);
        return error;
    }
    fill_settings(made);
    made->delivery = make_delivery(made);
    net_attach(made->net, made->delivery);
    hand_over_sockets(made);
    open_folder_services(made);
    *server = made;
    return 0;
}

/* The store is closed before the net is freed, because its threads wake the net. */
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
    net_close(server->net);
    uv_close((uv_handle_t *)&server->stopping, NULL);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    uv_loop_close(&server->loop);
    net_free(server->net);
    admin_free(server->admin);
    inflater_free(server->settings.inflater);
    deflater_free(server->settings.deflater);
    memory_free(server->public_hosts);
    memory_free(server);
}

static void say_goodbye(struct server *server) {
    if (delivery_pending(server->delivery) > 0)
        log_write(server->log, LOG_WARNING, "Stopping although %zu requests are not answered yet",
                  delivery_pending(server->delivery));
    net_goodbye(server->net, CLOSE_GOING_AWAY);
    server->phase = PHASE_LEAVING;
}

static void on_stopping(uv_timer_t *timer) {
    struct server *server = timer->data;
    uint64_t passed_ms = uv_now(&server->loop) - server->stop_ms;

    if (server->phase == PHASE_SETTLING) {
        if (delivery_pending(server->delivery) == 0 || passed_ms >= STOP_SETTLE_MS)
            say_goodbye(server);
    } else if (net_connection_count(server->net) == 0 || passed_ms >= STOP_LIMIT_MS) {
        server->phase = PHASE_STOPPED;
        uv_timer_stop(timer);
        uv_stop(&server->loop);
    }
}

void server_stop(struct server *server) {
    if (server->phase != PHASE_RUNNING)
        return;
    server->phase = PHASE_SETTLING;
    server->stop_ms = uv_now(&server->loop);
    net_stop_accepting(server->net);
    net_stop_reading(server->net);
    uv_timer_start(&server->stopping, on_stopping, STOP_LOOK_MS, STOP_LOOK_MS);
}

void server_run(struct server *server) {
    while (server->phase != PHASE_STOPPED)
        uv_run(&server->loop, UV_RUN_DEFAULT);
}

struct uv_loop_s *server_loop(struct server *server) {
    return &server->loop;
}

const char *server_address(const struct server *server, size_t index) {
    return index < server->listening.count ? server->listening.items[index].address : NULL;
}
