#include "terminal/settings.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096

struct setting {
    const char *key;
    const char *values; /* with blanks between them; "on off" for a bool; NULL: any text */
    const char *help;
    size_t offset;
};

#define AT(member) offsetof(struct settings, member)
#define SWITCH "on off"

static const struct setting table[] = {
    {"bell", "off mentions all", "when the terminal's bell rings", AT(bell)},
    {"colours", "auto off 8 16 256", "auto: as many as the terminal has", AT(colours)},
    {"sides", "auto both rooms people none", "lists beside the messages; auto: where there is room",
     AT(sides)},
    {"times", SWITCH, "the time in front of each message", AT(times)},
    {"moves", SWITCH, "who comes and goes", AT(moves)},
    {"typing", SWITCH, "tell others that one is writing", AT(typing)},
    {"mouse", SWITCH, "wheel and clicks; then Shift selects text", AT(mouse)},
    {"rooms", NULL, "to join at the start, with blanks between them", AT(rooms)},
};
#define SETTINGS (sizeof table / sizeof *table)

void settings_init(struct settings *settings) {
    *settings = (struct settings){.bell = BELL_MENTIONS,
                                  .sides = SIDES_AUTO,
                                  .colours = COLOURS_AUTO,
                                  .times = true,
                                  .moves = true,
                                  .typing = true,
                                  .mouse = true};
}

void settings_close(struct settings *settings) {
    buffer_close(&settings->rooms);
}

const char *settings_key(size_t index) {
    return index < SETTINGS ? table[index].key : NULL;
}

static bool is_switch(const struct setting *setting) {
    return setting->values != NULL && strcmp(setting->values, SWITCH) == 0;
}

/* The position of a word among those of a list; -1: it is not among them. */
static int word_index(const char *words, struct slice wanted) {
    struct slice rest = slice_of_string(words);

    for (int i = 0; rest.length > 0; i++)
        if (slice_equal_ignoring_case(slice_cut(&rest, ' '), wanted))
            return i;
    return -1;
}

static struct slice word_at(const char *words, int index) {
    struct slice rest = slice_of_string(words);

    for (int i = 0; i < index; i++)
        slice_cut(&rest, ' ');
    return slice_cut(&rest, ' ');
}

static const struct setting *find(struct slice key) {
    if (slice_equal(key, SLICE("colors")))
        key = SLICE("colours");
    for (size_t i = 0; i < SETTINGS; i++)
        if (slice_equal_ignoring_case(key, slice_of_string(table[i].key)))
            return &table[i];
    return NULL;
}

int settings_set(struct settings *settings, struct slice key, struct slice value,
                 struct buffer *message) {
    const struct setting *setting = find(key);
    if (setting == NULL) {
        buffer_append_format(message, "there is no setting %.*s", SLICE_ARGS(key));
        return ERR_NOT_FOUND;
    }
    char *field = (char *)settings + setting->offset;
    if (setting->values == NULL) {
        buffer_clear((struct buffer *)(void *)field);
        buffer_append_slice((struct buffer *)(void *)field, value);
        return 0;
    }
    int index = word_index(setting->values, value);
    if (index < 0) {
        buffer_append_format(message, "%s is one of: %s", setting->key, setting->values);
        return ERR_BAD_REQUEST;
    }
    if (is_switch(setting))
        *(bool *)(void *)field = index == 0;
    else
        *(int *)(void *)field = index;
    return 0;
}

void settings_print(const struct settings *settings, struct buffer *out) {
    for (size_t i = 0; i < SETTINGS; i++) {
        const struct setting *setting = &table[i];
        const char *field = (const char *)settings + setting->offset;
        struct slice value;
        if (setting->values == NULL)
            value = buffer_slice((const struct buffer *)(const void *)field);
        else if (is_switch(setting))
            value = *(const bool *)(const void *)field ? SLICE("on") : SLICE("off");
        else
            value = word_at(setting->values, *(const int *)(const void *)field);
        buffer_append_format(out, "# %s%s%s%s\n%s = %.*s\n", setting->help,
                             setting->values != NULL ? " (" : "",
                             setting->values != NULL ? setting->values : "",
                             setting->values != NULL ? ")" : "", setting->key, SLICE_ARGS(value));
    }
}

/* The file. */

static bool path_of(char *path, size_t size) {
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int length = -1;

    if (config != NULL && config[0] == '/')
        length = snprintf(path, size, "%s/banter/config", config);
    else if (home != NULL && home[0] == '/')
        length = snprintf(path, size, "%s/.config/banter/config", home);
    return length > 0 && (size_t)length < size;
}

struct reading {
    struct settings *settings;
    struct buffer *message;
};

static int take_value(void *context, const char *section, const char *key, const char *value) {
    struct reading *reading = context;
    struct buffer problem = {0};

    (void)section;
    bool right = settings_set(reading->settings, slice_of_string(key), slice_of_string(value),
                              &problem) == 0;
    if (!right && buffer_length(reading->message) == 0)
        buffer_append_slice(reading->message, buffer_slice(&problem));
    buffer_close(&problem);
    return right;
}

int settings_read(struct settings *settings, struct buffer *message) {
    struct buffer problem = {0};
    struct reading reading = {settings, &problem};
    char path[PATH_SIZE];

    if (!path_of(path, sizeof path) || access(path, F_OK) != 0)
        return 0;
    int line = ini_parse(path, take_value, &reading);
    if (line < 0)
        buffer_append_format(message, "%s cannot be read: %s", path, strerror(errno));
    else if (line > 0)
        buffer_append_format(message, "%s, line %d: %.*s", path, line,
                             SLICE_ARGS(buffer_length(&problem) > 0 ? buffer_slice(&problem)
                                                                    : SLICE("no KEY = VALUE")));
    buffer_close(&problem);
    return line == 0 ? 0 : ERR_BAD_REQUEST;
}

static void make_folders(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
}

int settings_write(const struct settings *settings, struct buffer *message) {
    char path[PATH_SIZE];
    struct buffer text = {0};
    bool written = false;

    if (!path_of(path, sizeof path)) {
        buffer_append_string(message, "nobody knows where: HOME is not set");
        return ERR_IO;
    }
    make_folders(path);
    settings_print(settings, &text);
    FILE *file = fopen(path, "we");
    if (file != NULL) {
        struct slice bytes = buffer_slice(&text);
        written = fwrite(bytes.data, 1, bytes.length, file) == bytes.length;
        written = fclose(file) == 0 && written;
    }
    if (written)
        buffer_append_format(message, "saved in %s", path);
    else
        buffer_append_format(message, "%s cannot be written: %s", path, strerror(errno));
    buffer_close(&text);
    return written ? 0 : ERR_IO;
}
