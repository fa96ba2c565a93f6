/* The thread that looks whether passwords are right, one after the other: nothing else waits for
 * it, and it takes no more than one core and the memory of one. */
#pragma once

#include "auth/queue.h"

struct hasher;

/* What it is done with, `hashed` and perhaps `right`, it puts into `done`. ERR_IO. */
int hasher_start(struct queue *done, struct hasher **hasher) MUST_USE;
void hasher_put(struct hasher *hasher, struct question *question); /* takes */
void hasher_stop(struct hasher *hasher); /* waits for the one under way; NULL is fine */
