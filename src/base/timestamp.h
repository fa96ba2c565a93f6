/* Wall-clock times are microseconds since 1970 UTC, as numbers; reading a clock is the caller's
 * business. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"

#define TIMESTAMP_LENGTH 27 /* 2026-02-13T10:30:45.123456Z */

/* ISO 8601 in UTC with six decimals and Z; `text` holds TIMESTAMP_LENGTH + 1 bytes. Years 1970 to
 * 9999. */
void timestamp_format(int64_t timestamp_us, char *text);
void buffer_append_timestamp(struct buffer *buffer, int64_t timestamp_us);
