/* The wiring of one server, and how it stops.
 *
 * Addresses are bound first: the usual mistake, a server that runs already, shows before a database
 * is touched. Then the process is confined (confine.h), before it has threads. Clients that connect while the store opens wait in the backlog. Everything is taken
 * down in reverse. */

#include "server/server.h"

#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <uv.h>

#include "base/cidr.h"
#include "base/memory.h"
#include "hub/hub.h"
#include "net/net.h"
#include "server/admin.h"
#include "server/assets.h"
#include "server/authority_choice.h"
#include "server/certificates.h"
#include "server/confine.h"
#include "server/listening.h"
#include "server/metrics.h"
#include "server/orphans.h"
#include "server/store_choice.h"
#include "server/trusted_proxies.h"

/* Descriptors that are not for connections: the database's files, the loop's own, listeners, the
 * log. */
#define SERVER_DESCRIPTORS 64
/* While stopping: how often to look, how long the store has to settle, and when to cut off who has
 * not left. */
#define STOP_LOOK_MS 20
#define STOP_SETTLE_MS 2000
#define STOP_LIMIT_MS 4000
/* While starting: how long nobody is let in because the rules of rooms cannot be read. */
#define RULES_PATIENCE_MS 10000
#define CLOSE_GOING_AWAY 1001 /* RFC 6455 section 7.4.1 */

enum phase { PHASE_RUNNING, PHASE_SETTLING, PHASE_LEAVING, PHASE_STOPPED };

struct server {
    const struct config *config;
    const struct log *log;
    uv_loop_t loop;
    uv_timer_t stopping;
    uint64_t start_ms;
    int64_t start_us; /* wall clock */
    uint64_t stop_ms; /* when stopping began, on the loop's clock */
    enum phase phase;
    struct listening_set listening;
    struct tls_context *tls;      /* NULL: there are no certificates */
    struct cidr *trusted_proxies; /* as many as the configuration has */
    struct net *net;
    struct store_choice *store;
    struct authority *authority;
    struct admin *admin;     /* NULL: there is no data folder */
    struct orphans *orphans; /* the same */
    struct delivery *delivery;
    struct protocol_settings settings;
    server_reload *reload; /* NULL: it cannot */
    void *reload_context;
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

static int64_t wall_clock_us(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t monotonic_us(void *context) {
    (void)context;
    return (int64_t)(uv_hrtime() / 1000);
}

static void append_metrics(void *context, struct buffer *output) {
    const struct server *server = context;

    metrics_append_all(
        &(struct metrics_sources){
            .delivery = server->delivery, .net = server->net, .start_us = server->start_us},
        output);
}

/* Keeps the two codecs, which are made once. */
static void fill_settings(struct server *server) {
    const struct config *config = server->config;

    memory_free(server->public_hosts);
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
        .trusted_proxies = server->trusted_proxies,
        .trusted_proxy_count = config->trusted_proxies.count,
        .metrics = config->metrics != CONFIG_METRICS_OFF ? append_metrics : NULL,
        .metrics_context = server,
        .metrics_for_all = config->metrics == CONFIG_METRICS_ON,
        .inflater = server->settings.inflater,
        .deflater = server->settings.deflater,
    };
    collect_public_hosts(server);
}

static struct hub_limits limits_of(const struct config *config) {
    return (struct hub_limits){
        .rate_per_minute = (unsigned)config->rate_per_minute,
        .address_rate_per_minute = (unsigned)config->address_rate_per_minute,
        .senders_per_address = (unsigned)config->senders_per_address,
        .room_rate_per_second = (unsigned)config->room_rate_per_second,
        .bytes_per_minute = (unsigned)config->bytes_per_minute,
        .joins_per_minute = (unsigned)config->joins_per_minute,
        .names_per_minute = (unsigned)config->names_per_minute,
        .address_names_per_minute = (unsigned)config->address_names_per_minute,
        .rooms_per_hour = (unsigned)config->rooms_per_hour,
        .address_rooms_per_hour = (unsigned)config->address_rooms_per_hour,
    };
}

static struct hub_options hub_options_of(const struct config *config) {
    return (struct hub_options){
        .limits = limits_of(config),
        .introduction_ms = (unsigned)config->introduction_timeout_ms,
        .max_message = (unsigned)config->max_message,
        .session_linger_s = (unsigned)((config->session_linger_ms + 999) / 1000),
        .announce_limit = (unsigned)config->announce_limit,
        .backlog = (unsigned)config->backlog,
        .ping_ms = (unsigned)config->ping_interval_ms,
        .create_rooms = config->create_rooms,
        .auth = (enum auth_mode)config->auth,
    };
}

static struct outlet_options outlet_options_of(const struct server *server) {
    const struct config *config = server->config;

