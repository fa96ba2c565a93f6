/* What the two sides of a wire share: network.c and transport.c. */
#pragma once

#include "sim/network.h"
#include "sim/schedule.h"

/* `what` will happen when it arrives. Nothing may go in after an ending. */
struct packet *pipe_push(struct wire *wire, struct pipe *pipe, size_t length, enum ending ending,
                         enum happening what);
void pipe_end(struct wire *wire, struct pipe *pipe, enum ending ending, enum happening what);
/* Loses what is under way from any byte on, its ending too. */
void pipe_cut(struct wire *wire, struct pipe *pipe);

/* Bytes that the server's socket takes now. */
size_t wire_room_left(const struct wire *wire);
