#include "server/store_choice.h"

#include <stdio.h>

#include "base/limits.h"
#include "store/store_memory.h"
#include "store/store_sqlite.h"

static struct store *open_memory(unsigned keep, uint64_t seed, store_wake *wake,
                                 void *wake_context) {
    return store_memory_new(&(struct store_memory_options){
        .seed = seed,
        .keep = keep,
        .wake = wake,
        .wake_context = wake_context,
    });
}

static int open_sqlite(const struct config *config, const struct log *log, store_wake *wake,
                       void *wake_context, struct store **store, char *message, size_t size) {
    const struct store_sqlite_options options = {
        .folder = config->data,
        .log = log,
        .wake = wake,
        .wake_context = wake_context,
    };
    struct buffer text = {0};
    int error = store_sqlite_open(&options, store, &text);

    if (error)
        snprintf(message, size, "%.*s", SLICE_ARGS(buffer_slice(&text)));
    buffer_close(&text);
    return error;
}

int store_choice_open(const struct config *config, const struct log *log, uint64_t seed,
                      store_wake *wake, void *wake_context, struct store **store, char *message,
                      size_t size) {
    if (config->history == CONFIG_HISTORY_NONE)
        *store = open_memory(0, seed, wake, wake_context);
    else if (config->history == CONFIG_HISTORY_MEMORY || config->store == CONFIG_STORE_MEMORY)
        *store = open_memory(LIMIT_MEMORY_ROOM_ENTRIES, seed, wake, wake_context);
    else
        return open_sqlite(config, log, wake, wake_context, store, message, size);
    return 0;
}
