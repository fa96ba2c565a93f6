/* HTTP: publishes and reads. What was not answered is sent again under the same key. */
#include <jansson.h>
#include <string.h>

#include "base/timestamp.h"
#include "sim/client.h"
#include "sim/client_json.h"
#include "sim/world.h"
#include "wire/http.h"

#define WAITING_MOST 3

struct exchange {
    struct exchange *next;
    struct utterance *utterance; /* NULL: only reads */
    bool listing;
    unsigned limit;
};

struct http_client {
    struct http_reader *reader;
    struct exchange *waiting; /* oldest first */
    unsigned waiting_count;
    struct utterance *unsure; /* one at a time */
};

static void connected(struct client *client) {
    struct http_client *http = client->state;
    client->view = VIEW_FULL;
    http->reader = http_reader_new(HTTP_CLIENT, 64 * 1024 * 1024);
}

static struct exchange *waits(struct http_client *http) {
    struct exchange *exchange = memory_new_struct(struct exchange);
    struct exchange **end = &http->waiting;
    while (*end) {
        end = &(*end)->next;
    }
    *end = exchange;
    http->waiting_count++;
    return exchange;
}

static struct exchange *take(struct http_client *http) {
    struct exchange *exchange = http->waiting;
    http->waiting = exchange->next;
    http->waiting_count--;
    return exchange;
}

static void publish(struct client *client, struct utterance *utterance) {
    struct http_client *http = client->state;
    struct buffer request = {0};
    waits(http)->utterance = utterance;
    buffer_append_format(&request,
                         "POST /r/%s HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: c%u\r\n",
                         utterance->room, utterance->tag);
    if (utterance->label) {
        buffer_append_format(&request, "Sender: %s\r\n", utterance->label);
    }
    buffer_append_format(&request, "Content-Length: %zu\r\n\r\n%s", strlen(utterance->content),
                         utterance->content);
    client_sends(client, utterance);
    client_send(client, buffer_slice(&request));
    buffer_close(&request);
}

static void publish_new(struct client *client) {
    struct world *world = client->world;
    struct utterance *utterance = client_say(client, ENTRY_MESSAGE, MANNER_ANY);
    const char *label = speech_label(world);
    utterance->has_cid = true;
    utterance->room =
        memory_copy_string(slice_of_string(room_key((unsigned)draw(world, ROOMS - 1))));
    if (label) {
        utterance->label = memory_copy_string(slice_of_string(label));
    }
    publish(client, utterance);
}

static void list(struct client *client) {
    struct http_client *http = client->state;
    struct exchange *exchange = waits(http);
    struct buffer request = {0};
    exchange->listing = true;
    exchange->limit = 1 + (unsigned)draw(client->world, 120);
    const char *room = room_key((unsigned)draw(client->world, ROOMS - 1));
    unsigned after = (unsigned)draw(client->world, 60);
    buffer_append_format(&request,
                         "GET /r/%s?limit=%u&after=%u HTTP/1.1\r\nHost: localhost\r\n\r\n", room,
                         exchange->limit, after);
    client_send(client, buffer_slice(&request));
    buffer_close(&request);
}

static void ask_odd(struct client *client) {
    static const char *const requests[] = {
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /r/lobby HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n",
        "DELETE /r/lobby HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /r/@ann,bob HTTP/1.1\r\nHost: localhost\r\n\r\n",
    };
    waits(client->state);
    client_send(client, slice_of_string(
                            requests[draw(client->world, sizeof requests / sizeof requests[0])]));
}

static void hear_stored(struct client *client, const struct utterance *utterance,
                        const json_t *body) {
    const struct record *record = client_shown(client, utterance);
    char time[TIMESTAMP_LENGTH + 1];
    if (!record) {
        return;
    }
    timestamp_format(record->timestamp_us, time);
    bool right = (uint64_t)json_integer_value(json_object_get(body, "seq")) == utterance->seq &&
                 strcmp(json_string_value(json_object_get(body, "id")), record->id) == 0 &&
                 strcmp(json_string_value(json_object_get(body, "timestamp")), time) == 0;
    if (!right || record->order >= client->order) {
        client_fail(client, "#%u is acknowledged as what it is not", utterance->tag);
    }
}

static void hear_listing(struct client *client, const struct exchange *exchange,
                         const json_t *body) {
    uint64_t previous = 0;
    size_t index;
    json_t *item;
    json_array_foreach(json_object_get(body, "items"), index, item) {
        const struct utterance *utterance = json_check_entry(client, item);
        if (!utterance) {
            return;
        }
        if ((previous > 0 && utterance->seq != previous + 1) || index >= exchange->limit) {
            client_fail(client, "finds %llu after %llu in a listing",
                        (unsigned long long)utterance->seq, (unsigned long long)previous);
        }
        previous = utterance->seq;
    }
}

static void hear_answer(struct client *client, const struct exchange *exchange,
                        const struct http_message *answer) {
    struct http_client *http = client->state;
    struct utterance *utterance = exchange->utterance;
    json_t *body = json_loadb(answer->body.data, answer->body.length, 0, NULL);
    client_note(client, "is answered %u", answer->status);
    if (utterance && answer->status == 200) {
        hear_stored(client, utterance, body);
    } else if (utterance && answer->status == 503) {
        http->unsure = utterance;
    } else if (utterance) {
        utterance->refused = true;
    } else if (exchange->listing && answer->status == 200) {
        hear_listing(client, exchange, body);
    }
    world_check(client->world, answer->status != 500 && answer->status != 422,
                "an HTTP request is answered %u", answer->status);
    json_decref(body);
}

static void receive(struct client *client, struct slice bytes) {
    struct http_client *http = client->state;
    while (bytes.length > 0 && !client->world->broken) {
        int status = http_reader_feed(http->reader, &bytes);
        if (status < 0) {
            client_fail(client, "the answer is not HTTP");
            return;
        }
        if (status == 0) {
            return;
        }
        if (!http->waiting) {
            client_fail(client, "gets an answer to nothing");
            return;
        }
        struct exchange *exchange = take(http);
        hear_answer(client, exchange, http_reader_message(http->reader));
        memory_free(exchange);
        http_reader_next(http->reader);
    }
}

static void lost(struct client *client) {
    struct http_client *http = client->state;
    while (http->waiting) {
        struct exchange *exchange = take(http);
        if (exchange->utterance) {
            http->unsure = exchange->utterance;
        }
        memory_free(exchange);
    }
    http_reader_free(http->reader);
    http->reader = NULL;
}

static void act(struct client *client) {
    struct http_client *http = client->state;
    struct world *world = client->world;
    if (http->waiting_count >= WAITING_MOST) {
        return;
    }
    if (http->unsure) {
        struct utterance *utterance = http->unsure;
        http->unsure = NULL;
        publish(client, utterance);
    } else if (world->calm) {
        return;
    } else if (chance(world, 70)) {
        publish_new(client);
    } else if (chance(world, 70)) {
        list(client);
    } else {
        ask_odd(client);
    }
}

static void settled(struct client *client) {
    const struct http_client *http = client->state;
    if (http->waiting || http->unsure) {
        client_fail(client, "never got an answer");
    }
}

static void close_state(struct client *client) {
    struct http_client *http = client->state;
    while (http->waiting) {
        memory_free(take(http));
    }
    http_reader_free(http->reader);
}

const struct client_kind client_http = {
    .name = "http",
    .scheme = "ws",
    .state_size = sizeof(struct http_client),
    .connected = connected,
    .receive = receive,
    .lost = lost,
    .act = act,
    .settled = settled,
    .close = close_state,
};
