/* What the server says, frame by frame: a table of types, one function each. A frame that has
 * something to tell is kept in session->frame until the next call, because the event points into
 * it; a batch is kept until its last item is told. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "client/session_internal.h"
#include "wire/json.h"
#include "wire/secret.h"

#define NAMES_TRIED_MAX 99 /* ann, ann-2 … ann-99 */

void session_drop_frame(struct session *session) {
    json_decref(session->frame);
    session->frame = NULL;
    session->items = NULL;
    session->next_item = 0;
    session->asked = false;
}

void session_event_text(struct session_event *event, struct slice text) {
    struct buffer clean = {0};

    text_append_line(&clean, text);
    struct slice cut = buffer_slice(&clean);
    if (cut.length >= sizeof event->text) {
        cut.length = sizeof event->text - 1;
        while (cut.length > 0 && (cut.data[cut.length] & 0xc0) == 0x80)
            cut.length--; /* not in the middle of a character */
    }
    snprintf(event->text, sizeof event->text, "%.*s", SLICE_ARGS(cut));
    buffer_close(&clean);
}

/* Members that a server of ours always sends rightly; from another, a wrong one counts as
 * absent. */

static struct slice text_of(const json_t *object, const char *key) {
    struct slice value = SLICE_NONE;
    return json_get_string(object, key, &value) == 0 ? value : SLICE_NONE;
}

static uint64_t number_of(const json_t *object, const char *key) {
    uint64_t value = 0;
    bool present = false;
    return json_get_u64(object, key, &value, &present) == 0 && present ? value : 0;
}

struct slice session_error_text(const json_t *error) {
    struct slice detail = text_of(error, "detail");
    return detail.length > 0 ? detail : text_of(error, "message");
}

static bool is_direct(struct slice room) {
    return slice_starts_with(room, SLICE("@"));
}

/* The place of a room that the server shows us. Direct messages come without our having joined
 * anything. */
static struct place *find_place(struct session *session, struct slice room) {
    struct place *place = places_find(&session->places, room);
    if (place == NULL && is_direct(room)) {
        place = places_add(&session->places, room);
        place->live = true;
    }
    return place;
}

/* Entries. */

static bool take_new_item(struct session *session, const json_t *item,
                          struct session_event *event) {
    struct slice room = text_of(item, "room");
    uint64_t seq = number_of(item, "seq");
    struct place *place = find_place(session, room);

    if (place == NULL || seq == 0 || !place_take(place, seq))
        return false;
    event->kind = SESSION_ENTRY;
    event->json = item;
    event->room = room;
    event->seq = seq;
    return true;
}

static bool take_entry(struct session *session, const json_t *frame, struct session_event *event) {
    return take_new_item(session, frame, event);
}

bool session_take_item(struct session *session, struct session_event *event) {
    while (session->next_item < json_array_size(session->items)) {
        const json_t *item = json_array_get(session->items, session->next_item++);
        if (!session->asked) {
            if (take_new_item(session, item, event))
                return true;
            continue;
        }
        event->kind = SESSION_HISTORY;
        event->json = item;
        event->room = text_of(item, "room");
        event->seq = number_of(item, "seq");
        event->cid = text_of(session->frame, "cid");
        return true;
    }
    if (!session->asked)
        return false;
    session->asked = false;
    event->kind = SESSION_ANSWERED;
    event->json = session->frame;
    event->cid = text_of(session->frame, "cid");
    return true;
}

static bool take_batch(struct session *session, const json_t *frame, struct session_event *event) {
    session->items = json_object_get(frame, "items");
    session->next_item = 0;
    session->asked = text_of(frame, "cid").length > 0;
    return session_take_item(session, event);
}

/* What the session itself has no use for. */
static bool take_other(struct session *session, const json_t *frame, struct session_event *event) {
    (void)session;
    event->kind = SESSION_FRAME;
    event->json = frame;
    event->room = text_of(frame, "room");
    return true;
}

/* Coming in. */

static void take_limits(struct session *session, const json_t *frame) {
    const json_t *range = json_object_get(frame, "reconnect_ms");
    json_int_t low = json_integer_value(json_array_get(range, 0));
    json_int_t high = json_integer_value(json_array_get(range, 1));

    session->ping_ms = number_of(frame, "ping_ms");
    session->max_message = number_of(json_object_get(frame, "limits"), "message");
    if (session->max_message == 0)
        session->max_message = UINT64_MAX;
    if (low > 0 && high > 0)
        backoff_set_range(&session->backoff, (uint64_t)low, (uint64_t)high);
}

