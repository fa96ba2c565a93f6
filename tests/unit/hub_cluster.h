/* Two hubs over one store, moved by hand: two worlds (hub_world.h), and between them what a shared
 * store does, at once and without loss. What one has stored the other is told; a name is held by
 * one identity; signals that one shares come to the other. */
#pragma once

#include "hub_world.h"

enum { ANN = 1, BOB = 2, EVE = 3 }; /* connections; each node has its own */

struct cluster;

/* Clients of node 0 have the connections 1 … 99, those of node 1 101 …. `options` NULL: the
 * defaults; shared is set. */
struct cluster *cluster_new(const struct hub_options *options);
void cluster_free(struct cluster *cluster);
struct world *cluster_node(struct cluster *cluster, size_t node);
/* Both nodes' queues, until nothing waits. */
void cluster_settle(struct cluster *cluster);
void cluster_pass(struct cluster *cluster, int64_t us);
void cluster_forget(struct cluster *cluster);
/* What the store answers to claims and questions from now on; 0: as it is. */
void cluster_fail(struct cluster *cluster, int error);
/* Calls do not arrive any more. */
void cluster_lose_calls(struct cluster *cluster, bool lose);
/* The node is dead for the others: its names are free, nobody is in its rooms. */
void cluster_bury(struct cluster *cluster, size_t node);
/* What went through the store since the last time: "claim ann", "release ann", "share lobby joined
 * ann 1", "call @ann,bob", a line each. */
#define expect_traffic(cluster, expected)                                                          \
    cluster_expect_traffic(cluster, expected, __FILE__, __LINE__)
void cluster_expect_traffic(struct cluster *cluster, const char *expected, const char *file,
                            int line);
