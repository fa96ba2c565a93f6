#include "server/settings.h"

#include <sched.h>
#include <sys/resource.h>

#include "base/memory.h"
#include "server/assets.h"
#include "server/certificates.h"
#include "server/trusted_proxies.h"

/* Descriptors that are not for connections: the database's files, the loop's own, listeners, the
 * log. */
#define SERVER_DESCRIPTORS 64
/* With fewer than this the threads that there are in any case, and the kernel, have something to do
 * for each of them. */
#define FEW_PROCESSORS 4

int settings_read(const struct config *config, const struct log *log, struct settings *settings,
                  char *message, size_t size) {
    struct settings read = {.config = config, .log = log};
    int error = certificates_load(config, log, &read.tls, message, size);

    if (error)
        return error;
    read.trusted_proxies = trusted_proxies_read(&config->trusted_proxies);
    *settings = read;
    return 0;
}

void settings_close(struct settings *settings) {
    tls_context_release(settings->tls);
    memory_free(settings->trusted_proxies);
    memory_free(settings->public_hosts);
    *settings = (struct settings){0};
}

/* As configured, but never more than there are descriptors for. */
static size_t connection_limit(const struct settings *settings) {
    size_t wanted = settings->config->max_connections;
    struct rlimit limit = {0};
    size_t available;

    getrlimit(RLIMIT_NOFILE, &limit);
    available = limit.rlim_cur > 2 * SERVER_DESCRIPTORS ? limit.rlim_cur - SERVER_DESCRIPTORS
                                                        : SERVER_DESCRIPTORS;
    if (wanted > available)
        log_write(settings->log, LOG_WARNING,
                  "max_connections is %zu, but there are descriptors for %zu only", wanted,
                  available);
    return wanted > 0 && wanted < available ? wanted : available;
}

/* Names a browser may put into Host: those configured, and those listened on. */
static void collect_public_hosts(struct settings *settings, const struct listening_set *listening) {
    const struct config_list *configured = &settings->config->public_host;
    size_t count = 0;

    settings->public_hosts =
        memory_new((configured->count + listening->count) * sizeof(*settings->public_hosts));
    for (size_t i = 0; i < configured->count; i++)
        settings->public_hosts[count++] = configured->items[i];
    for (size_t i = 0; i < listening->count; i++) {
        const struct endpoint *endpoint = &listening->items[i].url.endpoint;
        if (!endpoint->local)
            settings->public_hosts[count++] = endpoint->host;
    }
    settings->protocol.public_hosts = settings->public_hosts;
    settings->protocol.public_host_count = count;
}

void settings_fill(struct settings *settings, const struct listening_set *listening,
                   const struct settings_parts *parts) {
    const struct config *config = settings->config;

    settings->protocol = (struct protocol_settings){
        .max_message = config->max_message,
        .ping_ms = (unsigned)config->ping_interval_ms,
        .rate_per_minute = (unsigned)config->rate_per_minute,
        .banner = slice_of_string(config->banner),
        .server = SLICE("banterd " BANTER_VERSION),
        .assets = web_assets,
        .asset_count = web_asset_count,
        .allowed_origins = (const char *const *)config->allowed_origins.items,
        .allowed_origin_count = config->allowed_origins.count,
        .trusted_proxies = settings->trusted_proxies,
        .trusted_proxy_count = config->trusted_proxies.count,
        .metrics = config->metrics != CONFIG_METRICS_OFF ? parts->metrics : NULL,
        .metrics_context = parts->metrics_context,
        .metrics_for_all = config->metrics == CONFIG_METRICS_ON,
        .inflater = parts->inflater,
        .deflater = parts->deflater,
    };
    collect_public_hosts(settings, listening);
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

struct hub_options settings_hub(const struct settings *settings) {
    const struct config *config = settings->config;

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

unsigned settings_io_threads(const struct settings *settings) {
    size_t wanted = settings->config->io_threads;
    unsigned processors;
    cpu_set_t allowed;

    if (wanted != CONFIG_AUTO)
        return (unsigned)wanted;
    processors =
        sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? (unsigned)CPU_COUNT(&allowed) : 1;
    return processors < FEW_PROCESSORS ? 0 : processors / 2 - 1;
}

struct outlet_options settings_outlet(const struct settings *settings) {
    const struct config *config = settings->config;

    return (struct outlet_options){
        .transport = &net_transport,
        .settings = &settings->protocol,
        .log = settings->log,
        .ping_interval_ms = (unsigned)config->ping_interval_ms,
        .ping_timeout_ms = (unsigned)config->ping_timeout_ms,
        .handshake_timeout_ms = (unsigned)config->handshake_timeout_ms,
        .idle_timeout_ms = (unsigned)config->idle_timeout_ms,
        .message_timeout_ms = (unsigned)config->message_timeout_ms,
        .flush_ms = config->flush_ms == CONFIG_AUTO ? FLUSH_AUTO : (unsigned)config->flush_ms,
    };
}

struct net_options settings_net(const struct settings *settings) {
    const struct config *config = settings->config;

    return (struct net_options){
        .log = settings->log,
        .max_connections = connection_limit(settings),
        .max_connections_per_address = config->max_connections_per_address,
        .connection_rate_per_address = (unsigned)config->connection_rate_per_address,
        .handshake_timeout_ms = (unsigned)config->handshake_timeout_ms,
        .tls = settings->tls,
        .proxy_protocol = config->proxy_protocol,
        .trusted_proxies = settings->trusted_proxies,
        .trusted_proxy_count = config->trusted_proxies.count,
    };
}
