#include "io/endpoint.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int copy_part(struct slice part, char *text, size_t longest) {
    if (part.length > longest)
        return ERR_TOO_LARGE;
    if (memchr(part.data, 0, part.length))
        return ERR_BAD_REQUEST;
    memcpy(text, part.data, part.length);
    text[part.length] = 0;
    return 0;
}

static int parse_local(struct slice path, struct endpoint *endpoint) {
    if (path.length == 0)
        return ERR_BAD_REQUEST;
    endpoint->local = true;
    return copy_part(path, endpoint->path, ENDPOINT_PATH_LENGTH);
}

static int parse_port(struct slice text, uint16_t *port) {
    uint64_t value;

    if (!slice_to_u64(text, &value) || value > UINT16_MAX)
        return ERR_BAD_REQUEST;
    *port = (uint16_t)value;
    return 0;
}

/* Splits [HOST] and what follows it from each other. */
static int cut_bracketed(struct slice *rest, struct slice *host) {
    ptrdiff_t end = slice_find(*rest, ']');
    char binary[sizeof(struct in6_addr)];
    char text[INET6_ADDRSTRLEN];

    if (end < 0 || end > INET6_ADDRSTRLEN)
        return ERR_BAD_REQUEST;
    *host = slice_from(rest->data + 1, (size_t)end - 1);
    if (copy_part(*host, text, sizeof(text) - 1) || inet_pton(AF_INET6, text, binary) != 1)
        return ERR_BAD_REQUEST;
    *rest = slice_skip(*rest, (size_t)end + 1);
    return 0;
}

static int parse_tcp(struct slice text, uint16_t default_port, struct endpoint *endpoint) {
    struct slice host;
    struct slice port = text;

    if (port.length > 0 && port.data[port.length - 1] == '/')
        port.length--;
    endpoint->port = default_port;
    endpoint->bracketed = port.length > 0 && port.data[0] == '[';
    if (endpoint->bracketed) {
        if (cut_bracketed(&port, &host))
            return ERR_BAD_REQUEST;
        if (port.length == 0)
            port.data = NULL;
        else if (port.data[0] == ':')
            port = slice_skip(port, 1);
        else
            return ERR_BAD_REQUEST;
    } else {
        host = slice_cut(&port, ':');
    }
    if (port.data ? parse_port(port, &endpoint->port) != 0 : default_port == 0 || host.length == 0)
        return ERR_BAD_REQUEST;
    if (slice_find(host, '/') >= 0)
        return ERR_BAD_REQUEST;
    return copy_part(host, endpoint->host, ENDPOINT_HOST_LENGTH);
}

int endpoint_parse(struct slice text, uint16_t default_port, struct endpoint *endpoint) {
    struct endpoint parsed = {0};
    int error;

    if (slice_starts_with(text, SLICE("unix:")))
        error = parse_local(slice_skip(text, strlen("unix:")), &parsed);
    else
        error = parse_tcp(text, default_port, &parsed);
    if (error == 0)
        *endpoint = parsed;
    return error;
}

static void resolve_local(const struct endpoint *endpoint, struct endpoint_address *address) {
    struct sockaddr_un file = {.sun_family = AF_UNIX};

    memcpy(file.sun_path, endpoint->path, strlen(endpoint->path) + 1);
    memcpy(&address->storage, &file, sizeof(file));
    address->length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(endpoint->path) + 1);
}

static bool any_host(const struct endpoint *endpoint) {
    return endpoint->host[0] == 0 || strcmp(endpoint->host, "*") == 0;
}

/* One socket on :: takes IPv4 too; only a machine without IPv6 needs the other address. */
static void resolve_any(const struct endpoint *endpoint, struct endpoint_address *address) {
    int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(endpoint->port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(endpoint->port)};

    if (probe >= 0) {
        memcpy(&address->storage, &six, sizeof(six));
        address->length = sizeof(six);
        close(probe);
    } else {
        memcpy(&address->storage, &four, sizeof(four));
        address->length = sizeof(four);
    }
}

