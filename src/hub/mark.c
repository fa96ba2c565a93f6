/* Read marks: how far a session has read its rooms. A mark never goes back, and is shown as no
 * further than the room is.
 *
 * The store keeps them for sessions that come back after a restart. Who scrolls through a busy room
 * tells of every message, so a mark is only written some seconds after it has changed, or when its
 * session goes. */
#include "base/pack.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/direct.h"
#include "hub/membership.h"
#include "hub/requests.h"
#include "hub/room.h"
#include "hub/session.h"

#define SAVE_AFTER_US INT64_C(5000000)

struct mark {
    const struct session *session;
    /* In hub->unsaved while it is not written, the one changed first at the front */
    struct list_node unsaved;
    bool is_unsaved;
    int64_t changed_us; /* since when it is not */
    uint64_t seq;
    struct slice room_key; /* points into bytes */
    char bytes[];
};

/* NULL: it has read nothing. */
static struct map *marks_of(const struct session *session) {
    return session != NULL ? session_belongings(session)->marks : NULL;
}

static struct mark *find(const struct session *session, struct slice room_key) {
    return marks_of(session) != NULL ? map_find(marks_of(session), room_key) : NULL;
}

static void save(struct hub *hub, struct mark *mark) {
    struct slice key = hub_keep(hub, mark->room_key);
    struct slice names = direct_names(hub, room_find(hub, key));
    struct effect *effect = effects_add(hub->effects, EFFECT_MARK);

    effect->mark = (struct read_mark){.identity = mark->session->identity,
                                      .room_key = key,
                                      .seq = mark->seq,
                                      .updated_us = hub->now_us,
                                      .names = names};
    list_remove(&hub->unsaved, &mark->unsaved);
    mark->is_unsaved = false;
}

/* Makes place for another one. Which of so many goes does not matter much. */
static void forget_one(struct hub *hub, struct session *session) {
    size_t cursor = 0;
    struct map *marks = marks_of(session);
    struct mark *mark = map_next(marks, &cursor);

    if (mark->is_unsaved) {
        save(hub, mark);
    }
    map_remove(marks, mark->room_key);
    memory_free(mark);
}

static struct mark *open_mark(struct hub *hub, struct session *session, struct slice room_key) {
    struct mark *mark = find(session, room_key);

    if (mark != NULL) {
        return mark;
    }
    struct belongings *belongings = session_open_belongings(session);

    if (belongings->marks == NULL) {
        belongings->marks = map_new(hub->options.seed);
    }
    if (map_count(belongings->marks) >= LIMIT_ROOMS_PER_SESSION) {
        forget_one(hub, session);
    }
    mark = memory_new(sizeof(*mark) + room_key.length);
    mark->session = session;
    mark->room_key = room_key;
    pack_slice(&mark->room_key, mark->bytes);
    map_put(belongings->marks, mark->room_key, mark);
    return mark;
}

uint64_t mark_seq(const struct session *session, struct slice room_key, uint64_t last) {
    const struct mark *mark = find(session, room_key);
    uint64_t seq = mark != NULL ? mark->seq : 0;

    return seq < last ? seq : last;
}

void mark_recall(struct hub *hub, struct session *session) {
    session->recalling = true;
    effects_add(hub->effects, EFFECT_RECALL)->mark.identity = session->identity;
}

void mark_recalled(struct hub *hub, const struct event *event) {
    struct session *session = session_find(hub, &event->recalled.identity);
    /* Told without having been asked for: something may have been missed. */
    bool unread = session != NULL && !session->recalling;

    /* The oldest first, as that is what makes way where there are too many. */
    for (size_t i = event->recalled.count; session != NULL && i-- > 0;) {
        const struct read_mark *recalled = &event->recalled.marks[i];

        direct_recall(hub, session, recalled, unread);
        if (recalled->seq > mark_seq(session, recalled->room_key, recalled->seq)) {
            open_mark(hub, session, recalled->room_key)->seq = recalled->seq;
        }
    }
    if (session != NULL) {
        session->recalling = false;
    }
}

void mark_save_all(struct hub *hub, const struct session *session) {
    struct map *marks = marks_of(session);
    struct mark *mark;
    size_t cursor = 0;

    while (marks != NULL && (mark = map_next(marks, &cursor)) != NULL) {
        if (mark->is_unsaved) {
            save(hub, mark);
        }
    }
}

void mark_tick(struct hub *hub) {
    while (!list_empty(&hub->unsaved)) {
        struct mark *mark = container_of(hub->unsaved.first, struct mark, unsaved);

        if (hub->now_us - mark->changed_us < SAVE_AFTER_US) {
            return;
        }
        save(hub, mark);
    }
}

void mark_free_all(struct session *session) {
    struct map *marks = marks_of(session);
    struct mark *mark;
    size_t cursor = 0;

    while (marks != NULL && (mark = map_next(marks, &cursor)) != NULL) {
        memory_free(mark);
    }
    if (marks != NULL) {
        map_free(marks);
        session->belongings->marks = NULL;
    }
}

static bool advance(struct hub *hub, struct mark *mark, uint64_t seq) {
    if (seq <= mark->seq) {
        return false;
    }
    mark->seq = seq;
    if (!mark->is_unsaved) {
        mark->is_unsaved = true;
        mark->changed_us = hub->now_us;
        list_append(&hub->unsaved, &mark->unsaved);
    }
    return true;
}

void handle_read(struct hub *hub, struct client *client, const struct request *request) {
    struct membership *membership = NULL;
    int error = membership_find(hub, client, request->room, &membership);

    if (error < 0) {
        answer_error(hub, client, request->cid, error, SLICE_NONE);
        return;
    }
    struct room *room = membership->room;
    uint64_t seq = request->after < room->last ? request->after : room->last;

    if (seq > 0 && advance(hub, open_mark(hub, client->session, room->key), seq)) {
        device_tell_read(hub, client, room, seq);
    }
    answer_ack(hub, client, request->cid, place_of(room).name);
}
