#include "server/listening.h"

#include <string.h>

#include "base/memory.h"
#include "protocol/protocol.h"

static char *describe(const struct listen_url *url, const struct socket_listener *socket) {
    struct buffer text = {0};
    char *address;

    buffer_append_format(&text, "%s://", url->scheme);
    endpoint_append_address(&socket->address, &text);
    address = memory_copy_string(buffer_slice(&text));
    buffer_close(&text);
    return address;
}

static void add(struct listening_set *set, const struct listen_url *url,
                const struct socket_listener *socket) {
    struct listening *item;

    set->items = memory_resize(set->items, (set->count + 1) * sizeof(*set->items));
    item = &set->items[set->count++];
    *item = (struct listening){.url = *url, .socket = *socket, .address = describe(url, socket)};
}

/* A host may stand for several addresses; those this machine does not have do no harm while there
 * is another. Where the system chooses the port, it is the same at each. */
static int open_url(const struct listen_url *url, struct listening_set *set, char *message,
                    size_t size) {
    struct endpoint_address addresses[ENDPOINT_ADDRESSES];
    struct socket_listener socket;
    size_t before = set->count;
    size_t count = 0;
    int error = endpoint_resolve(&url->endpoint, true, addresses, &count, message, size);

    for (size_t i = 0; i < count; i++) {
        if (set->count > before)
            endpoint_address_set_port(&addresses[i],
                                      endpoint_address_port(&set->items[before].socket.address));
        error = socket_listen(&addresses[i], &socket, message, size);
        if (error == 0)
            add(set, url, &socket);
        else if (error != ERR_NOT_FOUND)
            return error;
    }
    return set->count > before ? 0 : error;
}

int listening_open(const struct config_list *urls, struct listening_set *set, char *message,
                   size_t size) {
    struct listening_set opened = {0};
    int error = 0;

    for (size_t i = 0; i < urls->count && !error; i++) {
        struct listen_url url;
        error = listen_url_parse(urls->items[i], &url, message, size);
        if (!error)
            error = open_url(&url, &opened, message, size);
    }
    if (error)
        listening_close(&opened);
    else
        *set = opened;
    return error;
}

void listening_close(struct listening_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        if (!set->items[i].taken)
            socket_listener_close(&set->items[i].socket);
        memory_free(set->items[i].address);
    }
    memory_free(set->items);
    *set = (struct listening_set){0};
}
