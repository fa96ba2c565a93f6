#include "server/store_url.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/slice.h"
#include "base/text.h"

#define DATABASE_MAX 1000000

static bool cut_prefix(struct slice *text, struct slice prefix) {
    if (!slice_starts_with(*text, prefix))
        return false;
    *text = slice_skip(*text, prefix.length);
    return true;
}

static int refuse(const char *value, const char *why, char *message, size_t size) {
    snprintf(message, size, "store is \"%s\", but %s", value, why);
    return ERR_BAD_REQUEST;
}

enum store_kind store_url_kind(const char *value) {
    if (strcmp(value, "sqlite") == 0)
        return STORE_KIND_SQLITE;
    return strcmp(value, "memory") == 0 ? STORE_KIND_MEMORY : STORE_KIND_REDIS;
}

static void add_place(struct store_url *url, struct slice place) {
    url->places = memory_resize(url->places, (url->count + 1) * sizeof(*url->places));
    url->places[url->count++] = memory_copy_string(place);
}

static bool has_place(const struct store_url *url, struct slice place) {
    bool found = false;

    for (size_t i = 0; i < url->count && !found; i++)
        found = slice_equal(slice_of_string(url->places[i]), place);
    return found;
}

/* What stands behind the hosts; paths are full of slashes. */
static const char *take_database(struct store_url *url, struct slice *places) {
    struct slice number = *places;
    uint64_t database;

    if (slice_starts_with(*places, SLICE("unix:")))
        return NULL;
    *places = slice_cut(&number, '/');
    if (number.length == 0)
        return NULL;
    if (!slice_to_u64(number, &database) || database > DATABASE_MAX)
        return "what stands behind the hosts must be the number of a database";
    url->database = (unsigned)database;
    return NULL;
}

static const char *take_places(struct store_url *url, struct slice places) {
    while (places.data) {
        struct slice place = slice_cut(&places, ',');
        if (place.length == 0)
            return "a host is missing: redis://HOST:PORT";
        if (slice_equal(place, SLICE("unix:")) ||
            (cut_prefix(&place, SLICE("unix:")) && place.data[0] != '/'))
            return "a socket file is named by its whole path: redis://unix:/PATH";
        if (has_place(url, place))
            return "a host is named twice";
        add_place(url, place);
    }
    return url->count == 0 ? "a host is missing: redis://HOST:PORT" : NULL;
}

static const char *parse_redis(struct slice rest, struct store_url *url) {
    const char *why;

    url->secure = cut_prefix(&rest, SLICE("rediss://"));
    if (!url->secure && !cut_prefix(&rest, SLICE("redis://")))
        return "must be sqlite, memory or redis://HOST:PORT (rediss:// over TLS)";
    if (memchr(rest.data, '@', rest.length))
        return "passwords do not belong there: set redis_password, and redis_username";
    why = take_database(url, &rest);
    return why ? why : take_places(url, rest);
}

int store_url_parse(const char *value, struct store_url *url, char *message, size_t size) {
    const char *why = NULL;

    *url = (struct store_url){.kind = store_url_kind(value)};
    if (url->kind == STORE_KIND_REDIS)
        why = parse_redis(slice_of_string(value), url);
    if (!why)
        return 0;
    store_url_close(url);
    return refuse(strchr(value, '@') ? "redis://…@…" : value, why, message, size);
}

int store_url_check(const char *value, char *message, size_t size) {
    struct store_url url;
    int error = store_url_parse(value, &url, message, size);

    if (!error)
        store_url_close(&url);
    return error;
}

void store_url_close(struct store_url *url) {
    for (size_t i = 0; i < url->count; i++)
        memory_free(url->places[i]);
    memory_free(url->places);
    *url = (struct store_url){0};
}
