/* What is published and what comes back. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load.h"
#include "bench/unpack.h"
#include "io/link.h"

static void append_message(struct load *load, struct publisher *publisher, const struct tag *tag) {
    struct connection *connection = publisher->connection;

    if (connection->stage != STAGE_JOINED)
        return;
    tag_write(tag, load->content);
    connection->dialect->publish(&connection->speaker, slice_from(load->content, load->plan->size),
                                 slice_from(load->content, TAG_LENGTH), &connection->output);
}

static uint16_t number_of(const struct load *load, const struct publisher *publisher) {
    return (uint16_t)(publisher - load->publishers);
}

void traffic_publish(struct load *load, struct publisher *publisher, uint64_t due_ns) {
    struct tag tag = {load->crew->run, number_of(load, publisher), publisher->sent, due_ns};
    append_message(load, publisher, &tag);
    publisher->sent++;
    load->sent++;
}

void traffic_probe(struct load *load, struct publisher *publisher) {
    struct tag tag = {load->crew->run, number_of(load, publisher), TAG_PROBE, load->now_ns};
    append_message(load, publisher, &tag);
    traffic_flush(load, publisher->connection);
}

void traffic_refill(struct load *load, struct publisher *publisher) {
    while (publisher->sent - publisher->back < load->plan->window && publisher->sent < load->quota)
        traffic_publish(load, publisher, load->now_ns);
}

void traffic_close(struct load *load, struct connection *connection) {
    if (connection->stage == STAGE_JOINED)
        load->closed++;
    else
        load->under_way--;
    connection->stage = STAGE_CLOSED;
    connection->watches_output = false;
    if (connection->link != NULL)
        link_free(connection->link);
    else
        close(connection->descriptor);
    connection->link = NULL;
    connection->descriptor = -1;
    buffer_close(&connection->held);
    buffer_close(&connection->output);
}

/* The server has hung up. Whoever is not in a room yet cannot be done without, unless it has been
 * there before. */
static void lose(struct load *load, struct connection *connection, struct slice why) {
    if (connection->stage != STAGE_JOINED && !load->returning)
        load_fail(load, ERR_IO, "the server hung up%s%.*s", why.length > 0 ? ": " : "",
                  SLICE_ARGS(why));
    traffic_close(load, connection);
}

static void watch_output(struct load *load, struct connection *connection, bool wanted) {
    if (connection->watches_output == wanted)
        return;
    connection->watches_output = wanted;
    struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0),
                                .data.ptr = connection};
    epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->descriptor, &event);
}

static void flush_link(struct load *load, struct connection *connection) {
    link_send(connection->link, buffer_slice(&connection->output));
    buffer_clear(&connection->output);
    link_flush(connection->link);
    watch_output(load, connection, link_wants_output(connection->link));
}

void traffic_flush(struct load *load, struct connection *connection) {
    if (connection->link != NULL) {
        flush_link(load, connection);
        return;
    }
    while (connection->stage != STAGE_CLOSED && buffer_length(&connection->output) > 0) {
        struct slice output = buffer_slice(&connection->output);
        ssize_t sent = send(connection->descriptor, output.data, output.length, MSG_NOSIGNAL);
        if (sent >= 0) {
            buffer_consume(&connection->output, (size_t)sent);
        } else if (errno == EAGAIN) {
            watch_output(load, connection, true);
            return;
        } else if (errno != EINTR) {
            lose(load, connection, slice_of_string(strerror(errno)));
        }
    }
    if (connection->stage != STAGE_CLOSED)
        watch_output(load, connection, false);
}

static void take_tag(struct load *load, struct connection *connection, const struct tag *tag) {
    struct sequence_faults *faults = &load->result->faults;
    uint64_t duplicated = faults->duplicated;

    if (tag->counter == TAG_PROBE) {
        load->heard += !connection->heard;
        connection->heard = true;
        return;
    }
    if (tag->publisher >= load->plan->publishers)
        return;
    sequence_take(&connection->sequences[tag->publisher / load->plan->rooms % load->slots],
                  tag->counter, faults);
    load->taken += faults->duplicated == duplicated;
    load->result->deliveries += load->counting;
    if (tag->time_ns >= load->start_ns && tag->time_ns < load->end_ns)
        histogram_add(&load->result->latency_ns,
                      load->now_ns > tag->time_ns ? load->now_ns - tag->time_ns : 0);
    if (connection->publisher == &load->publishers[tag->publisher])
        connection->publisher->back++;
}

