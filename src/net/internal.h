/* What the files of net share among themselves. */
#pragma once

#include <uv.h>

#include "base/list.h"
#include "delivery/delivery.h"
#include "io/deadline.h"
#include "net/admission.h"
#include "net/net.h"

/* Bytes taken from a socket at once. One buffer serves all connections, so that none keeps one. */
#define NET_INPUT_SIZE (64 * 1024)
/* How often one connection is read in one turn, so that a busy one does not hold up the others. */
#define NET_READS_PER_TURN 4
/* Connections one listener accepts in one turn. */
#define NET_ACCEPTS_PER_TURN 64
/* Connections closed in one turn: each of them may leave a thousand rooms. */
#define NET_CLOSES_PER_TURN 16
/* How long to wait for the other side to close after everything was sent to it. */
#define NET_LINGER_MS 3000
/* The same when the server stops and said goodbye to everybody. */
#define NET_LINGER_STOPPING_MS 1000
#define NET_TICK_MS 100
/* Between two lines in the log about connections that were refused. */
#define NET_REFUSAL_INTERVAL_MS 10000

struct listener {
    uv_poll_t poll;
    struct net *net;
    struct list_node node;
    struct socket_listener socket;
    const struct protocol *protocol;
};

struct net {
    uv_loop_t *loop;
    const struct log *log;
    struct delivery *delivery;
    struct outlet *outlet;
    uv_async_t wake;
    uv_prepare_t turn_end;
    uv_idle_t awake; /* runs while there is more to do at once */
    uv_timer_t tick;
    uv_timer_t alarm;              /* for the first of the two queues below */
    uint64_t alarm_ms;             /* when it is set for; 0: it is not */
    struct deadline_queue wakes;   /* connections whose outlet_writable is due at a time */
    struct deadline_queue lingers; /* connections that wait for the other side to close */
    struct list gone;              /* connections to close when the turn ends */
    struct list listeners;
    struct admission admission;
    int64_t now_us;      /* the wall clock at the begin of the turn; never goes back */
    int reserve;         /* a descriptor to give up when there are no more; -1: given up */
    uint64_t refusal_ms; /* when it was logged last that somebody was refused; 0: never */
    unsigned linger_ms;
    bool in_turn;   /* the time was told to the outlet */
    bool accepting; /* the listeners are watched */
    bool reads;     /* input is taken */
    char *input;    /* NET_INPUT_SIZE bytes */
};

/* Before anything is handed to the outlet, in every callback of the loop: tells it the time, once
 * in a turn. */
void net_begin_turn(struct net *net);

/* connection.c */

/* Takes the descriptor, and the address's count. */
void connection_open(struct net *net, int descriptor, const struct protocol *protocol,
                     const struct endpoint_address *peer, struct admission_address *address);

/* Closes connections that are gone, NET_CLOSES_PER_TURN at most, and tells the outlet. */
void connection_reap(struct net *net);

/* What waits in the two queues and is due. */
void connection_run_deadlines(struct net *net);

/* Resets every connection there is. */
void connection_reset_all(struct net *net);

/* listener.c */

void listener_start(struct listener *listener);
void listener_stop(struct listener *listener);
void listener_close(struct listener *listener);
