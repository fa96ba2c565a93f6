/* Publishing: what a client wants in a room's log is checked as far as the hub can know, signed,
 * and sent to the store. Whether the cid is new, and whether what an edit refers to exists and
 * is its author's, the store decides.
 *
 * Who signs how: a session that holds a name signs with it, whatever it says. Others sign with a
 * label of their choice, unless it would pass for somebody else or for the server. */
#include <assert.h>

#include "hub/access.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/deferral.h"
#include "hub/direct.h"
#include "hub/elsewhere.h"
#include "hub/limits.h"
#include "hub/moderation.h"
#include "hub/requests.h"
#include "hub/room.h"
#include "hub/rules.h"
#include "hub/session.h"

static int check_body(const struct hub *hub, const struct request *request) {
    if (request->content.length > hub->options.max_message) {
        return ERR_TOO_LARGE;
    }
    if (request->meta.length > LIMIT_META || request->key.length > LIMIT_NAME) {
        return ERR_BAD_REQUEST;
    }
    if (entry_refers(request->entry) && request->of == 0) {
        return ERR_BAD_REQUEST;
    }
    return request->entry == ENTRY_REACTION && request->key.length == 0 ? ERR_BAD_REQUEST : 0;
}

/* What a hook has to say must arrive, even if somebody goes by its label by now; but not in their
 * name, so there is more behind it than a name can hold. */
static int sign_hook(struct hub *hub, const struct client *client, struct slice label,
                     const struct identity *identity, struct slice *sender) {
    struct slice wanted = label.length > 0 ? label : client_label(client);

    buffer_clear(&hub->text);
    if (text_append_label(&hub->text, wanted) < 0) {
        return ERR_BAD_REQUEST;
    }
    int error = name_check_label(hub, buffer_slice(&hub->text), identity);

    if (error == ERR_NAME_TAKEN) {
        buffer_append_string(&hub->text, " (hook)");
        error = name_check_label(hub, buffer_slice(&hub->text), identity);
    }
    *sender = buffer_slice(&hub->text);
    return error;
}

