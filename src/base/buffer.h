/* A growable byte buffer with a read and a write cursor. A zeroed struct is a valid empty buffer
 * that holds no memory; reading everything out of it does not free its memory, buffer_close does.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct buffer {
    char *data;
    size_t start;    /* first unread byte */
    size_t end;      /* first free byte */
    size_t capacity; /* bytes at data */
};

void buffer_close(struct buffer *buffer); /* frees; the buffer is empty and usable afterwards */
void buffer_clear(struct buffer *buffer); /* forgets the content, keeps the memory */

size_t buffer_length(const struct buffer *buffer);
struct slice
buffer_slice(const struct buffer *buffer); /* the unread bytes; valid until the next change */

/* Room for `size` more bytes; returns where to write them. Follow with buffer_commit of what was
 * written. */
char *buffer_reserve(struct buffer *buffer, size_t size);
void buffer_commit(struct buffer *buffer, size_t size);
void buffer_consume(struct buffer *buffer, size_t size);    /* size <= buffer_length */
void buffer_truncate(struct buffer *buffer, size_t length); /* drops unread bytes past `length` */

void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_append_slice(struct buffer *buffer, struct slice s);
void buffer_append_string(struct buffer *buffer, const char *string);
void buffer_append_char(struct buffer *buffer, char c);
void buffer_append_u64(struct buffer *buffer, uint64_t value); /* decimal */
void buffer_append_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
