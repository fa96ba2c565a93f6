/* The data folder of a server whose rooms are elsewhere: made if it is not there, and its own while
 * it runs. (Where the rooms are in it, the store does the same, with the same lock.) */
#pragma once

#include <stddef.h>

#include "base/error.h"

/* A descriptor; closing it, or ending, gives the folder back. ERR_IO with one line in `message`. */
int folder_lock(const char *folder, char *message, size_t size) MUST_USE;
