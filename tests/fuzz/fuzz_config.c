/* Configuration files. What one sets is the same after it was printed and read again; of what is
 * wrong in it one line of text tells. The values of `room` and `listen` are read further. Files
 * that a configuration names are not opened. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"
#include "fuzz.h"
#include "server/config.h"
#include "server/listen_url.h"
#include "server/room_settings.h"
#include "server/trusted_proxies.h"

static int load(struct slice text, struct config *config, struct buffer *message) {
    int file = memfd_create("config", MFD_CLOEXEC);
    char path[64], why[1024] = "";

    REQUIRE(file >= 0 && write(file, text.data, text.length) == (ssize_t)text.length);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    int error = config_load(config, path, why, sizeof(why));

    close(file);
    buffer_append_string(message, why);
    return error;
}

static void require_known(void *context, const char *key, bool reload) {
    static const char *const secrets[] = {"token", "redis_password", "redis_sentinel_password"};
    bool secret = false; /* those are not printed */

    (void)reload;
    (void)context;
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        secret = secret || strcmp(key, secrets[i]) == 0;
    REQUIRE(secret);
}

/* Files that it was read from are no setting. */
static void check_printed(const struct config *config) {
    struct buffer printed = {0}, message = {0};
    struct config again;

    config_init(&again);
    config_print(config, &printed);
    int error = load(buffer_slice(&printed), &again, &message);

    struct slice why = buffer_slice(&message);

    /* With white space around its = a line may be too long that was not before. */
    if (error == 0) {
        config_compare(config, &again, require_known, NULL);
    } else if (memmem(why.data, why.length, "longer", 6) == NULL) {
        fprintf(stderr, "%.*s\n", SLICE_ARGS(why));
        abort();
    }
    config_close(&again);
    buffer_close(&printed);
    buffer_close(&message);
}

static void check_lists(const struct config *config) {
    struct room_settings_list rooms;
    struct listen_url url;
    char message[1024];

    REQUIRE(room_settings_read(config, &rooms, message, sizeof(message)) == 0);
    REQUIRE(rooms.count <= config->room.count);
    room_settings_close(&rooms);
    for (size_t i = 0; i < config->listen.count; i++) {
        REQUIRE(listen_url_parse(config->listen.items[i], &url, message, sizeof(message)) == 0);
        REQUIRE(url.protocol != NULL && strlen(url.scheme) <= LISTEN_SCHEME_LENGTH);
    }
    free(trusted_proxies_read(&config->trusted_proxies));
}

/* Reading it anew leaves what cannot change while a server runs; twice is nothing. */
static void check_exchange(struct config *config) {
    struct config initial, other;
    struct buffer before = {0}, after = {0};

    config_init(&initial);
    config_init(&other);
    config_print(config, &before);
    config_exchange(config, &other);
    config_exchange(config, &other);
    config_print(config, &after);
    require_equal(buffer_slice(&before), buffer_slice(&after));
    config_compare(&other, &initial, require_known, NULL);
    config_close(&initial);
    config_close(&other);
    buffer_close(&before);
    buffer_close(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buffer message = {0};
    struct config config;

    config_init(&config);
    if (load(slice_from(data, size), &config, &message) == 0) {
        check_printed(&config);
        check_lists(&config);
        check_exchange(&config);
    } else {
        REQUIRE(buffer_length(&message) > 0 && slice_find(buffer_slice(&message), '\n') < 0);
    }
    config_close(&config);
    buffer_close(&message);
    return 0;
}
