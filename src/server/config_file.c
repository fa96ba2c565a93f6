/* inih takes the lines apart. It is fed through a reader of our own, because the library as it is
 * packaged cuts long lines in two without a word, takes an indented line for the end of the one
 * before, and does not tell which line a value was on. */

#include "server/config_file.h"

#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct reading {
    FILE *file;
    const char *path;
    config_file_setter *set;
    void *context;
    int line;
    int error;
    char *message;
    size_t size;
};

static void fail(struct reading *reading, const char *why) {
    reading->error = ERR_BAD_REQUEST;
    snprintf(reading->message, reading->size, "%s:%d: %s", reading->path, reading->line, why);
}

/* Like fgets, for inih. NULL ends the reading. */
static char *read_line(char *text, int room, void *stream) {
    struct reading *reading = stream;
    size_t indent;
    size_t length;
    char why[160];

    if (reading->error || !fgets(text, room, reading->file))
        return NULL;
    reading->line++;
    length = strlen(text);
    if ((length == 0 || text[length - 1] != '\n') && !feof(reading->file)) {
        snprintf(why, sizeof(why),
                 "the line is longer than %d bytes, or holds a zero byte; of a key that may be "
                 "repeated write one value in each line",
                 room - 2);
        fail(reading, why);
        return NULL;
    }
    indent = strspn(text, " \t\v\f\r");
    memmove(text, text + indent, length - indent + 1);
    return text;
}

/* Called by inih for each pair; 1: go on. */
static int take_pair(void *context, const char *section, const char *key, const char *value) {
    struct reading *reading = context;
    char why[512];

    if (reading->error)
        return 0;
    if (section[0] != 0) {
        fail(reading, "there are no [sections] here: write key = value");
        return 0;
    }
    if (reading->set(reading->context, key, value, why, sizeof(why)) == 0)
        return 1;
    fail(reading, why);
    return 0;
}

int config_file_read(const char *path, config_file_setter *set, void *context, char *message,
                     size_t size) {
    struct reading reading = {
        .path = path, .set = set, .context = context, .message = message, .size = size};
    int bad_line;

    reading.file = fopen(path, "re");
    if (!reading.file) {
        snprintf(message, size, "%s: %s", path, strerror(errno));
        return ERR_IO;
    }
    bad_line = ini_parse_stream(read_line, &reading, take_pair, &reading);
    if (ferror(reading.file)) {
        snprintf(message, size, "%s: %s", path, strerror(EISDIR));
        reading.error = ERR_IO;
    } else if (bad_line > 0 && (!reading.error || bad_line < reading.line)) {
        reading.line = bad_line;
        fail(&reading, "this is not key = value");
    }
    fclose(reading.file);
    return reading.error;
}
