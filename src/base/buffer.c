/* Unread bytes lie at data[start … end). Reading moves `start`, and only what is written later
 * pays for it: when there is no room left at the end, the unread bytes are moved to the front if
 * at least as many were read as are left, otherwise the memory doubles. So each byte is moved a
 * bounded number of times, whatever the pattern of use. */
#include "base/buffer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

#define CAPACITY_MIN 64

void buffer_close(struct buffer *buffer) {
    memory_free(buffer->data);
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer) {
    buffer->start = buffer->end = 0;
}

size_t buffer_length(const struct buffer *buffer) {
    return buffer->end - buffer->start;
}

struct slice buffer_slice(const struct buffer *buffer) {
    if (buffer->data == NULL) {
        return SLICE_NONE;
    }
    return slice_from(buffer->data + buffer->start, buffer_length(buffer));
}

static void move_to_front(struct buffer *buffer) {
    size_t length = buffer_length(buffer);

    if (buffer->start == 0) {
        return;
    }
    memmove(buffer->data, buffer->data + buffer->start, length);
    buffer->start = 0;
    buffer->end = length;
}

static void make_room(struct buffer *buffer, size_t size) {
    size_t length = buffer_length(buffer);
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : CAPACITY_MIN;

    if (buffer->data != NULL && buffer->start >= length && buffer->capacity - length >= size) {
        move_to_front(buffer);
        return;
    }
    assert(size < SIZE_MAX / 4 && length < SIZE_MAX / 4);
    while (capacity < length + size) {
        capacity *= 2;
    }
    if (capacity == buffer->capacity) {
        capacity *= 2;
    }
    move_to_front(buffer);
    buffer->data = memory_resize(buffer->data, capacity);
    buffer->capacity = capacity;
}

char *buffer_reserve(struct buffer *buffer, size_t size) {
    if (buffer->data == NULL || buffer->capacity - buffer->end < size) {
        make_room(buffer, size);
    }
    return buffer->data + buffer->end;
}

void buffer_commit(struct buffer *buffer, size_t size) {
    assert(size <= buffer->capacity - buffer->end);
    buffer->end += size;
}

void buffer_consume(struct buffer *buffer, size_t size) {
    assert(size <= buffer_length(buffer));
    buffer->start += size;
    if (buffer->start == buffer->end) {
        buffer_clear(buffer);
    }
}

void buffer_truncate(struct buffer *buffer, size_t length) {
    assert(length <= buffer_length(buffer));
    buffer->end = buffer->start + length;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size) {
    if (size > 0) {
        memcpy(buffer_reserve(buffer, size), data, size);
        buffer->end += size;
    }
}

void buffer_append_slice(struct buffer *buffer, struct slice s) {
    buffer_append(buffer, s.data, s.length);
}

void buffer_append_string(struct buffer *buffer, const char *string) {
    buffer_append(buffer, string, strlen(string));
}

void buffer_append_char(struct buffer *buffer, char c) {
    *buffer_reserve(buffer, 1) = c;
    buffer->end++;
}

void buffer_append_u64(struct buffer *buffer, uint64_t value) {
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buffer_append(buffer, digits + at, sizeof(digits) - at);
}

void buffer_append_format(struct buffer *buffer, const char *format, ...) {
    size_t room = 128; /* enough for nearly all; a longer text is written again */
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(buffer_reserve(buffer, room), room, format, arguments);
    va_end(arguments);
    assert(length >= 0);
    if ((size_t)length >= room) {
        room = (size_t)length + 1; /* vsnprintf ends with a zero */
        va_start(arguments, format);
        vsnprintf(buffer_reserve(buffer, room), room, format, arguments);
        va_end(arguments);
    }
    buffer->end += (size_t)length;
}