static int find_sender(struct hub *hub, const struct client *client, const struct request *request,
                       const struct identity *identity, struct slice *sender) {
    struct slice name = client_name(client);

    if (client_hook_room(client).length > 0) {
        return sign_hook(hub, client, request->sender, identity, sender);
    }
    if (name.length > 0) {
        *sender = name;
        return 0;
    }
    buffer_clear(&hub->text);
    if (request->sender.length == 0 && client_extras(client)->number != 0) {
        buffer_append_string(&hub->text, "Client ");
        buffer_append_u64(&hub->text, client_extras(client)->number);
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
    struct session *addressee = device_find_session(hub, to);

    if (addressee == NULL) {
        return ERR_NOT_FOUND;
    }
    struct room *room;
    int error = direct_open(hub, session, addressee, &room);

    if (error == 0) {
        *place = place_of(room);
    } else {
        session_settle(hub, addressee);
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
 * to it; where new rooms are counted, it must be known whether it does. Conversations are neither,
 * also those that the hub does not know of. */
static bool must_know(const struct hub *hub, const struct place *place) {
    bool matters = !hub->options.create_rooms || limit_counts_rooms(hub);

    return matters && !slice_starts_with(place->key, SLICE("@")) &&
           !slice_equal(place->key, SLICE("lobby"));
}

/* The room is known. 0, or after how many milliseconds its first entry may be written. */
static unsigned charge_room(struct hub *hub, struct client *client, struct room *room,
                            const struct identity *identity) {
    if (room->exists || room->is_charged || room->lobby || room->direct != NULL) {
        return 0;
    }
    unsigned retry_ms = limit_new_room(hub, client, identity);

    room->is_charged = retry_ms == 0;
    return retry_ms;
}

static int submit(struct hub *hub, struct client *client, const struct place *place,
                  const struct entry_body *body, bool known_only, bool moderates) {
    struct room *room = place->room;
    bool waits = false;

    if (must_know(hub, place)) {
        room = room_open(hub, place);
        waits = room->state != ROOM_FOLLOWED;
        if (room_is_missing(hub, room)) {
            return ERR_NOT_FOUND;
        }
        unsigned retry_ms = waits ? 0 : charge_room(hub, client, room, &body->identity);

        if (retry_ms > 0) {
            answer_rate_limited(hub, client, body->cid, retry_ms);
            return 0;
        }
    }
    struct draft *draft =
        draft_new(place->key, place->name, body, client_origin(client), hub->now_us);

    draft->known_only = known_only;
    draft->moderates = moderates;
    draft->rate = hub->options.shared ? limit_account_rate(hub, client) : 0;
    if (waits) {
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
    struct slice hook_room = client_hook_room(client);

    if (hook_room.length > 0) {
        return place_find(hub, client, hook_room, place);
    }
    if (request->to.length == 0) {
        return place_find(hub, client, request->room, place);
    }
    return find_addressee(hub, client, request->to, place);
}

/* `moderates`: may delete what is somebody else's. */
static int check_access(struct hub *hub, const struct client *client, const struct request *request,
                        const struct place *place, bool *moderates) {
    static const enum access_action actions[] = {
        [ENTRY_MESSAGE] = ACCESS_WRITE, [ENTRY_EDIT] = ACCESS_WRITE,
        [ENTRY_DELETE] = ACCESS_WRITE,  [ENTRY_REACTION] = ACCESS_REACT,
        [ENTRY_TOPIC] = ACCESS_TOPIC,
    };

    *moderates =
        request->entry == ENTRY_DELETE && access_check(hub, client, place, ACCESS_MODERATE) == 0;
    return *moderates ? 0 : access_check(hub, client, place, actions[request->entry]);
}

/* After how many milliseconds it may be written; 0: now, and it was counted. */
static unsigned take_turn(struct hub *hub, struct client *client, const struct request *request,
                          const struct identity *identity, const struct place *place) {
    bool slows = request->entry == ENTRY_MESSAGE;
    unsigned retry_ms = slows ? slow_wait(hub, client, place->key, identity) : 0;

    if (retry_ms > 0) {
        return retry_ms;
    }
    retry_ms = limit_message(hub, client, identity, place->key, request->content.length);
    if (retry_ms == 0 && slows) {
        slow_count(hub, client, place->key, identity);
    }
    return retry_ms;
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
    bool moderates;
    int error = check_access(hub, client, request, place, &moderates);

    if (error == 0) {
        error = find_sender(hub, client, request, identity, &body.sender);
    }
    if (error == 0 && client_name(client).length == 0) {
        error = access_check_label(hub, place, body.sender);
    }
    if (error < 0) {
        return error;
    }
    unsigned retry_ms = take_turn(hub, client, request, identity, place);
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
        direct_call(hub, place->room, session_find(hub, identity));
    }
    return submit(hub, client, place, &body, known_only, moderates);
}

void handle_publish(struct hub *hub, struct client *client, const struct request *request) {
    const struct identity *identity = client_identity(client, request);
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

static void count_outcome(struct hub *hub, const struct outcome *outcome) {
    if (outcome->error == 0 && outcome->duplicate) {
        hub->counters.repeated++;
    } else if (outcome->error == 0) {
        hub->counters.appended++;
    }
}

void publish_appended(struct hub *hub, const struct event *event) {
    const struct draft *draft = event->appended.draft;
    const struct outcome *outcome = &event->appended.outcome;
    struct client *client = id_map_find(hub->clients, draft->origin.session);

    if (outcome->error == 0) {
        direct_written(hub, draft, outcome->seq); /* whoever wrote it may be gone */
    }
    if (client == NULL) {
        return;
    }
    count_outcome(hub, outcome);
    if (outcome->error == ERR_RATE_LIMITED) {
        unsigned wait_ms = limit_message_wait(hub, client, draft);
        unsigned slow_ms = slow_wait(hub, client, draft->room_key, &draft->body.identity);

        wait_ms = slow_ms > wait_ms ? slow_ms : wait_ms;
        wait_ms = outcome->retry_ms > wait_ms ? outcome->retry_ms : wait_ms;

        answer_rate_limited(hub, client, draft->body.cid, wait_ms > 0 ? wait_ms : 1);
    } else if (outcome->error < 0) {
        answer_error(hub, client, draft->body.cid, outcome->error, SLICE_NONE);
    }
    if (outcome->error == 0 && (draft->body.cid.length > 0 || client->traits.transient)) {
        struct slice room = hub_keep(hub, draft->room_name);
        struct reply *reply = answer(hub, client, REPLY_ACK, draft->body.cid);

        reply->room = room;
        reply->outcome = *outcome;
        hub->counters.acknowledged++;
    }
    settle(hub, client, draft);
}

void publish_waiting(struct hub *hub, struct room *room, int error) {
    int missing = error == 0 && room_is_missing(hub, room) ? ERR_NOT_FOUND : error;

    while (room->waiting != NULL) {
        struct draft *draft = room->waiting;

        struct client *client = id_map_find(hub->clients, draft->origin.session);

        assert(client != NULL);
        room->waiting = draft->next;
        draft->next = NULL;
        int refused = slice_equal(draft->room_key, RULES_ROOM)
                          ? moderation_check_waiting(client, room, draft, error)
                          : missing;
        unsigned retry_ms =
            refused == 0 ? charge_room(hub, client, room, &draft->body.identity) : 0;

        if (refused == 0 && retry_ms == 0) {
            append(hub, draft);
            deferral_overtake(client);
            continue;
        }
        if (retry_ms > 0) {
            answer_rate_limited(hub, client, draft->body.cid, retry_ms);
        } else {
            answer_error(hub, client, draft->body.cid, refused, SLICE_NONE);
        }
        settle(hub, client, draft);
        draft_free(draft);
    }
}
