/* The connection under the session: made, greeted, watched, lost and made again. What it says is
 * understood in session_frames.c.
 *
 * Nothing is lost or repeated because two numbers survive a connection: for what we write, the
 * cid of the oldest message without an ack (outbox.h); for what we read, the last seq of each
 * room (place.h). The session's secret survives as well, so that we come back as who we were and
 * the cids still count as ours. */
#include "client/session.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/close_code.h"
#include "base/memory.h"
#include "base/text.h"
#include "client/session_internal.h"
#include "wire/json.h"

#define DIAL_TIMEOUT_MS 10000
#define PING_GRACE_MS 10000 /* how much later than announced a ping may come */
#define CLOSING_TIMEOUT_MS 2000
#define RESTART_SPREAD_MS 500

struct session *session_new(const struct session_options *options) {
    struct session *session = memory_new_struct(struct session);
    uint64_t seed[2] = {0};

    ssize_t taken = getrandom(seed, sizeof seed, 0);
    (void)taken; /* up to 256 bytes always come whole (getrandom(2)) */
    session->options = *options;
    if (options->secret != NULL && strlen(options->secret) < sizeof session->secret)
        snprintf(session->secret, sizeof session->secret, "%s", options->secret);
    buffer_append_string(&session->name, options->name != NULL ? options->name : "");
    rng_seed(&session->rng, seed[0]);
    snprintf(session->cid_prefix, sizeof session->cid_prefix, "%016" PRIx64, seed[1]);
    backoff_init(&session->backoff);
    return session;
}

void session_free(struct session *session) {
    if (session == NULL)
        return;
    dialer_free(session->dialer);
    connection_free(session->connection);
    session_drop_frame(session);
    outbox_close(&session->outbox);
    places_close(&session->places);
    buffer_close(&session->name);
    buffer_close(&session->password);
    buffer_close(&session->barred);
    memory_free(session);
}

int session_descriptor(const struct session *session) {
    if (session->dialer != NULL)
        return dialer_descriptor(session->dialer);
    return session->connection == NULL ? -1 : connection_descriptor(session->connection);
}

short session_wants(const struct session *session) {
    if (session->dialer != NULL)
        return POLLIN;
    return session->connection == NULL ? 0 : connection_wants(session->connection);
}

struct slice session_name(const struct session *session) {
    return session->welcomed ? buffer_slice(&session->name) : SLICE_NONE;
}

size_t session_unacked(const struct session *session) {
    return session->outbox.count;
}

/* Saying things. */

void session_send(struct session *session, struct slice request) {
    connection_send(session->connection, request);
}

void session_append_cid(struct session *session, struct buffer *out) {
    buffer_append_format(out, "%s-%" PRIu64, session->cid_prefix, ++session->cid_count);
}

void session_say_hello(struct session *session) {
    struct buffer hello = {0};

    buffer_append_string(&hello, "{\"type\":\"hello\"");
    if (buffer_length(&session->name) > 0)
        json_append_string_member(&hello, "name", buffer_slice(&session->name));
    if (session->secret[0] != 0)
        json_append_string_member(&hello, "session", slice_of_string(session->secret));
    else if (buffer_length(&session->password) > 0)
        json_append_string_member(&hello, "password", buffer_slice(&session->password));
    json_append_key(&hello, "resume");
    places_append_resume(&session->places, &hello);
    buffer_append_string(&hello, ",\"cid\":\"hello\"}");
    session_send(session, buffer_slice(&hello));
    buffer_close(&hello);
}

void session_send_join(struct session *session, struct place *place) {
    struct buffer join = {0};

    buffer_clear(&place->cid);
    session_append_cid(session, &place->cid);
    place_append_join(place, &join);
    session_send(session, buffer_slice(&join));
    buffer_close(&join);
}

void session_join(struct session *session, struct slice room, bool has_after, uint64_t after,
                  uint64_t from_end) {
    struct place *place = places_find(&session->places, room);

    if (place == NULL)
        place = places_add(&session->places, room);
    place->has_seen = has_after;
    place->seen = after;
    place->from_end = from_end;
    place->awaited = 0;
    if (session->state == SESSION_STATE_LIVE)
        session_send_join(session, place);
}

void session_leave_room(struct session *session, struct slice room) {
    struct place *place = places_find(&session->places, room);
    struct buffer leave = {0};

    if (place == NULL)
        return;
    buffer_append_string(&leave, "{\"type\":\"leave\"");
    json_append_string_member(&leave, "room", buffer_slice(&place->name));
    buffer_append_char(&leave, '}');
    session_ask(session, buffer_slice(&leave));
    buffer_close(&leave);
    places_remove(&session->places, place);
}

void session_publish(struct session *session, struct slice room, struct slice to,
                     struct slice sender, struct slice content) {
    session_post(session, &(struct outgoing_message){
                              .room = room, .to = to, .sender = sender, .content = content});
}

