#include "server/confine.h"

#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "server/privileges.h"
#include "server/redis_settings.h"
#include "server/sandbox.h"

/* Of the shards that are told apart; with more it may connect to any port. */
#define PORTS_MAX 64

struct paths {
    char **items;
    size_t count;
};

static void add_path(void *context, const char *path) {
    struct paths *paths = context;

    paths->items = memory_resize(paths->items, (paths->count + 1) * sizeof(*paths->items));
    paths->items[paths->count++] = memory_copy_string(slice_of_string(path));
}

static void close_paths(struct paths *paths) {
    for (size_t i = 0; i < paths->count; i++)
        memory_free(paths->items[i]);
    memory_free(paths->items);
}

static void add_socket_files(const struct config_list *urls, struct paths *paths) {
    for (size_t i = 0; i < urls->count; i++) {
        const char *file = strstr(urls->items[i], "://unix:");
        if (file)
            add_path(paths, file + strlen("://unix:"));
    }
}

static void enter_sandbox(const struct config *config, const struct log *log) {
    struct paths files = {0}, sockets = {0};
    uint16_t ports[PORTS_MAX];
    size_t port_count;

    config_each_file(config, add_path, &files);
    add_socket_files(&config->listen, &sockets);
    port_count = redis_settings_ports(config, ports, PORTS_MAX);
    sandbox_enter(&(struct sandbox_options){
        .log = log,
        .data = config->data,
        .readable = (const char *const *)files.items,
        .readable_count = files.count,
        .sockets = (const char *const *)sockets.items,
        .socket_count = sockets.count,
        .connects = store_url_kind(config->store) == STORE_KIND_REDIS,
        .ports = ports,
        .port_count = port_count,
    });
    close_paths(&files);
    close_paths(&sockets);
}

int confine(const struct config *config, const struct log *log, bool data, char *message,
            size_t size) {
    const struct privileges_options options = {
        .user = config->user,
        .group = config->group,
        .data = data ? config->data : NULL,
    };
    int error;

    umask(077);
    error = privileges_drop(&options, message, size);
    if (!error && config->sandbox)
        enter_sandbox(config, log);
    return error;
}