/* Somebody may have written to us for the first time while we were away: all of that is new. */
static void find_new_directs(struct session *session, const json_t *rooms) {
    for (size_t i = 0; i < json_array_size(rooms); i++) {
        struct slice room = text_of(json_array_get(rooms, i), "room");
        if (is_direct(room) && places_find(&session->places, room) == NULL)
            places_add(&session->places, room)->has_seen = true; /* nothing, that is */
    }
}

/* Rooms that hello could not resume, because too little is known of them, are joined. */
static void join_places(struct session *session) {
    for (struct list_node *node = session->places.list.first; node != NULL; node = node->next) {
        struct place *place = container_of(node, struct place, node);
        if (!place_resumable(place))
            session_send_join(session, place);
    }
}

/* The answer to session_rename. Rooms and everything else stay as they are. */
static bool take_rename(struct session *session, const json_t *frame, struct session_event *event) {
    struct slice name = text_of(frame, "name");

    if (name.length > 0) {
        buffer_clear(&session->name);
        buffer_append_slice(&session->name, name);
        session->options.name_is_a_wish = false; /* no other one is to be tried */
    }
    return take_other(session, frame, event);
}

static bool take_welcome(struct session *session, const json_t *frame,
                         struct session_event *event) {
    struct slice name = text_of(frame, "name");
    struct slice secret = text_of(frame, "session");

    if (slice_equal(text_of(frame, "cid"), SLICE("rename")))
        return take_rename(session, frame, event);
    if (session->state != SESSION_STATE_GREETING)
        return false;
    if (buffer_length(&session->name) > 0 && name.length > 0) {
        buffer_clear(&session->name);
        buffer_append_slice(&session->name, name);
    }
    if (secret.length > 0 && secret.length < sizeof session->secret)
        snprintf(session->secret, sizeof session->secret, "%.*s", SLICE_ARGS(secret));
    if (secret_is_accounts(secret)) /* it stands in for the password, until it is revoked */
        buffer_close(&session->password);
    take_limits(session, frame);
    backoff_reset(&session->backoff);
    session->state = SESSION_STATE_LIVE;
    session->deadline_ms = session_silence_deadline(session);
    if (session->welcomed)
        find_new_directs(session, json_object_get(frame, "rooms"));
    join_places(session);

    event->kind = session->welcomed ? SESSION_RECONNECTED : SESSION_CONNECTED;
    event->json = frame;
    session->welcomed = true;
    return true;
}

static bool take_joined(struct session *session, const json_t *frame, struct session_event *event) {
    struct slice room = text_of(frame, "room");
    struct place *place = places_find_cid(&session->places, text_of(frame, "cid"));

    if (place == NULL)
        place = places_find(&session->places, room);
    if (place == NULL)
        return false;
    place_joined(place, room, text_of(frame, "epoch"), number_of(frame, "last"));
    event->kind = SESSION_JOINED;
    event->room = room;
    event->json = frame;
    return true;
}

static bool take_gap(struct session *session, const json_t *frame, struct session_event *event) {
    struct slice room = text_of(frame, "room");
    struct place *place = places_find(&session->places, room);

    if (place == NULL)
        return false;
    place_skip_to(place, text_of(frame, "epoch"), number_of(frame, "first"));
    event->kind = SESSION_GAP;
    event->room = room;
    event->json = frame;
    return true;
}

static bool take_live(struct session *session, const json_t *frame, struct session_event *event) {
    struct place *place = places_find(&session->places, text_of(frame, "room"));

    (void)event;
    if (place != NULL) {
        place->live = true;
        place_take(place, number_of(frame, "at"));
    }
    return false;
}

/* Answers. */

static bool is_oldest_message(const struct session *session, struct slice cid) {
    return session->outbox.first != NULL && slice_equal(session->outbox.first->cid, cid);
}

static bool take_ack(struct session *session, const json_t *frame, struct session_event *event) {
    struct place *place = places_find(&session->places, text_of(frame, "room"));
    uint64_t seq = number_of(frame, "seq");

    if (!is_oldest_message(session, text_of(frame, "cid")))
        return take_other(session, frame, event);
    outbox_drop_first(&session->outbox);
    backoff_reset(&session->backoff);
    if (place != NULL && seq > place->awaited)
        place->awaited = seq;
    event->kind = SESSION_ACKED;
    event->seq = seq;
    return true;
}

