/* The least that telling N readers can cost on this machine: one thread, one send() for each of N
 * loopback connections, and nothing else. What a server takes beyond this is its own.
 *
 *     bare_send READERS MESSAGES BYTES SECONDS
 *
 * Each send carries MESSAGES messages of BYTES bytes. Readers live in a process of their own; when
 * all of them have a round, its last reader answers with a byte and the next round goes out, as in
 * a closed loop of `banter bench`. Prints microseconds of CPU time for each message and reader, and
 * messages received a second, as one JSON object. */
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READERS_MAX 15000
#define ROUND_MAX (1024 * 1024) /* bytes of one send: what a fresh socket takes at once */
#define WARMUP_ROUNDS 20
#define EVENTS_MAX 1024

struct setup {
    size_t readers, round; /* `round`: bytes of one send */
    int *sockets;
};

static void pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        warn("cannot stay on core %d", core);
}

static void set_no_delay(int descriptor) {
    int on = 1;
    if (setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        err(1, "setsockopt");
}

static int listen_anywhere(struct sockaddr_in *address) {
    socklen_t size = sizeof *address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (listener < 0 || bind(listener, (struct sockaddr *)address, size) != 0 ||
        listen(listener, 128) != 0 || getsockname(listener, (struct sockaddr *)address, &size) != 0)
        err(1, "cannot listen");
    return listener;
}

/* One after the other, and so they are accepted in the same order. */
static void connect_all(const struct setup *setup, const struct sockaddr_in *address,
                        int *readers) {
    for (size_t i = 0; i < setup->readers; i++) {
        readers[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (readers[i] < 0 ||
            connect(readers[i], (const struct sockaddr *)address, sizeof *address) != 0)
            err(1, "cannot connect reader %zu", i);
    }
}

static void accept_all(const struct setup *setup, int listener) {
    for (size_t i = 0; i < setup->readers; i++) {
        setup->sockets[i] = accept(listener, NULL, NULL);
        if (setup->sockets[i] < 0)
            err(1, "cannot accept reader %zu", i);
        set_no_delay(setup->sockets[i]);
    }
}

static int watch_all(const struct setup *setup, const int *readers) {
    int epoll = epoll_create1(0);

    for (size_t i = 0; i < setup->readers; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
        if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, readers[i], &event) != 0)
            err(1, "cannot watch reader %zu", i);
    }
    return epoll;
}

/* The process of the readers; ends with its parent. */
static void read_rounds(const struct setup *setup, const int *readers) {
    static char input[ROUND_MAX];
    struct epoll_event events[EVENTS_MAX];
    size_t wanted = setup->readers * setup->round;
    int last = readers[setup->readers - 1];
    int epoll = watch_all(setup, readers);

    for (size_t received = 0;;) {
        int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            ssize_t got = recv(readers[events[i].data.u64], input, sizeof input, 0);
            if (got <= 0)
                exit(0);
            received += (size_t)got;
        }
        if (received == wanted) {
            received = 0;
            if (send(last, "", 1, MSG_NOSIGNAL) != 1)
                exit(0);
        }
    }
}

static void send_round(const struct setup *setup, const char *bytes) {
    char answer;

    for (size_t i = 0; i < setup->readers; i++)
        if (send(setup->sockets[i], bytes, setup->round, MSG_NOSIGNAL) != (ssize_t)setup->round)
            err(1, "cannot send to reader %zu", i);
    if (recv(setup->sockets[setup->readers - 1], &answer, 1, 0) != 1)
        errx(1, "the readers are gone");
}

static double seconds_of_cpu(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void measure(const struct setup *setup, size_t messages, double seconds) {
    char *bytes = malloc(setup->round);
    size_t rounds = 0;

    if (bytes == NULL)
        err(1, "memory");
    memset(bytes, 'x', setup->round);
    for (size_t i = 0; i < WARMUP_ROUNDS; i++)
        send_round(setup, bytes);
    double start = seconds_now(), cpu = seconds_of_cpu();
    for (; seconds_now() - start < seconds; rounds++)
        send_round(setup, bytes);
    double took = seconds_now() - start;
    double deliveries = (double)rounds * (double)setup->readers * (double)messages;
    printf("{\"cpu_us_per_delivery\":%.4f,\"deliveries_per_second\":%.1f}\n",
           (seconds_of_cpu() - cpu) * 1e6 / deliveries, deliveries / took);
    free(bytes);
}

static size_t number(const char *text, size_t most) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text == 0 || *end != 0 || value == 0 || value > most)
        errx(2, "'%s' is not a number from 1 to %zu", text, most);
    return value;
}

int main(int count, char **arguments) {
    if (count != 5)
        errx(2, "usage: bare_send READERS MESSAGES BYTES SECONDS");
    size_t messages = number(arguments[2], 1000);
    struct setup setup = {.readers = number(arguments[1], READERS_MAX),
                          .round = messages * number(arguments[3], ROUND_MAX / messages)};
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    setup.sockets = calloc(setup.readers, sizeof *setup.sockets);
    if (setup.sockets == NULL)
        err(1, "memory");
    struct sockaddr_in address;
    int listener = listen_anywhere(&address);
    pid_t child = fork();
    if (child < 0)
        err(1, "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(listener);
        pin(1);
        connect_all(&setup, &address, setup.sockets);
        read_rounds(&setup, setup.sockets);
    }
    pin(0);
    accept_all(&setup, listener);
    close(listener);
    measure(&setup, messages, (double)number(arguments[4], 3600));
    for (size_t i = 0; i < setup.readers; i++)
        close(setup.sockets[i]);
    waitpid(child, NULL, 0);
    free(setup.sockets);
    return 0;
}
