/* Single Unicode characters: taking them out of UTF-8 one by one, and which of them are
 * dangerous to show. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define CODEPOINT_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD, shown in place of what must not be */

/* The character at the front of `*rest`, which is advanced past it. -1 where the bytes are not
 * UTF-8 (RFC 3629): then one byte is passed. `*rest` must not be empty. */
int32_t codepoint_take(struct slice *rest);

/* C0 (TAB and LF too), DEL and C1. */
bool codepoint_is_control(int32_t codepoint);

/* Deceives who reads it without being a control: ends a line (U+2028, U+2029), turns its direction
 * (bidirectional embeddings, overrides, isolates), or is there and not seen (annotation marks, the
 * blank U+2800, and U+2065). */
bool codepoint_is_deceptive(int32_t codepoint);
