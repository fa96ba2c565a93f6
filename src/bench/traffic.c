/* What is published and what comes back. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load.h"
#include "io/link.h"

static void append_message(struct load *load, struct publisher *publisher, const struct tag *tag) {
    struct connection *connection = publisher->connection;

    if (connection->stage != STAGE_JOINED)
        return;
    tag_write(tag, load->content);
    load->dialect->publish(&connection->speaker, slice_from(load->content, load->plan->size),
                           slice_from(load->content, TAG_LENGTH), &connection->output);
}

static uint16_t number_of(const struct load *load, const struct publisher *publisher) {
    return (uint16_t)(publisher - load->publishers);
}

void traffic_publish(struct load *load, struct publisher *publisher, uint64_t due_ns) {
    struct tag tag = {load->run, number_of(load, publisher), publisher->sent, due_ns};
    append_message(load, publisher, &tag);
    publisher->sent++;
    load->sent++;
}

void traffic_probe(struct load *load, struct publisher *publisher) {
    struct tag tag = {load->run, number_of(load, publisher), TAG_PROBE, load->now_ns};
    append_message(load, publisher, &tag);
    traffic_flush(load, publisher->connection);
}

void traffic_refill(struct load *load, struct publisher *publisher) {
    while (publisher->sent - publisher->back < load->plan->window)
        traffic_publish(load, publisher, load->now_ns);
}

/* The server has hung up. Whoever is not in a room yet cannot be done without. */
static void close_connection(struct load *load, struct connection *connection, struct slice why) {
    if (connection->stage != STAGE_JOINED)
        load_fail(load, ERR_IO, "the server hung up%s%.*s", why.length > 0 ? ": " : "",
                  SLICE_ARGS(why));
    connection->stage = STAGE_CLOSED;
    load->closed++;
    if (connection->link != NULL)
        link_free(connection->link);
    else
        close(connection->descriptor);
    connection->link = NULL;
    connection->descriptor = -1;
    buffer_close(&connection->held);
    buffer_close(&connection->output);
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
            close_connection(load, connection, slice_of_string(strerror(errno)));
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
    if (load->counting) {
        load->result->deliveries++;
        histogram_add(&load->result->latency_ns,
                      load->now_ns > tag->time_ns ? load->now_ns - tag->time_ns : 0);
    }
    if (connection->publisher == &load->publishers[tag->publisher])
        connection->publisher->back++;
}

static void greet(struct load *load, struct connection *connection, struct slice message) {
    struct slice why = SLICE_NONE;
    int result = load->dialect->greet(&connection->speaker, message, &connection->output, &why);

    if (result < 0)
        load_fail(load, ERR_IO, "the server answered: %.*s", SLICE_ARGS(why));
    if (result <= 0)
        return;
    connection->stage = STAGE_JOINED;
    load->joined++;
    if (connection->stalled)
        epoll_ctl(load->epoll, EPOLL_CTL_DEL, connection->descriptor, NULL);
}

static void take(struct load *load, struct connection *connection,
                 const struct incoming *incoming) {
    struct tag tag;

    switch (incoming->kind) {
    case INCOMING_MESSAGE:
        if (connection->stage == STAGE_GREETING)
            greet(load, connection, incoming->payload);
        else if (tag_find(incoming->payload, load->run, &tag))
            take_tag(load, connection, &tag);
        break;
    case INCOMING_PING:
        load->dialect->pong(incoming->payload, &connection->output);
        break;
    case INCOMING_ERROR:
        load_fail(load, ERR_IO, "the server answered: %.*s", SLICE_ARGS(incoming->payload));
        break;
    case INCOMING_CLOSE:
        close_connection(load, connection, incoming->payload);
        break;
    }
}

static void take_all(struct load *load, struct connection *connection, struct slice input) {
    struct incoming incoming;
    int result = 1;

    while (connection->stage != STAGE_CLOSED && !load->failed && result > 0) {
        result = load->dialect->cut(&connection->speaker, &input, &incoming);
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
        close_connection(load, connection, slice_of_string(link_fault(connection->link)));
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
        close_connection(load, connection, got < 0 ? slice_of_string(strerror(errno)) : SLICE_NONE);
        return;
    }
    take_read(load, connection, slice_from(load->input, held.length + (size_t)got));
}
