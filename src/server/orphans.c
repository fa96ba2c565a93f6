/* The database is read by a thread of libuv's pool, some rooms at a time; what becomes of them is
 * decided on the loop. */
#include "server/orphans.h"

#include <uv.h>

#include "base/memory.h"
#include "store/direct_rooms.h"

#define ROOMS_AT_ONCE 256
#define PAUSE_LEAST_MS 1000 /* from one pass to the next */
#define HEX_LENGTH ((size_t)2 * IDENTITY_SIZE)

struct orphans {
    struct orphans_options options;
    uv_timer_t timer;
    uv_work_t work;
    struct buffer after; /* the last key seen in this pass */
    struct buffer keys, message;
    int error;
    bool reading, closing;
};

static void on_closed(uv_handle_t *handle) {
    struct orphans *orphans = handle->data;

    buffer_close(&orphans->after);
    buffer_close(&orphans->keys);
    buffer_close(&orphans->message);
    memory_free(orphans);
}

static void read_rooms(uv_work_t *work) {
    struct orphans *orphans = work->data;

    orphans->error = direct_rooms_read(orphans->options.folder, buffer_slice(&orphans->after),
                                       ROOMS_AT_ONCE, &orphans->keys, &orphans->message);
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_identity(struct slice text, struct identity *identity) {
    if (text.length != HEX_LENGTH)
        return false;
    for (size_t i = 0; i < IDENTITY_SIZE; i++) {
        int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        identity->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* Nobody can come back to it: neither side has a session, nor are both accounts. What is none of
 * ours has to stay, too. */
static bool is_orphan(const struct hub *hub, struct slice key) {
    struct slice second_text = slice_skip(key, 1);
    struct slice first_text = slice_cut(&second_text, ',');
    struct identity first, second;

    if (!parse_identity(first_text, &first) || !parse_identity(second_text, &second))
        return false;
    if (hub_has_session(hub, &first) || hub_has_session(hub, &second))
        return false;
    return !hub_knows_identity(hub, &first) || !hub_knows_identity(hub, &second);
}

static size_t look_at_rooms(struct orphans *orphans) {
    const struct orphans_options *options = &orphans->options;
    struct slice rest = buffer_slice(&orphans->keys);
    size_t count = 0;

    while (rest.length > 0) {
        struct slice key = slice_cut(&rest, '\n');
        if (is_orphan(options->hub, key))
            options->store->engine->erase(options->store, key);
        buffer_clear(&orphans->after);
        buffer_append_slice(&orphans->after, key);
        count++;
    }
    options->store->engine->turn(options->store);
    return count;
}

static void on_time(uv_timer_t *timer);

static void on_read(uv_work_t *work, int status) {
    struct orphans *orphans = work->data;
    unsigned pause_ms = orphans->options.linger_ms;
    size_t count = 0;

    (void)status;
    orphans->reading = false;
    if (orphans->closing) {
        uv_close((uv_handle_t *)&orphans->timer, on_closed);
        return;
    }
    if (orphans->error)
        log_write(orphans->options.log, LOG_WARNING, "%.*s",
                  SLICE_ARGS(buffer_slice(&orphans->message)));
    else
        count = look_at_rooms(orphans);
    if (count < ROOMS_AT_ONCE)
        buffer_clear(&orphans->after);
    pause_ms = pause_ms > PAUSE_LEAST_MS ? pause_ms : PAUSE_LEAST_MS;
    uv_timer_start(&orphans->timer, on_time, count < ROOMS_AT_ONCE ? pause_ms : 1, 0);
}

static void on_time(uv_timer_t *timer) {
    struct orphans *orphans = timer->data;

    buffer_clear(&orphans->keys);
    buffer_clear(&orphans->message);
    orphans->reading = true;
    uv_queue_work(orphans->options.loop, &orphans->work, read_rooms, on_read);
}

struct orphans *orphans_watch(const struct orphans_options *options) {
    struct orphans *orphans = memory_new_struct(struct orphans);

    orphans->options = *options;
    orphans->timer.data = orphans->work.data = orphans;
    uv_timer_init(options->loop, &orphans->timer);
    uv_timer_start(&orphans->timer, on_time, options->linger_ms, 0);
    return orphans;
}

void orphans_set_linger(struct orphans *orphans, unsigned linger_ms) {
    orphans->options.linger_ms = linger_ms;
}

void orphans_close(struct orphans *orphans) {
    if (!orphans)
        return;
    orphans->closing = true;
    if (!orphans->reading)
        uv_close((uv_handle_t *)&orphans->timer, on_closed);
}
