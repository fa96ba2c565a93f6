/* Publishing: what a client wants in a room's log is checked as far as the hub can know, signed,
 * and sent to the store. Whether the cid is new, and whether what an edit refers to exists and
 * is its author's, the store decides.
 *
 * Who signs how: a session that holds a name signs with it, whatever it says. Others sign with a
 * label of their choice, unless it would pass for somebody else or for the server. */
#include <assert.h>

#include "hub/internal.h"

static int check_body(const struct hub *hub, const struct request *request) {
    bool refers = request->entry == ENTRY_EDIT || request->entry == ENTRY_DELETE ||
                  request->entry == ENTRY_REACTION;

    if (request->content.length > hub->options.max_message) {
        return ERR_TOO_LARGE;
    }
    if (request->meta.length > LIMIT_META || request->key.length > LIMIT_NAME) {
        return ERR_BAD_REQUEST;
    }
    if (refers && request->of == 0) {
        return ERR_BAD_REQUEST;
    }
    return request->entry == ENTRY_REACTION && request->key.length == 0 ? ERR_BAD_REQUEST : 0;
}

static int find_sender(struct hub *hub, const struct client *client, const struct request *request,
                       const struct identity *identity, struct slice *sender) {
    struct slice name = client_name(client);

    if (name.length > 0) {
        *sender = name;
        return 0;
    }
    buffer_clear(&hub->text);
    if (request->sender.length == 0 && client->number != 0) {
        buffer_append_string(&hub->text, "Client ");
        buffer_append_u64(&hub->text, client->number);
        *sender = buffer_slice(&hub->text);
        return 0;
    }
    if (text_append_label(&hub->text, request->sender) < 0) {
        return ERR_BAD_REQUEST;
    }
    *sender = buffer_slice(&hub->text);
    return name_check_label(hub, *sender, identity);
}

/* The direct-message room with whoever holds the name that is written to. */
static int find_addressee(struct hub *hub, struct client *client, struct slice to,
                          struct place *place) {
    struct session *session = client->session;

    if (session == NULL || session->claim == NULL) {
        return ERR_UNAUTHORIZED;
    }
    const struct claim *claim = name_find(hub, to);

    if (claim == NULL) {
        return ERR_NOT_FOUND;
    }
    struct room *room;
    int error = direct_open(hub, session, claim->session, &room);

    if (error == 0) {
        *place = place_of(room);
    }
    return error;
}

static void refuse_addressee(struct hub *hub, const struct client *client,
                             const struct request *request, int error) {
    struct buffer *text = &hub->text;

    buffer_clear(text);
    if (error == ERR_NOT_FOUND) {
        buffer_append_string(text, "no user by the name ");
        text_append_line(text, text_beginning(request->to, LIMIT_NAME));
    } else if (error == ERR_UNAUTHORIZED) {
        buffer_append_string(text, "Claim a name first");
    }
    answer_error(hub, client, request->cid, error, buffer_slice(text));
}

static void append(struct hub *hub, struct draft *draft) {
    effects_add(hub->effects, EFFECT_APPEND)->draft = draft;
}

/* Where only the operator makes rooms, a room must be known to exist before anything is written
 * to it. */
static int submit(struct hub *hub, struct client *client, const struct place *place,
                  const struct entry_body *body, bool known_only) {
    struct room *room = place->room;
    bool must_exist = !hub->options.create_rooms && (room == NULL || room->direct == NULL) &&
                      !slice_equal(place->key, place_lobby(hub).key);

    if (must_exist) {
        room = room_open(hub, place);
        if (room_is_missing(hub, room)) {
            return ERR_NOT_FOUND;
        }
    }
    struct draft *draft =
        draft_new(place->key, place->name, body, client_origin(client), hub->now_us);

    draft->known_only = known_only;
    if (must_exist && room->state != ROOM_FOLLOWED) {
        room_wait(room, draft);
    } else {
        append(hub, draft);
    }
    client->retry_count += known_only;
    client_submit(hub, client);
    return 0;
}

