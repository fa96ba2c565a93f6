/* A connection of the HTTP front: requests written in lines, answers taken off one by one. */
#pragma once

#include "protocol_driver.h"

static const struct asset assets[] = {
    {"/", "text/html; charset=utf-8", {"<!doctype html>", 15}},
    {"/client.js", "text/javascript", {"let a;", 6}},
};
static const char *const public_hosts[] = {"chat.example.org"};

static inline void open_front(struct driver *driver, const struct protocol *protocol,
                              bool bytewise) {
    driver_init(driver, protocol, NULL, bytewise);
    driver->settings.assets = assets;
    driver->settings.asset_count = 2;
    driver->settings.public_hosts = public_hosts;
    driver->settings.public_host_count = 1;
}

static inline void write_input(struct driver *driver, const char *text) {
    buffer_append_string(&driver->input, text);
}

/* Lines of a request: the first, then headers, each without its CR LF. */
static inline void write_head(struct driver *driver, const char *line, const char *host,
                              const char *headers) {
    buffer_append_format(&driver->input, "%s HTTP/1.1\r\n", line);
    if (host != NULL) {
        buffer_append_format(&driver->input, "Host: %s\r\n", host);
    }
    buffer_append_format(&driver->input, "%s\r\n", headers);
}

static inline bool contains(struct slice text, const char *part) {
    return memmem(text.data, text.length, part, strlen(part)) != NULL;
}

struct response {
    struct slice head; /* with its last CR LF */
    struct slice body;
};

/* Takes one response off the output; its body is as long as it says. */
static inline struct response take_response(struct driver *driver, unsigned status,
                                            bool head_only) {
    static const char announced[] = "\r\nContent-Length: ";
    struct slice all = buffer_slice(&driver->output);
    char start[32];
    snprintf(start, sizeof(start), "HTTP/1.1 %u ", status);
    if (!slice_starts_with(all, slice_of_string(start))) {
        fprintf(stderr, "is %.*s\nshall be %u\n", SLICE_ARGS(all), status);
        fail();
    }
    const char *end = memmem(all.data, all.length, "\r\n\r\n", 4);
    const char *length = memmem(all.data, all.length, announced, strlen(announced));
    assert_non_null(end);
    assert_non_null(length);
    struct response response = {.head = slice_from(all.data, (size_t)(end + 2 - all.data))};
    size_t body = head_only ? 0 : strtoul(length + strlen(announced), NULL, 10);
    all = slice_skip(all, response.head.length + 2);
    assert_true(all.length >= body);
    response.body = slice_from(all.data, body);
    buffer_consume(&driver->output, response.head.length + 2 + body);
    return response;
}

/* One request answered by the protocol itself. */
static inline struct response answer_to(struct driver *driver, const char *line, const char *host,
                                        const char *headers, unsigned status) {
    write_head(driver, line, host, headers);
    assert_int_equal(driver_next(driver), FEED_AGAIN);
    struct response response = take_response(driver, status, strncmp(line, "HEAD", 4) == 0);
    expect_nothing(driver);
    return response;
}

static inline const struct request *publish(struct driver *driver, bool bytewise,
                                            const char *headers, const char *body) {
    open_front(driver, &http_protocol, bytewise);
    buffer_append_format(
        &driver->input,
        "POST /r/ops HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n%s", headers,
        strlen(body), body);
    assert_int_equal(driver_next(driver), FEED_REQUEST);
    assert_int_equal(driver->feed.request.kind, REQUEST_PUBLISH);
    assert_int_equal(driver->feed.request.entry, ENTRY_MESSAGE);
    assert_slice_equal(driver->feed.request.room, "ops");
    return &driver->feed.request;
}
