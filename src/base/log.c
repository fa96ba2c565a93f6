/* A line is put together in memory of fixed size and written at once, so that threads do not mix
 * theirs. Text that came from outside is inside the message by then, so the whole message is
 * escaped: what would end the line, act on a terminal or turn the direction of text is written
 * as an escape. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/codepoint.h"
#include "base/timestamp.h"

#define LINE_BYTES 1000
#define ENDING_BYTES 8 /* room for the mark of a cut and what closes the line */

struct line {
    char text[LINE_BYTES];
    size_t length;
    bool full;
};

static const struct {
    const char *word, *title;
} levels[] = {
    [LOG_DEBUG] = {"debug", "DEBUG"},
    [LOG_INFO] = {"info", "INFO"},
    [LOG_WARNING] = {"warning", "WARNING"},
    [LOG_ERROR] = {"error", "ERROR"},
};

/* Whole or not at all, and nothing after the first that did not fit. */
static void put(struct line *line, struct slice s) {
    if (line->full || s.length > sizeof(line->text) - ENDING_BYTES - line->length) {
        line->full = true;
        return;
    }
    memcpy(line->text + line->length, s.data, s.length);
    line->length += s.length;
}

static void put_ending(struct line *line, bool json) {
    struct slice ending = json ? SLICE("\"}\n") : SLICE("\n");

    if (line->full) {
        memcpy(line->text + line->length, "…", sizeof("…") - 1);
        line->length += sizeof("…") - 1;
    }
    memcpy(line->text + line->length, ending.data, ending.length);
    line->length += ending.length;
}

static void put_character(struct line *line, bool json, int32_t codepoint, struct slice bytes) {
    char escape[12];
    int length;

    if (codepoint < 0 && json) {
        put(line, SLICE(CODEPOINT_REPLACEMENT));
    } else if (codepoint < 0) {
        length = snprintf(escape, sizeof(escape), "\\x%02x", (unsigned char)bytes.data[0]);
        put(line, slice_from(escape, (size_t)length));
    } else if (codepoint_is_control(codepoint) || codepoint_is_deceptive(codepoint)) {
        length = snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)codepoint);
        put(line, slice_from(escape, (size_t)length));
    } else if (json && (codepoint == '"' || codepoint == '\\')) {
        length = snprintf(escape, sizeof(escape), "\\%c", (char)codepoint);
        put(line, slice_from(escape, (size_t)length));
    } else {
        put(line, bytes);
    }
}

static void put_message(struct line *line, bool json, struct slice message) {
    while (message.length > 0 && !line->full) {
        const char *start = message.data;
        int32_t codepoint = codepoint_take(&message);

        put_character(line, json, codepoint, slice_from(start, (size_t)(message.data - start)));
    }
}

static void put_opening(struct line *line, bool json, enum log_level level) {
    struct timespec now = {0};
    char text[96];
    int length;

    clock_gettime(CLOCK_REALTIME, &now);
    if (json) {
        char time[TIMESTAMP_LENGTH + 1];

        timestamp_format((int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000, time);
        length = snprintf(text, sizeof(text), "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"",
                          time, levels[level].word);
    } else {
        struct tm local = {0};
        char time[32];

        localtime_r(&now.tv_sec, &local);
        strftime(time, sizeof(time), "%Y-%m-%d %H:%M:%S", &local);
        length = snprintf(text, sizeof(text), "%s - %s - ", time, levels[level].title);
    }
    put(line, slice_from(text, (size_t)length));
}

void log_write(const struct log *log, enum log_level level, const char *format, ...) {
    struct line line = {.length = 0};
    char message[2 * LINE_BYTES]; /* more than fits, so that what is cut here is never shown half */
    va_list arguments;

    if (level < log->level) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);

    put_opening(&line, log->json, level);
    put_message(&line, log->json, slice_of_string(message));
    put_ending(&line, log->json);
    if (write(log->descriptor, line.text, line.length) < 0) {
        /* A log that cannot be written is no reason to stop, and there is nowhere else to tell
         * it. */
    }
}
