#include "hub/ready.h"
#include "hub/client.h"
#include "hub/requests.h"

#define ANSWER_HOLDS_US INT64_C(1000000)
/* Longer than the slowest commit of a disk that works. What is under way is not given up. */
#define PATIENCE_US INT64_C(2000000)

struct ready_asker {
    struct ready_asker *next;
    uint64_t connection;
};

static void tell(struct hub *hub, const struct client *client) {
    const char *trouble = hub->ready->trouble;

    if (trouble == NULL) {
        answer(hub, client, REPLY_ACK, SLICE_NONE);
    } else {
        answer_error(hub, client, SLICE_NONE, ERR_UNAVAILABLE, slice_of_string(trouble));
    }
}

static void tell_all(struct hub *hub, const char *trouble) {
    struct ready *ready = hub->ready;

    ready->known_us = hub->now_us;
    ready->trouble = trouble;
    while (ready->askers != NULL) {
        struct ready_asker *asker = ready->askers;
        struct client *client = id_map_find(hub->clients, asker->connection);

        ready->askers = asker->next;
        memory_free(asker);
        tell(hub, client);
        client_settle(hub, client);
    }
}

static void finish(struct hub *hub, const char *trouble) {
    hub->ready->stage = READY_IDLE;
    tell_all(hub, trouble);
}

static void append(struct hub *hub) {
    struct entry_body body = {
        .kind = ENTRY_MESSAGE, .sender = SLICE("banter"), .content = SLICE("ready")};
    struct origin nobody = {0};

    hub->ready->stage = READY_APPENDING;
    effects_add(hub->effects, EFFECT_APPEND)->draft =
        draft_new(READY_ROOM, READY_ROOM, &body, nobody, hub->now_us);
}

static void begin(struct hub *hub) {
    hub->ready->begun_us = hub->now_us;
    if (hub->ready->followed) {
        append(hub);
        return;
    }
    struct effect *effect = effects_add(hub->effects, EFFECT_FOLLOW);

    effect->room_key = READY_ROOM;
    effect->room = READY_ROOM;
    hub->ready->stage = READY_FOLLOWING;
}

void handle_ready(struct hub *hub, struct client *client, const struct request *request) {
    struct ready *ready = hub->ready;

    (void)request;
    if (!hub_is_ready(hub)) {
        answer_error(hub, client, SLICE_NONE, ERR_UNAVAILABLE,
                     SLICE("the rules of rooms are not read yet"));
        return;
    }
    if (ready->known_us > 0 && hub->now_us - ready->known_us < ANSWER_HOLDS_US) {
        tell(hub, client);
        return;
    }
    struct ready_asker *asker = memory_new_struct(struct ready_asker);

    asker->connection = client->connection;
    asker->next = ready->askers;
    ready->askers = asker;
    client_submit(hub, client);
    if (ready->stage == READY_IDLE) {
        begin(hub);
    }
}

/* It also comes when the store had to read back what it has, after a commit that failed. */
void ready_followed(struct hub *hub, const struct event *event) {
    struct ready *ready = hub->ready;
    bool failed = event->followed.error < 0;

    if (!failed) {
        ready->shown = event->followed.head.last;
    }
    if (ready->stage == READY_FOLLOWING && !failed) {
        ready->followed = true;
        append(hub);
    } else if (ready->stage == READY_FOLLOWING) {
        finish(hub, "the store cannot be read");
    } else if (ready->stage == READY_COMMITTING && event->followed.head.last >= ready->seq) {
        finish(hub, NULL);
    } else if (ready->stage == READY_COMMITTING) {
        finish(hub, "an entry could not be stored");
    }
}

void ready_appended(struct hub *hub, const struct event *event) {
    struct ready *ready = hub->ready;
    const struct outcome *outcome = &event->appended.outcome;

    if (ready->stage != READY_APPENDING) {
        return;
    }
    if (outcome->error < 0) {
        finish(hub, "an entry could not be stored");
        return;
    }
    /* Where the log is elsewhere, and the way there was lost for a moment, it may have been shown
     * before its answer was found. */
    if (outcome->seq <= ready->shown) {
        finish(hub, NULL);
        return;
    }
    ready->seq = outcome->seq;
    ready->stage = READY_COMMITTING;
}

/* Shown to whoever reads the room, which is nobody; the answer goes out behind it. */
void ready_committed(struct hub *hub, const struct event *event) {
    struct ready *ready = hub->ready;

    for (size_t i = 0; i < event->committed.count; i++) {
        struct entry *entry = event->committed.entries[i];
        struct effect *effect = effects_add(hub->effects, EFFECT_SHOW_ENTRY);

        effect->room_key = READY_ROOM;
        effect->room = READY_ROOM;
        effect->show.entry = entry_ref(entry);
        ready->shown = entry->seq;
        if (ready->stage == READY_COMMITTING && entry->seq == ready->seq) {
            finish(hub, NULL);
        }
    }
}

void ready_tick(struct hub *hub) {
    struct ready *ready = hub->ready;

    if (ready->askers != NULL && hub->now_us - ready->begun_us >= PATIENCE_US) {
        tell_all(hub, "an entry takes longer than two seconds to be stored");
    }
}

void ready_open(struct hub *hub) {
    hub->ready = memory_new_struct(struct ready);
}

void ready_close(struct hub *hub) {
    while (hub->ready->askers != NULL) {
        struct ready_asker *asker = hub->ready->askers;

        hub->ready->askers = asker->next;
        memory_free(asker);
    }
    memory_free(hub->ready);
}