/* The draft is answered. After it the client may be gone. */
static void settle(struct hub *hub, struct client *client, const struct draft *draft) {
    client->retry_count -= draft->known_only;
    client_settle(hub, client);
}

static int find_place(struct hub *hub, struct client *client, const struct request *request,
                      struct place *place) {
    if (request->to.length == 0) {
        return place_find(hub, client, request->room, place);
    }
    return find_addressee(hub, client, request->to, place);
}

static int publish(struct hub *hub, struct client *client, const struct request *request,
                   const struct identity *identity, const struct place *place) {
    struct entry_body body = {
        .kind = request->entry,
        .identity = *identity,
        .cid = request->cid,
        .content = request->content,
        .key = request->key,
        .meta = request->meta,
        .removal = request->removal,
        .re = request->re,
        .of = request->of,
    };
    int error = find_sender(hub, client, request, identity, &body.sender);

    if (error < 0) {
        return error;
    }
    unsigned retry_ms = limit_message(hub, client, identity);
    /* Too much, unless an answer was lost and is asked for again; then the store knows the cid. */
    bool known_only =
        retry_ms > 0 && request->cid.length > 0 && client->retry_count < LIMIT_RETRIES;

    if (retry_ms > 0 && !known_only) {
        answer_rate_limited(hub, client, request->cid, retry_ms);
        return 0;
    }
    if (!known_only && place->room != NULL && place->room->direct != NULL) {
        place->room->direct->doubtful = false;
        direct_attach(hub, place->room);
    }
    return submit(hub, client, place, &body, known_only);
}

void handle_publish(struct hub *hub, struct client *client, const struct request *request) {
    const struct identity *identity =
        client->session != NULL ? &client->session->identity : &request->session_identity;
    struct place place = {0};
    int error = check_body(hub, request);

    if (error == 0) {
        error = find_place(hub, client, request, &place);
        if (error < 0 && request->to.length > 0) {
            refuse_addressee(hub, client, request, error);
            return;
        }
    }
    if (error == 0) {
        error = publish(hub, client, request, identity, &place);
    }
    if (error < 0) {
        answer_error(hub, client, request->cid, error, SLICE_NONE);
    }
}

void publish_appended(struct hub *hub, const struct event *event) {
    const struct draft *draft = event->appended.draft;
    const struct outcome *outcome = &event->appended.outcome;
    struct client *client = id_map_find(hub->clients, draft->origin.session);

    if (client == NULL) {
        return;
    }
    if (outcome->error == ERR_RATE_LIMITED) {
        unsigned wait_ms = limit_wait(hub, client, &draft->body.identity);

        answer_rate_limited(hub, client, draft->body.cid, wait_ms > 0 ? wait_ms : 1);
    } else if (outcome->error < 0) {
        answer_error(hub, client, draft->body.cid, outcome->error, SLICE_NONE);
    } else if (draft->body.cid.length > 0 || client->traits.transient) {
        struct slice room = hub_keep(hub, draft->room_name);
        struct reply *reply = answer(hub, client, REPLY_ACK, draft->body.cid);

        reply->room = room;
        reply->outcome = *outcome;
    }
    settle(hub, client, draft);
}

void publish_waiting(struct hub *hub, struct room *room, int error) {
    if (error == 0 && room_is_missing(hub, room)) {
        error = ERR_NOT_FOUND;
    }
    while (room->waiting != NULL) {
        struct draft *draft = room->waiting;

        struct client *client = id_map_find(hub->clients, draft->origin.session);

        assert(client != NULL);
        room->waiting = draft->next;
        draft->next = NULL;
        if (error == 0) {
            append(hub, draft);
            deferral_overtake(client);
            continue;
        }
        answer_error(hub, client, draft->body.cid, error, SLICE_NONE);
        settle(hub, client, draft);
        draft_free(draft);
    }
}
