/* What the files of net share among themselves. */
#pragma once

#include <uv.h>

#include "base/cidr.h"
#include "base/list.h"
#include "base/pool.h"
#include "delivery/delivery.h"
#include "io/deadline.h"
#include "io/tls.h"
#include "net/admission.h"
#include "net/net.h"

/* Bytes taken from a socket at once. One buffer serves all connections, so that none keeps one. */
#define NET_INPUT_SIZE (64 * 1024)
/* How often one connection is read in one turn, so that a busy one does not hold up the others. */
#define NET_READS_PER_TURN 4
/* Connections one listener accepts in one turn. */
#define NET_ACCEPTS_PER_TURN 16
/* Connections closed in one turn: each of them may leave a thousand rooms. */
#define NET_CLOSES_PER_TURN 16
/* How long to wait for the other side to close after everything was sent to it. */
#define NET_LINGER_MS 3000
/* The same when the server stops and said goodbye to everybody. */
#define NET_LINGER_STOPPING_MS 1000
#define NET_TICK_MS 100
/* Between two lines in the log about the same trouble with strangers. */
#define NET_COMPLAINT_INTERVAL_MS 10000

/* Trouble that strangers can make at will. */
enum complaint {
    COMPLAINT_REFUSED,      /* a limit is reached */
    COMPLAINT_ADDRESS,      /* a limit of one address */
    COMPLAINT_PLAIN_TO_TLS, /* no TLS where TLS is spoken */
    COMPLAINT_TLS_TO_PLAIN,
    COMPLAINT_PROXY, /* no header of a proxy, or not from one */
    COMPLAINT_COUNT
};

struct listener {
    uv_poll_t poll;
    struct net *net;
    struct list_node node;
    struct socket_listener socket;
    struct net_service service;
};

enum connection_state {
    CONNECTION_ENTERING, /* has no peer yet: see entrance.c */
    CONNECTION_OPEN,
    CONNECTION_ENDED,     /* the other side sends no more; it may still read */
    CONNECTION_FINISHING, /* everything was said; what comes in is thrown away until the other side
                           * closes */
    CONNECTION_GONE,      /* in net->gone */
};

struct connection;
struct entrance;
struct secure;

/* A place in one of the net's queues of deadlines; or, of a connection that is GONE, in net->gone.
 */
struct connection_wait {
    struct deadline deadline;
    struct connection *connection;
};

/* A descriptor; see connection.c. There are many, and most of them silent: what most do not need
 * most of the time stands elsewhere. */
struct connection {
    struct net *net;
    union {
        struct entrance *entrance; /* while ENTERING */
        struct peer *peer;         /* then; NULL: it has got none */
    };
    struct secure *secure; /* NULL: no TLS */
    struct admission_address *address;
    struct connection_wait *wait; /* NULL: in no queue */
    int descriptor;
    uint16_t watched; /* events that epoll reports now */
    uint8_t state;    /* enum connection_state */
    bool paused : 1;
    bool blocked : 1;      /* the socket did not take everything */
    bool disconnected : 1; /* while paused, the end was seen; it is read when input goes on */
    bool heard : 1;        /* something was read */
    bool http : 1;         /* as in struct net_service */
    bool reset : 1;
    bool broken : 1; /* a send has failed; it is about to leave */
};

/* What a thread that sends over TLS needs. */
struct send_space {
    char *record;             /* TLS_RECORD_MAX bytes */
    struct buffer ciphertext; /* what TLS has to send for a connection, during a call */
};

/* Connections that do not say yet what they are; see entrance.c and handshake.c. */
struct entrances {
    struct deadline_queue deadlines;    /* of all of them, where there is a timeout */
    struct list entering;               /* all of them */
    struct list replies;                /* those in a handshake of TLS that have answered */
    struct list addresses;              /* those of whose connections some wait to begin one */
    struct admission_address anonymous; /* stands in for what has no address */
    struct list handshakes;             /* those under way, the oldest first */
    size_t handshake_count;
    uint64_t share_ms; /* the millisecond in which handshakes went on last */
    uint64_t spent_ns; /* on them, in this millisecond */
};

struct net {
    uv_loop_t *loop;
    const struct log *log;
    struct delivery *delivery;
    struct outlet *outlet;
    int epoll; /* the set of the connections' descriptors, see watch.c */
    uv_poll_t ready;
    struct pool connection_pool;
    uv_async_t wake;
    uv_prepare_t turn_end;
    uv_idle_t awake; /* runs while there is more to do at once */
    uv_timer_t tick;
    uv_timer_t alarm;              /* for the first of the queues of deadlines */
    uint64_t alarm_ms;             /* when it is set for; 0: it is not */
    struct deadline_queue wakes;   /* connections whose outlet_writable is due at a time */
    struct deadline_queue lingers; /* connections that wait for the other side to close */
    struct list gone;              /* connections to close when the turn ends */
    struct list listeners;
    struct admission admission;
    struct entrances entrances;
    struct tls_context *tls;
    struct cidr *trusted_proxies;
    size_t trusted_proxy_count;
    unsigned handshake_timeout_ms;
    bool proxy_protocol;
    int64_t now_us; /* the wall clock at the begin of the turn; never goes back */
    int reserve;    /* a descriptor to give up when there are no more; -1: given up */
    uint64_t complaint_ms[COMPLAINT_COUNT]; /* when it was logged last; 0: never */
    unsigned linger_ms;
    bool in_turn;             /* the time was told to the outlet */
    bool accepting;           /* the listeners are watched */
    bool reads;               /* input is taken */
    char *input;              /* NET_INPUT_SIZE bytes */
    struct buffer plain;      /* what a connection says over TLS, during a read */
    struct workers *workers;  /* who share the sending; NULL: nobody */
    struct send_space *space; /* of this thread; behind it, those of the workers */
    unsigned space_count;
};