void session_post(struct session *session, const struct outgoing_message *message) {
    struct outgoing_message signed_message = *message;
    struct buffer cid = {0};

    session_append_cid(session, &cid);
    signed_message.cid = buffer_slice(&cid);
    outbox_add(&session->outbox, &signed_message);
    buffer_close(&cid);
}

bool session_rename(struct session *session, struct slice name) {
    struct buffer hello = {0};

    buffer_append_string(&hello, "{\"type\":\"hello\"");
    json_append_string_member(&hello, "name", name);
    json_append_string_member(&hello, "cid", SLICE("rename"));
    buffer_append_char(&hello, '}');
    bool asked = session_ask(session, buffer_slice(&hello));
    buffer_close(&hello);
    return asked;
}

bool session_ask(struct session *session, struct slice request) {
    if (session->state != SESSION_STATE_LIVE)
        return false;
    session_send(session, request);
    return true;
}

void session_leave(struct session *session, uint64_t deadline_ms) {
    session->leaving = true;
    session->leave_by_ms = deadline_ms;
}

/* Ending and losing. */

static void drop_dialer(struct session *session) {
    dialer_free(session->dialer);
    session->dialer = NULL;
}

static void drop_connection(struct session *session) {
    session_drop_frame(session);
    drop_dialer(session);
    connection_free(session->connection);
    session->connection = NULL;
    outbox_rewind(&session->outbox);
    places_interrupt(&session->places);
}

bool session_end(struct session *session, struct session_event *event, struct slice why) {
    event->kind = SESSION_OVER;
    session_event_text(event, why); /* before what it may point into is gone */
    if (session->connection != NULL) {
        connection_close(session->connection, 1000); /* if it can still be said */
        connection_flush(session->connection);
    }
    drop_connection(session);
    session->state = SESSION_STATE_OVER;
    session->deadline_ms = UINT64_MAX;
    return true;
}

/* Nothing is left to do on the way out: what was written is durable. */
static bool nothing_owed(const struct session *session) {
    return session->leaving && session->outbox.count == 0;
}

/* A server that restarts sends its clients away one by one, to another that is there. So the first
 * attempt comes at once, all but for a little spread. */
static unsigned return_delay_ms(struct session *session) {
    unsigned spread_ms =
        session->backoff.min_ms < RESTART_SPREAD_MS ? session->backoff.min_ms : RESTART_SPREAD_MS;
    bool restart = session->welcomed && session->connection != NULL &&
                   connection_ending(session->connection)->code == CLOSE_RESTART;

    return restart ? (unsigned)rng_below(&session->rng, spread_ms)
                   : backoff_next(&session->backoff, &session->rng);
}

bool session_lose(struct session *session, struct session_event *event, struct slice why) {
    if (nothing_owed(session))
        return session_end(session, event, SLICE_NONE);
    event->kind = SESSION_LOST;
    event->connected = session->welcomed;
    event->delay_ms = return_delay_ms(session);
    session_event_text(event, why);
    drop_connection(session);
    session->state = SESSION_STATE_WAITING;
    session->deadline_ms = session->now_ms + event->delay_ms;
    return true;
}

static bool give_up(struct session *session, struct session_event *event) {
    char text[64] = "";
    if (session->outbox.count > 0)
        snprintf(text, sizeof text, "%zu message%s could not be delivered", session->outbox.count,
                 session->outbox.count == 1 ? "" : "s");
    return session_end(session, event, slice_of_string(text));
}

static bool take_ending(struct session *session, struct session_event *event) {
    const struct ending *ending = connection_ending(session->connection);

    if (session->state == SESSION_STATE_CLOSING)
        return session_end(session, event, SLICE_NONE);
    /* Who was asked for a password may have taken longer than the server waits. */
    bool patient = session->options.patient || buffer_length(&session->password) > 0;
    if (ending->hopeless || (!session->welcomed && !patient))
        return session_end(session, event, slice_of_string(ending->text));
    return session_lose(session, event, slice_of_string(ending->text));
}

/* Connecting. */

static bool start_dialling(struct session *session, struct session_event *event) {
    session->dialer = dialer_start(session->options.url->host_port, DIAL_TIMEOUT_MS);
    if (session->dialer == NULL)
        return session_lose(session, event, SLICE("the system has no thread left"));
    session->state = SESSION_STATE_DIALLING;
    session->deadline_ms = UINT64_MAX; /* the dialer says when it is done */
    return false;
}

static bool finish_dialling(struct session *session, struct session_event *event) {
    char message[256] = "";
    int descriptor = -1;
    int error = 0;

    if (!dialer_take(session->dialer, &error, &descriptor, message, sizeof message))
        return false;
    drop_dialer(session);
    if (error < 0 &&
        (error == ERR_BAD_REQUEST || (!session->welcomed && !session->options.patient)))
        return session_end(session, event, slice_of_string(message));
    if (error < 0)
        return session_lose(session, event, slice_of_string(message));
    session->connection = connection_new(descriptor, session->options.url, session->options.tls,
                                         session->options.token);
    session->state = SESSION_STATE_GREETING;
    session->deadline_ms = session->now_ms + GREETING_TIMEOUT_MS;
    return false;
}

