/* What clients say, and how it must look to people who read lines. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "sim/ledger.h"

struct world;

/* Names of people and rooms come from small pools, so that they meet and collide; each in two
 * spellings that mean the same. */
#define PEOPLE 8
#define ROOMS 5

const char *people_name(unsigned index, unsigned spelling);
int people_find(struct slice name); /* -1: nobody's */
const char *room_name(unsigned index, unsigned spelling);
const char *room_key(unsigned index);
int room_find_name(struct slice name); /* -1: none of ours */

enum manner {
    MANNER_LINE, /* one line, neither beginning nor ending with white space */
    MANNER_ANY,  /* several lines, controls, attempts to forge */
};

/* Words beginning with the utterance's number, at most `most` bytes where that is enough for it.
 * Owned by the caller. */
char *speech_words(struct world *world, uint32_t tag, enum manner manner, size_t most);

/* A label to sign with: somebody's name, or none. Static. */
const char *speech_label(struct world *world);

/* Appends `text` as the lines it is to people: cut where a terminal would go to another line,
 * `prefix` before each, harmless throughout. */
void speech_append_lines(struct buffer *out, struct slice prefix, struct slice text);

/* The same as one line, where nothing but one line will do. */
void speech_append_flat(struct buffer *out, struct slice text);
/* A signature as people see it in lines: what could be taken for something else is made harmless.
 */
void speech_append_sender(struct buffer *out, struct slice sender);