/* Before anything is handed to the outlet, in every callback of the loop: tells it the time, once
 * in a turn. */
void net_begin_turn(struct net *net);

/* Logs, unless the same trouble was logged a while ago: whoever makes it can do so at once again,
 * and must not fill the log by that. */
void net_complain(struct net *net, enum complaint complaint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether a proxy there is believed. */
bool net_trusts(const struct net *net, const struct address16 *address);

/* connection.c */

/* Takes the descriptor, which admission has let in. It is entering. */
struct connection *connection_new(struct net *net, int descriptor);

/* Makes its peer. */
void connection_begin(struct connection *connection, const struct net_service *service,
                      struct slice address);
/* Has epoll report what it waits for. */
void connection_watch(struct connection *connection);
/* Some of that has happened, or EPOLLERR. */
void connection_ready(struct connection *connection, uint32_t events);
/* Puts it into a queue; it must be in none. */
void connection_wait_until(struct connection *connection, struct deadline_queue *queue,
                           uint64_t due_ms);
struct net *connection_net(const struct connection *connection);
/* It is to be closed. May be repeated. */
void connection_leave(struct connection *connection);
/* Closes for writing and waits until the other side has closed too. */
void connection_linger(struct connection *connection);
/* The other side sends no more. */
void connection_end_input(struct connection *connection);

/* send.c: what is done on whatever thread touches nothing but the connection and its socket; what
 * it means for others is left to connection_settle. */

/* Sends, on whatever thread; bytes taken, 0 when the socket is full, -1 when it is broken. */
ssize_t connection_send_raw(int descriptor, const struct iovec *vectors, int count);
/* As struct transport has it. */
ssize_t connection_send(void *owner, const struct iovec *vectors, int count);
void connection_send_many(struct send_job *jobs, size_t count);
/* After something was sent: what is `blocked` is watched, and what is `broken` leaves. */
void connection_settle(struct connection *connection);
void send_spaces_open(struct net *net, unsigned count);
void send_spaces_close(struct net *net);

/* connection_end.c */

/* Closes connections that are gone, NET_CLOSES_PER_TURN at most, and tells the outlet. */
void connection_reap(struct net *net);

/* Closes the connection that has been entering for longest, at once; false: none is. */
bool connection_give_way(struct net *net);

/* What waits in the queues and is due. */
void connection_run_deadlines(struct net *net);

/* Resets every connection there is. */
void connection_reset_all(struct net *net);

/* secure.c */

/* Begins TLS as the server. */
void secure_open(struct connection *connection, bool http);
void secure_close(struct connection *connection);
/* Why TLS failed. */
const char *secure_fault(const struct connection *connection);

/* Deciphers what arrived into net->plain, which the caller clears, and sends what TLS answers. */
enum tls_state secure_decipher(struct connection *connection, struct slice bytes);
/* The same, and hands it to the peer. */
void secure_receive(struct connection *connection, struct slice bytes);
/* The socket was closed by the other side. */
void secure_end_of_file(struct connection *connection);
/* Whether everything that has come of the other side's words was understood. */
bool secure_is_whole(const struct connection *connection);

/* As connection_send_raw, on whatever thread; connection_settle comes after it. */
ssize_t secure_send(struct connection *connection, const struct iovec *vectors, int count,
                    struct send_space *space);
/* Sends what the socket did not take before; whether nothing is left of it. */
bool secure_flush(struct connection *connection);
/* Says that nothing more will be sent. */
void secure_end(struct connection *connection);

/* entrance.c */

/* A connection that must first send a proxy's header (`proxied`) or begin TLS, or both. `source`
 * is NULL for socket files. */
void entrance_open(struct connection *connection, const struct net_service *service, bool proxied,
                   const struct address16 *source);
/* The connection leaves, or has a peer now. */
void entrance_close(struct connection *connection);
/* The socket has something to read. */
void entrance_take(struct connection *connection);
/* What a connection waits for meanwhile. */
uint32_t entrance_events(const struct connection *connection);
/* TLS is spoken now. net->plain is what was said already. */
void entrance_pass(struct connection *connection, enum tls_state state);
/* Its first bytes were no TLS. */
void entrance_refuse_plain(struct connection *connection, struct slice bytes);
/* Forgets all of them. */
void entrance_leave_all(struct net *net);
/* Whose it is, for the log; `text` holds ENDPOINT_PEER_LENGTH + 1 bytes. */
void entrance_format_source(const struct entrance *entrance, char *text);

/* handshake.c */

/* The first bytes of TLS have arrived, or more of them: they are looked at when it is its turn. */
void handshake_wait(struct entrance *entrance);
void handshake_drop(struct entrance *entrance);
/* Goes on with those that wait, for a while. Whether to go on with them at once. */
bool handshake_turn(struct net *net);
/* When to go on with them at the latest; false when nobody waits. */
bool handshake_next(const struct net *net, uint64_t *due_ms);

/* watch.c */

void watch_open(struct net *net);
void watch_start(struct net *net);
void watch_stop(struct net *net);
void watch_close(struct net *net);
/* Has connection_ready called for these events (of epoll; 0: none). False: it cannot be watched. */
bool watch_set(struct connection *connection, uint32_t events);

/* listener.c */

/* Counts the connection for its address; false: it must not come in. */
bool listener_identify(struct net *net, const struct address16 *source,
                       struct admission_address **address);
void listener_start(struct listener *listener);
void listener_stop(struct listener *listener);
void listener_close(struct listener *listener);
