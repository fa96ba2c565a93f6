/* As much of HTTP as a client needs that trusts nobody's parser but its own. */
#include "base/memory.h"
#include "sim/replay_client.h"

void replay_http_send(struct replay_client *client, struct slice method, struct slice target,
                      struct slice headers, struct slice body) {
    struct buffer request = {0};
    buffer_append_format(&request, "%.*s %.*s HTTP/1.1\r\n", SLICE_ARGS(method),
                         SLICE_ARGS(target));
    if (!replay_http_header(headers, SLICE("Host")).data) {
        buffer_append_string(&request, "Host: 127.0.0.1:8765\r\n");
    }
    buffer_append_slice(&request, headers);
    if (body.length > 0) {
        buffer_append_format(&request, "Content-Length: %zu\r\n", body.length);
    }
    buffer_append_string(&request, "\r\n");
    buffer_append_slice(&request, body);
    replay_socket_write(client->socket, buffer_slice(&request));
    buffer_close(&request);
}

struct slice replay_http_header(struct slice head, struct slice name) {
    while (head.length > 0) {
        struct slice line = slice_cut(&head, '\n'), value = line;
        if (slice_equal_ignoring_case(slice_cut(&value, ':'), name) && value.data) {
            return slice_trim(value);
        }
    }
    return SLICE_NONE;
}

/* Bytes up to the end of the empty line; 0: it has not come. */
static size_t head_length(struct slice bytes) {
    for (size_t i = 4; i <= bytes.length; i++) {
        if (slice_equal(slice_from(bytes.data + i - 4, 4), SLICE("\r\n\r\n"))) {
            return i;
        }
    }
    return 0;
}

bool replay_http_take_stream_head(struct buffer *bytes, struct replay_heard *response) {
    struct slice all = buffer_slice(bytes), head = {all.data, head_length(all)}, line = head;
    struct slice type = replay_http_header(head, SLICE("Content-Type"));
    uint64_t status = 0;
    slice_cut(&line, ' ');
    if (!slice_equal(type, SLICE("text/event-stream")) ||
        !slice_to_u64(slice_cut(&line, ' '), &status)) {
        return false;
    }
    response->code = (unsigned)status;
    buffer_append_slice(&response->head, head);
    buffer_consume(bytes, head.length);
    return true;
}

size_t replay_http_event_length(struct slice bytes) {
    for (size_t i = 1; i < bytes.length; i++) {
        if (bytes.data[i] == '\n' && bytes.data[i - 1] == '\n') {
            return i;
        }
    }
    return 0;
}

bool replay_http_take(struct buffer *bytes, bool ended, struct replay_heard *response) {
    struct slice all = buffer_slice(bytes), head = {all.data, head_length(all)}, line = head;
    uint64_t status = 0, length = 0;
    slice_cut(&line, ' ');
    if (head.length == 0 || !slice_to_u64(slice_cut(&line, ' '), &status)) {
        return false;
    }
    struct slice size = replay_http_header(head, SLICE("Content-Length"));
    bool bodiless = status == 101 || status == 204 || status == 304;
    bool until_end = !size.data && !bodiless;
    if (size.data && !slice_to_u64(size, &length)) {
        return false;
    }
    length = until_end ? all.length - head.length : length;
    if ((until_end && !ended) || all.length - head.length < length) {
        return false;
    }
    response->what = HEARD_RESPONSE;
    response->code = (unsigned)status;
    buffer_append_slice(&response->head, head);
    buffer_append(&response->body, all.data + head.length, length);
    buffer_consume(bytes, head.length + length);
    return true;
}
