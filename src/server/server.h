/* One server: configuration, store, delivery and net, wired together on a loop of its own. A
 * process may hold several. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/log.h"
#include "server/config.h"

struct uv_loop_s;
struct server;

/* Listens, opens the store, and is ready to run. `config` (checked by config_check) and `log` are
 * borrowed until server_free. On failure an error, and one line for people in `message`. */
int server_new(const struct config *config, const struct log *log, struct server **server,
               char *message, size_t size) MUST_USE;

/* Stops whatever still runs and frees everything. Handles that others put into the loop must be
 * closing by then. */
void server_free(struct server *server);

/* Serves until server_stop has done its work. */
void server_run(struct server *server);

/* Begins to stop. With `drain` it first sends its clients away, one after another (drain.h); called
 * again meanwhile it takes no more time for that. Then it takes no more connections and input, lets
 * commit what was accepted, says goodbye to everybody who is left, and cuts off who has not gone
 * within four seconds. False: it is that far already. On the loop's thread. */
bool server_stop(struct server *server) MUST_USE;

/* The configuration has other values now, of keys that may change while it runs: takes them over,
 * and reads the files that it names again. Nobody is disconnected. What the old values pointed to
 * is not used any more after this. When a file is of no use nothing has changed: ERR_… with one
 * line in `message`. On the loop's thread. */
int server_configure(struct server *server, char *message, size_t size) MUST_USE;

/* What `banter admin reload` calls. `report`: one line for people. 0 or an error. */
typedef int server_reload(void *context, struct buffer *report);
void server_set_reload(struct server *server, server_reload *reload, void *context);

struct uv_loop_s *server_loop(struct server *server);

/* Where it listens, as URLs with the ports the system chose: "ws://127.0.0.1:8765". NULL past the
 * last. */
const char *server_address(const struct server *server, size_t index);
