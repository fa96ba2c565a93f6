#include "server/redis_settings.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/endpoint.h"
#include "io/tls.h"

#define CONNECT_TIMEOUT_MS 2000
#define NAMESPACE_LENGTH 64
#define NAMESPACE_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

static const char *or_none(const char *text) {
    return text[0] ? text : NULL;
}

static const char *const *list_items(const struct config_list *list) {
    return (const char *const *)list->items;
}

/* With the port written out, so that it is the same name however it was written. */
static int complete_place(char **place, uint16_t port, char *message, size_t size) {
    struct endpoint endpoint;
    struct buffer text = {0};

    if ((*place)[0] == '/')
        return 0;
    if (endpoint_parse(slice_of_string(*place), port, &endpoint) != 0 || endpoint.local ||
        !endpoint.host[0]) {
        snprintf(message, size, "store: \"%s\" must be HOST or HOST:PORT", *place);
        return ERR_BAD_REQUEST;
    }
    buffer_append_format(&text, endpoint.bracketed ? "[%s]:%u" : "%s:%u", endpoint.host,
                         endpoint.port);
    memory_free(*place);
    *place = memory_copy_string(buffer_slice(&text));
    buffer_close(&text);
    return 0;
}

static int complete_places(const struct config *config, struct store_url *url, char *message,
                           size_t size) {
    bool named = config->redis_sentinel.count > 0;
    int error = 0;

    for (size_t i = 0; i < url->count && !error; i++) {
        if (named && strpbrk(url->places[i], ":/[")) {
            snprintf(
                message, size,
                "store: with redis_sentinel, \"%s\" must be the name of a master, without port",
                url->places[i]);
            error = ERR_BAD_REQUEST;
        } else if (!named) {
            error = complete_place(&url->places[i], STORE_REDIS_PORT, message, size);
        }
    }
    return error;
}

static int open_tls(const struct config *config, const struct store_url *url,
                    struct tls_context **context, char *message, size_t size) {
    if (!url->secure)
        return 0;
    return tls_context_for_client(or_none(config->redis_ca), false, context, message, size);
}

static const char *const *first_place(const struct store_url *url) {
    size_t first = 0;

    for (size_t i = 1; i < url->count; i++) {
        if (strcmp(url->places[i], url->places[first]) < 0)
            first = i;
    }
    return (const char *const *)&url->places[first];
}

static struct store_redis_options store_options(const struct config *config,
                                                const struct store_url *url) {
    return (struct store_redis_options){
        .shards = (const char *const *)url->places,
        .shard_count = url->count,
        .sentinels = list_items(&config->redis_sentinel),
        .sentinel_count = config->redis_sentinel.count,
        .name_space = config->redis_namespace,
        .username = or_none(config->redis_username),
        .password = or_none(config->redis_password),
        .sentinel_password = or_none(config->redis_sentinel_password),
        .database = url->database,
        .wait_replicas = (unsigned)config->wait_replicas,
        .wait_timeout_ms = (unsigned)config->wait_timeout_ms,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .command_timeout_ms = (unsigned)config->redis_timeout_ms,
    };
}

static struct redis_options common_options(const struct store_redis_options *store,
                                           const struct store_url *url) {
    bool named = store->sentinel_count > 0;

    return (struct redis_options){
        .servers = named ? NULL : first_place(url),
        .server_count = named ? 0 : 1,
        .sentinels = store->sentinels,
        .sentinel_count = store->sentinel_count,
        .master = named ? *first_place(url) : NULL,
        .username = store->username,
        .password = store->password,
        .sentinel_password = store->sentinel_password,
        .database = store->database,
        .connect_timeout_ms = store->connect_timeout_ms,
        .command_timeout_ms = store->command_timeout_ms,
    };
}

int redis_settings_open(const struct config *config, struct redis_settings *settings, char *message,
                        size_t size) {
    struct redis_settings opened = {0};
    int error = store_url_parse(config->store, &opened.url, message, size);

    if (!error)
        error = complete_places(config, &opened.url, message, size);
    if (!error) {
        opened.store = store_options(config, &opened.url);
        opened.common = common_options(&opened.store, &opened.url);
        error = open_tls(config, &opened.url, &opened.store.tls, message, size);
    }
    if (!error)
        error = open_tls(config, &opened.url, &opened.store.copy_tls, message, size);
    if (!error)
        error = open_tls(config, &opened.url, &opened.common.tls, message, size);
    if (error) {
        redis_settings_close(&opened);
        return error;
    }
    *settings = opened;
    return 0;
}

void redis_settings_close(struct redis_settings *settings) {
    tls_context_release(settings->store.tls);
    tls_context_release(settings->store.copy_tls);
    tls_context_release(settings->common.tls);
    store_url_close(&settings->url);
    *settings = (struct redis_settings){0};
}

int redis_settings_check_sentinel(const char *value, char *message, size_t size) {
    struct endpoint endpoint;

    if (endpoint_parse(slice_of_string(value), 0, &endpoint) == 0 && !endpoint.local &&
        endpoint.host[0])
        return 0;
    snprintf(message, size, "redis_sentinel is \"%s\", but must be HOST:PORT", value);
    return ERR_BAD_REQUEST;
}

int redis_settings_check_namespace(const char *value, char *message, size_t size) {
    if (value[0] && strlen(value) <= NAMESPACE_LENGTH && !value[strspn(value, NAMESPACE_LETTERS)])
        return 0;
    snprintf(message, size,
             "redis_namespace is \"%s\", but must be 1 to %d letters, digits, - or _", value,
             NAMESPACE_LENGTH);
    return ERR_BAD_REQUEST;
}

/* What is set although it would do nothing is a mistake that would be noticed too late. */
static const char *useless_key(const struct config *config) {
    if (config->redis_sentinel.count > 0)
        return "redis_sentinel";
    if (config->redis_password[0])
        return "redis_password";
    return config->wait_replicas > 0 ? "wait_replicas" : NULL;
}

/* While replicas are waited for nothing else is answered, and who does not answer counts as lost.
 */
static int check_times(const struct config *config, char *message, size_t size) {
    if (config->wait_replicas == 0 || config->wait_timeout_ms <= config->redis_timeout_ms / 2)
        return 0;
    snprintf(message, size, "wait_timeout must be at most half of redis_timeout");
    return ERR_BAD_REQUEST;
}

int redis_settings_check(const struct config *config, char *message, size_t size) {
    struct redis_settings settings;
    const char *useless = useless_key(config);
    int error;

    if (store_url_kind(config->store) == STORE_KIND_REDIS) {
        error = check_times(config, message, size);
        if (error)
            return error;
        error = redis_settings_open(config, &settings, message, size);
        if (!error)
            redis_settings_close(&settings);
        return error;
    }
    if (!useless)
        return 0;
    snprintf(message, size, "%s is set, but store is %s: it is for store = redis://HOST:PORT",
             useless, config->store);
    return ERR_BAD_REQUEST;
}

size_t redis_settings_ports(const struct config *config, uint16_t *ports, size_t capacity) {
    struct redis_settings settings;
    struct endpoint endpoint;
    char message[256];
    size_t count = 0;

    if (config->redis_sentinel.count > 0 ||
        redis_settings_open(config, &settings, message, sizeof(message)) != 0)
        return 0;
    if (settings.url.count <= capacity) {
        for (size_t i = 0; i < settings.url.count; i++) {
            struct slice place = slice_of_string(settings.url.places[i]);
            if (place.data[0] != '/' && endpoint_parse(place, 0, &endpoint) == 0)
                ports[count++] = endpoint.port;
        }
    }
    redis_settings_close(&settings);
    return count;
}
