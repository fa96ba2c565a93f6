/* Taking a copy of the database out of the server's data folder, to where the operator wants it.
 * The server itself may write nowhere else. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

/* Whether there can be a file of this name, and is none yet: before the server makes the copy.
 * ERR_IO with one line in `message`. */
int copy_check(const char *path, struct buffer *message) MUST_USE;

/* Copies FOLDER/NAME to `path`, which appears when it is complete and on the disk; it is readable
 * for whoever runs this alone. ERR_IO with one line in `message`; then nothing is left. */
int copy_take(const char *folder, struct slice name, const char *path,
              struct buffer *message) MUST_USE;
