/* What a run needs before its first connection, and how it goes away. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "bench/load.h"
#include "bench/unpack.h"
#include "io/dial.h"
#include "io/link.h"

#define SEQUENCES_MAX (512 * 1024 * 1024 / sizeof(struct sequence))
/* Descriptors beside the connections. */
#define DESCRIPTORS_SPARE 16
#define DIAL_TIMEOUT_MS 10000

/* What a message holds behind its tag. It matters where it is compressed: no run of one letter,
 * which would vanish, and no noise, which is not what people write. */
static const char filler[] =
    " The deploy of the search service is done; two of the shards in the north were slow to come "
    "back, so I have taken them out of the pool until somebody has had a look at their disks. ";

static void fill(char *content, size_t size) {
    for (size_t i = 0; i < size; i++)
        content[i] = filler[i % (sizeof filler - 1)];
}

/* Of `count` that are dealt out to the crew, beginning with the one numbered `first` of all. */
static size_t share(const struct load *load, uint64_t first, uint64_t count) {
    size_t mine = 0;
    for (uint64_t i = first; i < first + count; i++)
        mine += i % load->crew->size == load->member;
    return mine;
}

static void init_connection(struct load *load, struct connection *connection, size_t number) {
    const struct bench_plan *plan = load->plan;
    size_t local = (size_t)(connection - load->connections);
    size_t talking = (size_t)(plan->stalled + plan->subscribers);
    bool stalled = number < plan->stalled, publishes = number >= talking;
    size_t among = stalled ? number : publishes ? number - talking : number - (size_t)plan->stalled;

    *connection = (struct connection){
        .speaker = {.plan = plan,
                    .run = load->crew->run,
                    .number = (uint32_t)number,
                    .room = (uint32_t)(among % plan->rooms),
                    .joins = !publishes || !plan->acks_only},
        .dialect = dialect_of(plan->protocol, publishes),
        .descriptor = -1,
        .stalled = stalled,
        .publisher = publishes ? &load->publishers[among] : NULL,
        .sequences =
            stalled ? NULL : &load->sequences[(local - load->subscribers_start) * load->slots],
    };
    if (publishes)
        connection->publisher->connection = connection;
    else if (load->places != NULL && !stalled)
        connection->speaker.place = &load->places[local - load->subscribers_start];
}

static void init_connections(struct load *load) {
    const struct bench_plan *plan = load->plan;
    size_t total = (size_t)(plan->stalled + plan->subscribers + plan->publishers);
    struct connection *connection = load->connections;

    for (size_t number = load->member; number < total; number += load->crew->size)
        init_connection(load, connection++, number);
}

static void lift_descriptor_limit(struct load *load) {
    struct rlimit limit;
    size_t needed = load->count + DESCRIPTORS_SPARE;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
        return;
    if (limit.rlim_max < needed)
        limit.rlim_max = needed; /* the administrator may */
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        load_fail(load, ERR_TOO_MANY,
                  "%zu connections need more descriptors than ulimit -n allows; --processes shares "
                  "them",
                  load->count);
}

/* A name may stand for several addresses, of which not all need be listened on. */
static void find_server(struct load *load) {
    struct endpoint_address *address = &load->address;
    char message[256];
    int descriptor;
    int error =
        io_dial(load->plan->host_port, DIAL_TIMEOUT_MS, &descriptor, message, sizeof message);

    if (error < 0) {
        load_fail(load, error, "%s", message);
        return;
    }
    address->length = sizeof address->storage;
    if (getpeername(descriptor, (struct sockaddr *)&address->storage, &address->length) != 0)
        load_fail(load, ERR_IO, "%s: %s", load->plan->host_port, strerror(errno));
    close(descriptor);
}

static void allocate(struct load *load) {
    const struct bench_plan *plan = load->plan;
    size_t readers = load->count - load->subscribers_start;

    load->publishers = memory_new((size_t)plan->publishers * sizeof *load->publishers);
    load->connections = memory_new(load->count * sizeof *load->connections);
    load->sequences = memory_new(readers * load->slots * sizeof *load->sequences);
    if (plan->missed > 0)
        load->places = memory_new(readers * sizeof *load->places);
    if (plan->deflate)
        load->unpacker = unpacker_new();
    load->content = memory_new((size_t)plan->size);
    fill(load->content, (size_t)plan->size);
    load->input = memory_new(LOAD_MESSAGE_MAX + LOAD_READ_SIZE);
    init_connections(load);
}

void load_init(struct load *load) {
    const struct bench_plan *plan = load->plan;
    size_t publishers_each = (size_t)((plan->publishers + plan->rooms - 1) / plan->rooms);

    load->quota = UINT32_MAX;
    load->subscribers_start = share(load, 0, plan->stalled);
    load->publishers_start =
        load->subscribers_start + share(load, plan->stalled, plan->subscribers);
    load->count =
        load->publishers_start + share(load, plan->stalled + plan->subscribers, plan->publishers);
    load->slots = plan->acks_only || publishers_each == 0 ? 1 : publishers_each;
    find_server(load);
    if (load->slots > SEQUENCES_MAX / load->count)
        load_fail(load, ERR_TOO_MANY,
                  "%zu publishers for each of %zu readers are too many to count", load->slots,
                  load->count);
    if (!load->failed)
        lift_descriptor_limit(load);
    if (load->failed)
        return;
    allocate(load);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load->epoll < 0)
        load_fail(load, ERR_IO, "cannot watch connections: %s", strerror(errno));
}

void load_deinit(struct load *load) {
    for (size_t i = 0; load->connections != NULL && i < load->count; i++) {
        struct connection *connection = &load->connections[i];
        if (connection->link != NULL)
            link_free(connection->link);
        else if (connection->descriptor >= 0)
            close(connection->descriptor);
        buffer_close(&connection->held);
        buffer_close(&connection->output);
    }
    if (load->epoll >= 0)
        close(load->epoll);
    memory_free(load->publishers);
    memory_free(load->connections);
    memory_free(load->sequences);
    memory_free(load->places);
    unpacker_free(load->unpacker);
    buffer_close(&load->plain);
    memory_free(load->content);
    memory_free(load->input);
}