    return (struct outlet_options){
        .transport = &net_transport,
        .settings = &server->settings,
        .log = server->log,
        .ping_interval_ms = (unsigned)config->ping_interval_ms,
        .ping_timeout_ms = (unsigned)config->ping_timeout_ms,
        .handshake_timeout_ms = (unsigned)config->handshake_timeout_ms,
        .idle_timeout_ms = (unsigned)config->idle_timeout_ms,
        .message_timeout_ms = (unsigned)config->message_timeout_ms,
    };
}

/* What delivery and those behind it make of the configuration: at the start, and again when it has
 * changed. */
static struct delivery_options delivery_options_of(const struct server *server) {
    return (struct delivery_options){
        .hub = hub_options_of(server->config),
        .outlet = outlet_options_of(server),
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

static struct net_options net_options_of(const struct server *server) {
    return (struct net_options){
        .log = server->log,
        .max_connections = connection_limit(server),
        .max_connections_per_address = server->config->max_connections_per_address,
        .connection_rate_per_address = (unsigned)server->config->connection_rate_per_address,
        .handshake_timeout_ms = (unsigned)server->config->handshake_timeout_ms,
        .tls = server->tls,
        .proxy_protocol = server->config->proxy_protocol,
        .trusted_proxies = server->trusted_proxies,
        .trusted_proxy_count = server->config->trusted_proxies.count,
    };
}

/* What the configuration says in files and lists, made ready for use. On failure nothing has
 * changed. */
static int read_security(struct server *server, char *message, size_t size) {
    struct tls_context *tls;
    int error = certificates_load(server->config, server->log, &tls, message, size);

    if (error)
        return error;
    tls_context_release(server->tls);
    server->tls = tls;
    memory_free(server->trusted_proxies);
    server->trusted_proxies = trusted_proxies_read(&server->config->trusted_proxies);
    return 0;
}

static struct net *make_net(struct server *server) {
    struct net_options options = net_options_of(server);

    options.seed = random_seed();
    return net_new(&server->loop, &options);
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
            .durable = store_choice_durable(server->store),
            .wake = wake,
            .told = on_accounts_told,
            .context = server,
        },
        &server->authority, message, size);
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
    made->start_us = wall_clock_us();
    uv_timer_init(&made->loop, &made->stopping);
    made->stopping.data = made;
    error = read_security(made, message, size);
    made->net = make_net(made);
    if (!error)
        error = listening_open(&config->listen, &made->listening, message, size);
    if (!error)
        error = confine(config, log, needs_folder(config), message, size);
    if (!error)
        error = store_choice_open(config, log, random_seed(), net_wake, made->net, &made->store,
                                  message, size);
    if (!error)
        error = open_authority(made, message, size);
    if (error) {
        server_free(made);
        return error;
    }
    made->settings.inflater = inflater_new();
    made->settings.deflater = deflater_new();
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
    tls_context_release(server->tls);
    memory_free(server->trusted_proxies);
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

int server_configure(struct server *server, char *message, size_t size) {
    struct delivery_options delivery;
    struct net_options net;
    int error = read_security(server, message, size);

    if (!error)
        error = authority_choice_reload(server->authority, server->config, message, size);
    if (error)
        return error;
    net = net_options_of(server);
    fill_settings(server);
    delivery = delivery_options_of(server);
    delivery_configure(server->delivery, &delivery);
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
