#include "server/room_settings.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static const struct {
    const char *key;
    size_t offset;
} members[] = {
    {"history", offsetof(struct room_settings, history)},
    {"retention_age", offsetof(struct room_settings, retention_age_s)},
    {"retention_count", offsetof(struct room_settings, retention_count)},
    {"retention_bytes", offsetof(struct room_settings, retention_bytes)},
};

static int refuse(const char *line, const char *wanted, char *message, size_t size) {
    snprintf(message, size, "room = %s: %s", line, wanted);
    return ERR_BAD_REQUEST;
}

/* The next word; empty at the end. */
static struct slice cut_word(struct slice *rest) {
    *rest = slice_trim(*rest);
    size_t length = 0;

    while (length < rest->length && rest->data[length] != ' ' && rest->data[length] != '\t')
        length++;
    struct slice word = slice_from(rest->data, length);
    *rest = slice_skip(*rest, length);
    return word;
}

static int set_member(const char *line, struct slice word, struct room_settings *settings,
                      char *message, size_t size) {
    char text[128], why[256];
    char *value;

    snprintf(text, sizeof(text), "%.*s", SLICE_ARGS(word));
    value = strchr(text, '=');
    if (value)
        *value++ = 0;
    for (size_t i = 0; value && i < sizeof(members) / sizeof(members[0]); i++) {
        if (strcmp(members[i].key, text) != 0)
            continue;
        if (config_parse(text, value, (char *)settings + members[i].offset, why, sizeof(why)) == 0)
            return 0;
        return refuse(line, why, message, size);
    }
    return refuse(line,
                  "after the name may stand history=…, retention_age=…, retention_count=… and "
                  "retention_bytes=…, with spaces between them",
                  message, size);
}

static int read_line(const struct config *config, const char *line, struct room_settings *settings,
                     char *message, size_t size) {
    struct slice rest = slice_of_string(line);
    struct slice word;
    int error = 0;

    *settings = (struct room_settings){
        .history = config->history,
        .retention_age_s = config->retention_age_s,
        .retention_count = config->retention_count,
        .retention_bytes = config->retention_bytes,
    };
    if (name_fold(cut_word(&rest), &settings->key) != 0)
        return refuse(line, "must begin with the name of a room", message, size);
    while (!error && (word = cut_word(&rest)).length > 0)
        error = set_member(line, word, settings, message, size);
    return error;
}

/* The place for a room: where it was named before, or a new one. */
static void put(struct room_settings_list *list, struct room_settings *settings) {
    for (size_t i = 0; i < list->count; i++) {
        if (slice_equal(buffer_slice(&list->items[i].key), buffer_slice(&settings->key))) {
            buffer_close(&list->items[i].key);
            list->items[i] = *settings;
            return;
        }
    }
    list->items = memory_resize(list->items, (list->count + 1) * sizeof(*list->items));
    list->items[list->count++] = *settings;
}

int room_settings_read(const struct config *config, struct room_settings_list *list, char *message,
                       size_t size) {
    *list = (struct room_settings_list){0};
    for (size_t i = 0; i < config->room.count; i++) {
        struct room_settings settings;
        int error = read_line(config, config->room.items[i], &settings, message, size);

        if (error) {
            buffer_close(&settings.key);
            room_settings_close(list);
            return error;
        }
        put(list, &settings);
    }
    return 0;
}

void room_settings_close(struct room_settings_list *list) {
    for (size_t i = 0; i < list->count; i++)
        buffer_close(&list->items[i].key);
    memory_free(list->items);
    *list = (struct room_settings_list){0};
}

int room_settings_check(const struct config *config, char *message, size_t size) {
    struct room_settings_list list;
    int error = room_settings_read(config, &list, message, size);

    room_settings_close(&list);
    return error;
}

int room_settings_check_line(const char *line, char *message, size_t size) {
    const struct config usual = {0};
    struct room_settings settings;
    int error = read_line(&usual, line, &settings, message, size);

    buffer_close(&settings.key);
    return error;
}