/* Returns how many were added: none when it is there already. */
static size_t add_address(const struct addrinfo *info, struct endpoint_address *addresses,
                          size_t count) {
    struct endpoint_address *next = &addresses[count];

    memcpy(&next->storage, info->ai_addr, info->ai_addrlen);
    next->length = info->ai_addrlen;
    for (size_t i = 0; i < count; i++) {
        if (addresses[i].length == next->length &&
            memcmp(&addresses[i].storage, &next->storage, next->length) == 0)
            return 0;
    }
    return 1;
}

static int resolve_name(const struct endpoint *endpoint, const char *host,
                        struct endpoint_address *addresses, size_t *count, char *message,
                        size_t size) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    size_t used = 0;
    char port[8];
    int status;

    snprintf(port, sizeof(port), "%u", endpoint->port);
    status = getaddrinfo(host, port, &hints, &found);
    if (status != 0) {
        snprintf(message, size, "cannot find the host %s: %s", host, gai_strerror(status));
        return ERR_NOT_FOUND;
    }
    for (const struct addrinfo *each = found; each && used < ENDPOINT_ADDRESSES;
         each = each->ai_next)
        used += add_address(each, addresses, used);
    freeaddrinfo(found);
    *count = used;
    return 0;
}

int endpoint_resolve(const struct endpoint *endpoint, bool listening,
                     struct endpoint_address *addresses, size_t *count, char *message,
                     size_t size) {
    memset(addresses, 0, sizeof(*addresses) * ENDPOINT_ADDRESSES);
    if (endpoint->local) {
        resolve_local(endpoint, &addresses[0]);
        *count = 1;
        return 0;
    }
    if (!any_host(endpoint))
        return resolve_name(endpoint, endpoint->host, addresses, count, message, size);
    if (!listening)
        return resolve_name(endpoint, "localhost", addresses, count, message, size);
    resolve_any(endpoint, &addresses[0]);
    *count = 1;
    return 0;
}

uint16_t endpoint_address_port(const struct endpoint_address *address) {
    if (address->storage.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)&address->storage)->sin_port);
    if (address->storage.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)&address->storage)->sin6_port);
    return 0;
}

void endpoint_address_set_port(struct endpoint_address *address, uint16_t port) {
    if (address->storage.ss_family == AF_INET)
        ((struct sockaddr_in *)(void *)&address->storage)->sin_port = htons(port);
    else if (address->storage.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)&address->storage)->sin6_port = htons(port);
}

void endpoint_append_address(const struct endpoint_address *address, struct buffer *output) {
    char text[INET6_ADDRSTRLEN] = "";

    if (address->storage.ss_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, &address->storage, sizeof(four));
        inet_ntop(AF_INET, &four.sin_addr, text, sizeof(text));
        buffer_append_format(output, "%s:%u", text, ntohs(four.sin_port));
    } else if (address->storage.ss_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, &address->storage, sizeof(six));
        inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof(text));
        buffer_append_format(output, "[%s]:%u", text, ntohs(six.sin6_port));
    } else {
        struct sockaddr_un file;
        memcpy(&file, &address->storage, sizeof(file));
        buffer_append_format(output, "unix:%s", file.sun_path);
    }
}

bool endpoint_address_ip(const struct endpoint_address *endpoint, struct address16 *address) {
    if (endpoint->storage.ss_family == AF_INET)
        *address = address16_from_v4(
            &((const struct sockaddr_in *)(const void *)&endpoint->storage)->sin_addr);
    else if (endpoint->storage.ss_family == AF_INET6)
        *address = address16_from_v6(
            &((const struct sockaddr_in6 *)(const void *)&endpoint->storage)->sin6_addr);
    else
        return false;
    return true;
}

void endpoint_format_peer(const struct endpoint_address *address, char *text) {
    struct address16 ip;

    if (endpoint_address_ip(address, &ip))
        address16_format(&ip, text);
    else
        memcpy(text, "unix", sizeof("unix"));
}
