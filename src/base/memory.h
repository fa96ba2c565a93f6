/* Allocation that does not fail: where the system has no memory left the process ends with a
 * message, because every amount asked for is already bounded by a limit of limits.h. */
#pragma once

#include <stddef.h>

#include "base/slice.h"

void *memory_new(size_t size); /* zeroed; never NULL; free with memory_free */
/* The same, at a multiple of `alignment`, a power of two. */
void *memory_new_aligned(size_t alignment, size_t size);
void *memory_map(size_t size);                  /* the same in pages of its own; free with munmap */
void *memory_resize(void *memory, size_t size); /* like realloc; new bytes are not zeroed */
void memory_free(void *memory);                 /* NULL is fine */
char *memory_copy_string(struct slice s);       /* zero-terminated copy; owned by the caller */

#define memory_new_struct(type) ((type *)memory_new(sizeof(type)))

/* The structure of `type` whose `member` is at `pointer`. */
#define container_of(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))