static void enter(struct load *load, struct connection *connection) {
    connection->stage = STAGE_JOINED;
    load->joined++;
    load->under_way--;
    if (connection->speaker.returns)
        histogram_add(&load->result->return_ns, load->now_ns - load->start_ns);
    if (connection->stalled)
        epoll_ctl(load->epoll, EPOLL_CTL_DEL, connection->descriptor, NULL);
}

static void greet(struct load *load, struct connection *connection, struct slice message) {
    struct slice why = SLICE_NONE;
    int result =
        connection->dialect->greet(&connection->speaker, message, &connection->output, &why);

    if (result < 0 && load->returning)
        traffic_close(load, connection);
    else if (result < 0)
        load_fail(load, ERR_IO, "the server answered: %.*s", SLICE_ARGS(why));
    else if (result > 0)
        enter(load, connection);
}

static void take_tags(struct load *load, struct connection *connection, struct slice message) {
    bool bundled = connection->dialect->bundles || load->returning;
    struct tag tag;

    while (tag_find(&message, load->crew->run, &tag)) {
        take_tag(load, connection, &tag);
        if (!bundled)
            return;
    }
}

static void take_message(struct load *load, struct connection *connection, struct slice message) {
    if (connection->dialect->complains != NULL && connection->dialect->complains(message)) {
        load_fail(load, ERR_IO, "the server answered: %.*s", SLICE_ARGS(message));
        return;
    }
    if (connection->stage == STAGE_JOINED || connection->speaker.returns)
        take_tags(load, connection, message);
    if (connection->stage == STAGE_GREETING)
        greet(load, connection, message);
}

static void take(struct load *load, struct connection *connection,
                 const struct incoming *incoming) {
    struct slice message = incoming->payload;

    if (incoming->packed &&
        unpacker_open(load->unpacker, incoming->payload, LOAD_MESSAGE_MAX, &message) < 0) {
        load_fail(load, ERR_IO, "the server sends what cannot be unpacked");
        return;
    }
    switch (incoming->kind) {
    case INCOMING_MESSAGE:
        take_message(load, connection, message);
        break;
    case INCOMING_PING:
        connection->dialect->pong(message, &connection->output);
        break;
    case INCOMING_CLOSE:
        lose(load, connection, message);
        break;
    }
}

static void take_all(struct load *load, struct connection *connection, struct slice input) {
    struct incoming incoming = {0};
    int result = 1;

    while (connection->stage != STAGE_CLOSED && !load->failed && result > 0) {
        result = connection->dialect->cut(&connection->speaker, &input, &incoming);
        if (result > 0)
            take(load, connection, &incoming);
    }
    if (result < 0 || input.length > LOAD_MESSAGE_MAX)
        load_fail(load, ERR_IO, "the server sends what is no message of this protocol");
    else if (connection->stage != STAGE_CLOSED)
        buffer_append_slice(&connection->held, input);
}

static void take_read(struct load *load, struct connection *connection, struct slice input) {
    load->now_ns = load_clock();
    buffer_clear(&connection->held);
    take_all(load, connection, input);
    if (connection->publisher != NULL && load->refilling)
        traffic_refill(load, connection->publisher);
    if (buffer_length(&connection->output) > 0)
        traffic_flush(load, connection);
}

static void receive_link(struct load *load, struct connection *connection) {
    buffer_clear(&load->plain);
    buffer_append_slice(&load->plain, buffer_slice(&connection->held));
    if (link_receive(connection->link, &load->plain) == LINK_ENDED) {
        lose(load, connection, slice_of_string(link_fault(connection->link)));
        return;
    }
    take_read(load, connection, buffer_slice(&load->plain));
    if (connection->link != NULL)
        watch_output(load, connection, link_wants_output(connection->link));
}

/* One read serves all that has arrived; what is left of it (less than a message) is put in front of
 * the next. */
void traffic_receive(struct load *load, struct connection *connection) {
    struct slice held = buffer_slice(&connection->held);

    if (connection->link != NULL) {
        receive_link(load, connection);
        return;
    }
    if (held.length > 0)
        memcpy(load->input, held.data, held.length);
    ssize_t got = recv(connection->descriptor, load->input + held.length, LOAD_READ_SIZE, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        lose(load, connection, got < 0 ? slice_of_string(strerror(errno)) : SLICE_NONE);
        return;
    }
    take_read(load, connection, slice_from(load->input, held.length + (size_t)got));
}
