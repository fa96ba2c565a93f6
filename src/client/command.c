#include "client/command.h"

#include <stdarg.h>
#include <stdio.h>

#include "client/render.h"

bool command_url(const char *text, enum url_scheme scheme, struct url *url) {
    char message[256];

    if (url_parse(text != NULL ? text : URL_DEFAULT, url, message, sizeof message) < 0) {
        command_error("%s", message);
        return false;
    }
    if (url->scheme != scheme) {
        command_error("this command speaks %s, as in %s",
                      scheme == URL_WEBSOCKET ? "ws://" : "command://",
                      scheme == URL_WEBSOCKET ? URL_DEFAULT : "command://127.0.0.1:8890");
        return false;
    }
    return true;
}

void command_error(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("error: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static void report_gap(const struct session_event *event) {
    struct buffer text = {0};
    render_gap(&text, event->json);
    fprintf(stderr, "[Server] %.*s\n", SLICE_ARGS(buffer_slice(&text)));
    buffer_close(&text);
}

void command_report(const struct session_event *event) {
    double seconds = event->delay_ms / 1000.0;

    switch (event->kind) {
    case SESSION_LOST:
        fprintf(stderr, "[Server] %s, trying again in %.1f s\n",
                event->connected ? "Connection lost" : event->text, seconds);
        break;
    case SESSION_RECONNECTED:
        fprintf(stderr, "[Server] Connected again\n");
        break;
    case SESSION_HELD:
        fprintf(stderr, "[Server] %s, trying again in %.1f s\n", event->text, seconds);
        break;
    case SESSION_REFUSED:
    case SESSION_BARRED:
        command_error("%s", event->text);
        break;
    case SESSION_GAP:
        report_gap(event);
        break;
    default:
        break;
    }
}

void command_print(struct buffer *out) {
    struct slice text = buffer_slice(out);
    if (text.length == 0)
        return;
    fwrite(text.data, 1, text.length, stdout);
    fflush(stdout);
    buffer_clear(out);
}
