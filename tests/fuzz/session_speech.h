/* What a connection of fuzz_session may say: forms in which the input chooses the words. */
#pragma once

#include "fuzz.h"

enum speech { SPEECH_FRAME, SPEECH_LINE, SPEECH_REQUEST };

/* Appends one of the forms of this kind, filled in. `secret` is the last one that somebody was
 * told. */
void speech_compose(enum speech kind, struct slice *input, const char *secret, struct buffer *out);

/* Names of people, some of them of accounts, and rooms. */
const char *speech_name(struct slice *input);
const char *speech_room(struct slice *input);
