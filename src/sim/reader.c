#include "sim/reader.h"

#include "sim/client.h"
#include "sim/world.h"

struct reading *reader_find(const struct client *client, const struct room_log *log) {
    struct reading *reading = client->readings;
    while (reading && reading->log != log) {
        reading = reading->next_reading;
    }
    return reading;
}

struct reading *reader_open(struct client *client, struct room_log *log) {
    struct reading *reading = reader_find(client, log);
    if (!reading) {
        reading = memory_new_struct(struct reading);
        reading->log = log;
        reading->life = log->life;
        reading->next = 1;
        reading->next_reading = client->readings;
        client->readings = reading;
    }
    if (reading->life != log->life) {
        reading->life = log->life;
        reading->next = 1;
        reading->since = 0;
    }
    return reading;
}

void reader_forget(struct client *client) {
    while (client->readings) {
        struct reading *reading = client->readings;
        client->readings = reading->next_reading;
        memory_free(reading);
    }
}

void reader_begin(struct reading *reading, uint64_t since) {
    reading->since = since;
    reading->staying = true;
}

void reader_begin_at(struct reading *reading, uint64_t next) {
    reading->next = next;
    reading->since = 0;
    reading->staying = true;
}

static bool visible(const struct client *client, const struct record *record) {
    const struct utterance *utterance = record->utterance;
    switch (client->view) {
    case VIEW_FULL:
        return true;
    case VIEW_PLAIN:
        return utterance->kind == ENTRY_MESSAGE;
    case VIEW_LINE:
        return utterance->kind != ENTRY_DELETE && utterance->kind != ENTRY_REACTION;
    case VIEW_TEXT:
    case VIEW_NUMBERED:
        return utterance->kind == ENTRY_MESSAGE && !utterance->to;
    case VIEW_COMMAND:
        return utterance->kind == ENTRY_MESSAGE && utterance->to &&
               utterance->author != client->index;
    }
    return false;
}

/* The last entry of next … before - 1 that the client should have been shown; 0: none. */
static uint64_t missed(const struct client *client, const struct reading *reading,
                       uint64_t before) {
    for (uint64_t seq = before; seq-- > reading->next;) {
        const struct record *record = ledger_record(reading->log, seq);
        if (reading->since > 0 && record->order < reading->since) {
            return 0;
        }
        /* What was erased before it came to this server, it never had. */
        bool may_lack = client->world->log && record->erased;
        if (visible(client, record) && !may_lack) {
            return seq;
        }
    }
    return 0;
}

/* Somebody comes to another server, or as somebody else, and does not say where they were in a
 * conversation: then it comes by itself, from what is marked as read or with what comes next. */
static bool begins_anew(const struct client *client, const struct reading *reading, uint64_t seq) {
    bool moved = reading->wire != client->wire;
    return client->world->log && reading->log->direct &&
           (seq < reading->next || (moved && seq > reading->next));
}

void reader_shown(struct client *client, struct reading *reading, uint64_t seq) {
    if (begins_anew(client, reading, seq)) {
        reader_begin_at(reading, seq);
    }
    reading->wire = client->wire;
    struct world *world = client->world;
    const struct room_log *log = reading->log;
    const struct record *record = ledger_record(log, seq);
    if (!record || record->order >= client->order) {
        client_fail(client, "%s %llu was shown before it was stored", log->name,
                    (unsigned long long)seq);
        return;
    }
    if (seq < reading->next) {
        client_fail(client, "%s %llu was shown again or too late, after %llu", log->name,
                    (unsigned long long)seq, (unsigned long long)reading->next - 1);
        return;
    }
    uint64_t lost = missed(client, reading, seq);
    if (lost > 0) {
        client_fail(client, "%s %llu was shown, but not %llu before it", log->name,
                    (unsigned long long)seq, (unsigned long long)lost);
    }
    trace_note(&world->trace, world->now_us, client->kind->name, client->index + 1,
               "is shown %s %llu", log->name, (unsigned long long)seq);
    reading->next = seq + 1;
    if (record->order >= reading->since) {
        reading->since = 0;
    }
}

void reader_complete(struct client *client, const struct reading *reading) {
    /* Conversations with somebody who has gone are not found on another server. */
    bool moved = client->world->log && reading->log->direct && reading->wire != client->wire;
    if (!reading->staying || reading->life != reading->log->life || moved) {
        return;
    }
    uint64_t lost = missed(client, reading, reading->log->last + 1);
    if (lost > 0) {
        client_fail(client, "%s %llu was never shown", reading->log->name,
                    (unsigned long long)lost);
    }
}

void reader_follow(struct client *client, const struct utterance *utterance) {
    struct reading *reading = reader_find(client, utterance->log);
    if (!reading) {
        reading = reader_open(client, utterance->log);
        reader_begin_at(reading, utterance->seq);
    }
    reader_shown(client, reading, utterance->seq);
}

void reader_settle_lobby(struct client *client) {
    struct room_log *log = ledger_log(&client->world->ledger, SLICE("lobby"), NULL);
    struct reading *reading = log ? reader_find(client, log) : NULL;
    if (reading) {
        reader_complete(client, reading);
    } else if (log) {
        reader_begin_at(reader_open(client, log), log->last + 1);
    }
}
