/* Asking a person for a password, without showing it. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

/* Asks on the terminal of the process, whatever standard input is, and appends the line that is
 * typed. ERR_NOT_FOUND: there is no terminal; ERR_UNAVAILABLE: there was an interrupt, which is
 * still to be taken (see interrupt.h), or nothing was typed. */
int password_ask(const char *prompt, struct buffer *password) MUST_USE;
