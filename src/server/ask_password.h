/* Asking the operator for a password. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

/* From a terminal twice, without showing it, or else one line of standard input. ERR_BAD_REQUEST,
 * with one line in `message`: there is none, both differ, or it is no good one. The caller wipes
 * it. */
int ask_password(struct buffer *password, struct buffer *message) MUST_USE;