/* Time. */

static bool keep_deadline(struct session *session, struct session_event *event) {
    switch (session->state) {
    case SESSION_STATE_WAITING:
        if (nothing_owed(session))
            return session_end(session, event, SLICE_NONE);
        return session->now_ms >= session->deadline_ms && start_dialling(session, event);
    case SESSION_STATE_DIALLING:
        if (nothing_owed(session))
            return session_end(session, event, SLICE_NONE);
        return finish_dialling(session, event);
    case SESSION_STATE_ASKING:
        return session->no_password && session_end(session, event, SLICE_NONE);
    case SESSION_STATE_GREETING:
        if (nothing_owed(session))
            return session_end(session, event, SLICE_NONE);
        return session->now_ms >= session->deadline_ms &&
               session_lose(session, event, SLICE("the server does not answer"));
    case SESSION_STATE_LIVE:
        return session->now_ms >= session->deadline_ms &&
               session_lose(session, event, SLICE("the server has gone silent"));
    case SESSION_STATE_CLOSING:
        return session->now_ms >= session->deadline_ms && session_end(session, event, SLICE_NONE);
    case SESSION_STATE_OVER:
        break;
    }
    return false;
}

uint64_t session_silence_deadline(const struct session *session) {
    return session->ping_ms == 0 ? UINT64_MAX : session->now_ms + session->ping_ms + PING_GRACE_MS;
}

static void heard(struct session *session) {
    if (session->state == SESSION_STATE_LIVE)
        session->deadline_ms = session_silence_deadline(session);
}

/* Sends the oldest message if it is its time. Fills in an event when it is too large to be worth
 * sending. */
static bool send_due(struct session *session, struct session_event *event) {
    struct outgoing *due = outbox_due(&session->outbox, session->now_ms);

    if (session->state != SESSION_STATE_LIVE || due == NULL)
        return false;
    if (due->content_size > session->max_message) {
        char text[128];
        snprintf(text, sizeof text, "the message has %u bytes, the server takes %" PRIu64,
                 due->content_size, session->max_message);
        outbox_drop_first(&session->outbox);
        event->kind = SESSION_REFUSED;
        session_event_text(event, slice_of_string(text));
        return true;
    }
    session_send(session, due->frame);
    due->sent = true;
    return false;
}

/* Whether it is time to say goodbye: everything written is durable and everything to read was
 * read. */
static bool settled(const struct session *session) {
    return session->leaving && session->outbox.count == 0 &&
           (session->state != SESSION_STATE_LIVE || places_settled(&session->places));
}

static void close_when_settled(struct session *session) {
    if (session->state == SESSION_STATE_LIVE && settled(session)) {
        connection_close(session->connection, 1000);
        session->state = SESSION_STATE_CLOSING;
        session->deadline_ms = session->now_ms + CLOSING_TIMEOUT_MS;
    }
}

uint64_t session_deadline(const struct session *session) {
    uint64_t deadline_ms = session->deadline_ms;
    const struct outgoing *first = session->outbox.first;

    if (session->state == SESSION_STATE_CLOSING || session->state == SESSION_STATE_OVER)
        return deadline_ms;
    if (settled(session))
        return session->now_ms;
    if (session->leaving && session->leave_by_ms < deadline_ms)
        deadline_ms = session->leave_by_ms;
    if (session->state == SESSION_STATE_LIVE && first != NULL && !first->sent &&
        first->not_before_ms < deadline_ms)
        deadline_ms = first->not_before_ms;
    return deadline_ms;
}

/* Everything that has come so far, up to something to tell. */
static bool read_connection(struct session *session, struct session_event *event) {
    struct slice text = SLICE_NONE;

    for (;;) {
        switch (connection_next(session->connection, &text)) {
        case CONNECTION_IDLE:
            return false;
        case CONNECTION_OPEN:
            if (session_greet(session, event))
                return true;
            break;
        case CONNECTION_TEXT:
            if (session_take_text(session, text, event))
                return true;
            break;
        case CONNECTION_ENDED:
            return take_ending(session, event);
        }
    }
}

bool session_next(struct session *session, uint64_t now_ms, struct session_event *event) {
    *event = (struct session_event){0};
    session->now_ms = now_ms;
    if (session->state == SESSION_STATE_OVER)
        return false;
    if (session_take_item(session, event))
        return true;
    session_drop_frame(session);
    if (session->leaving && now_ms >= session->leave_by_ms &&
        session->state != SESSION_STATE_CLOSING)
        return give_up(session, event);
    if (session->connection != NULL) {
        if (connection_receive(session->connection))
            heard(session);
        if (read_connection(session, event))
            return true;
    }
    if (keep_deadline(session, event))
        return true;
    if (session->connection == NULL)
        return false;
    if (send_due(session, event))
        return true;
    close_when_settled(session);
    connection_flush(session->connection);
    return false;
}