bool session_wish_again(struct session *session) {
    if (!session->options.name_is_a_wish || session->names_tried >= NAMES_TRIED_MAX - 1)
        return false;
    session->names_tried++;
    buffer_clear(&session->name);
    buffer_append_format(&session->name, "%s-%u", session->options.name, session->names_tried + 1);
    return true;
}

/* The hello was refused. Where only our wishes stand in the way, we have other wishes. */
static bool take_hello_error(struct session *session, struct slice code, struct slice text,
                             struct session_event *event) {
    if (session->secret[0] != 0 && !slice_equal(code, SLICE("name_taken"))) {
        session->secret[0] = 0; /* the server does not know that session any more */
        session_say_hello(session);
        return false;
    }
    if (slice_equal(code, SLICE("unauthorized")) && session_may_log_in(session))
        return session_ask_password(session, event, buffer_length(&session->password) > 0);
    if (slice_equal(code, SLICE("unauthorized")) && buffer_length(&session->name) == 0)
        text = SLICE("this server wants to know who you are: use --user NAME or --token-file FILE");
    if (slice_equal(code, SLICE("name_taken")) && session_wish_again(session)) {
        session_say_hello(session);
        return false;
    }
    return session_end(session, event, text);
}

static bool take_message_error(struct session *session, const json_t *frame, struct slice code,
                               struct session_event *event) {
    struct outgoing *first = session->outbox.first;
    bool too_often = slice_equal(code, SLICE("rate_limited"));

    session_event_text(event, session_error_text(frame));
    if (!too_often && !slice_equal(code, SLICE("unavailable"))) {
        outbox_drop_first(&session->outbox);
        event->kind = SESSION_REFUSED;
        return true;
    }
    uint64_t delay_ms =
        too_often ? number_of(frame, "retry_ms") : backoff_next(&session->backoff, &session->rng);
    if (delay_ms > 60000)
        delay_ms = 60000;
    first->sent = false;
    first->not_before_ms = session->now_ms + delay_ms;
    event->kind = SESSION_HELD;
    event->delay_ms = (unsigned)delay_ms;
    return true;
}

/* A room cannot be read, or not any more. Direct messages between guests go when one of them
 * does. */
static bool take_room_error(struct session *session, struct place *place, const json_t *frame,
                            struct session_event *event) {
    bool direct = is_direct(buffer_slice(&place->name));

    buffer_clear(&session->barred);
    buffer_append_slice(&session->barred, buffer_slice(&place->name));
    event->room = buffer_slice(&session->barred);
    places_remove(&session->places, place);
    if (direct)
        return false;
    event->kind = SESSION_BARRED;
    session_event_text(event, session_error_text(frame));
    return true;
}

static bool take_error(struct session *session, const json_t *frame, struct session_event *event) {
    struct slice cid = text_of(frame, "cid");
    struct slice code = text_of(frame, "code");
    struct slice message = session_error_text(frame);
    struct place *place = places_find_cid(&session->places, cid);

    if (place == NULL && cid.length == 0) /* of a room that hello was to resume */
        place = places_find(&session->places, text_of(frame, "room"));
    if (is_oldest_message(session, cid))
        return take_message_error(session, frame, code, event);
    if ((place != NULL || session->state == SESSION_STATE_GREETING) &&
        slice_equal(code, SLICE("unavailable")))
        return session_lose(session, event, message);
    if (session->state == SESSION_STATE_GREETING)
        return take_hello_error(session, code, message, event);
    if (place != NULL)
        return take_room_error(session, place, frame, event);
    return take_other(session, frame, event);
}

struct frame_type {
    const char *name;
    bool (*take)(struct session *session, const json_t *frame, struct session_event *event);
};

static const struct frame_type frame_types[] = {
    {"message", take_entry}, {"edit", take_entry},      {"delete", take_entry},
    {"react", take_entry},   {"topic", take_entry},     {"batch", take_batch},
    {"ack", take_ack},       {"welcome", take_welcome}, {"joined", take_joined},
    {"gap", take_gap},       {"live", take_live},       {"error", take_error},
};

bool session_take_text(struct session *session, struct slice text, struct session_event *event) {
    session_drop_frame(session);
    session->frame = json_parse_object(text);
    if (session->frame == NULL)
        return false;
    struct slice type = text_of(session->frame, "type");
    for (size_t i = 0; i < sizeof frame_types / sizeof *frame_types; i++)
        if (slice_equal(type, slice_of_string(frame_types[i].name)))
            return frame_types[i].take(session, session->frame, event);
    return take_other(session, session->frame, event);
}
