#include "redis/redis_options.h"

#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/tls.h"

static char *copy_string(const char *string) {
    return string ? memory_copy_string(slice_of_string(string)) : NULL;
}

static const char *const *copy_list(const char *const *list, size_t count) {
    char **copy = memory_new(count * sizeof(*copy) + 1);

    for (size_t i = 0; i < count; i++)
        copy[i] = copy_string(list[i]);
    return (const char *const *)copy;
}

static void free_list(const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        memory_free((char *)list[i]);
    memory_free((void *)list);
}

static void free_secret(const char *secret) {
    if (secret)
        explicit_bzero((char *)secret, strlen(secret));
    memory_free((char *)secret);
}

struct redis_options *redis_options_copy(const struct redis_options *options) {
    struct redis_options *copy = memory_new_struct(struct redis_options);

    *copy = *options;
    copy->name = copy_string(options->name ? options->name : "banter");
    while (copy->seed == 0 && getentropy(&copy->seed, sizeof(copy->seed)) == 0) {
        /* Zero is one in 2^64. */
    }
    copy->servers = copy_list(options->servers, options->server_count);
    copy->sentinels = copy_list(options->sentinels, options->sentinel_count);
    copy->master = copy_string(options->master);
    copy->username = copy_string(options->username);
    copy->password = copy_string(options->password);
    copy->sentinel_password = copy_string(options->sentinel_password);
    if (copy->tls)
        tls_context_hold(copy->tls);
    return copy;
}

void redis_options_free(struct redis_options *options) {
    memory_free((char *)options->name);
    free_list(options->servers, options->server_count);
    free_list(options->sentinels, options->sentinel_count);
    memory_free((char *)options->master);
    memory_free((char *)options->username);
    free_secret(options->password);
    free_secret(options->sentinel_password);
    tls_context_release(options->tls);
    memory_free(options);
}
