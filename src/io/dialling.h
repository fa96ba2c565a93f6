/* The same as dial.h for who has a libuv loop that must go on meanwhile. */
#pragma once

#include <stddef.h>

struct dialling;
struct uv_loop_s;

/* The descriptor is the callee's: connected, non-blocking, closed on exec. -1: it could not be
 * made, and one line for people is in `message`. Called once, from the loop, after which there is
 * no dialling any more. */
typedef void dialling_done(void *context, int descriptor, const char *message);

/* Connects to `host_port` (see endpoint.h; a port must be written), trying each of the host's
 * addresses in turn until one answers, for at most `timeout_ms` over all of them and the resolver.
 */
struct dialling *dialling_new(struct uv_loop_s *loop, const char *host_port, unsigned timeout_ms,
                              dialling_done *done, void *context);
/* `done` will not be called. The loop has to run once more until its memory is free. */
void dialling_cancel(struct dialling *dialling);
