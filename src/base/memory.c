#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* No stdio here: it may want memory itself. */
static _Noreturn void die(void) {
    static const char message[] = "banter: out of memory\n";

    if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0) {
        /* Nothing is left to tell it to. */
    }
    abort();
}

void *memory_new(size_t size) {
    void *memory = calloc(1, size > 0 ? size : 1);

    if (memory == NULL) {
        die();
    }
    return memory;
}

void *memory_new_aligned(size_t alignment, size_t size) {
    void *memory;

    if (posix_memalign(&memory, alignment, size) != 0) {
        die();
    }
    return memset(memory, 0, size);
}

void *memory_map(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) {
        die();
    }
    return memory;
}

void *memory_resize(void *memory, size_t size) {
    void *resized = realloc(memory, size > 0 ? size : 1);

    if (resized == NULL) {
        die();
    }
    return resized;
}

void memory_free(void *memory) {
    free(memory);
}

char *memory_copy_string(struct slice s) {
    char *copy = memory_new(s.length + 1);

    if (s.length > 0) {
        memcpy(copy, s.data, s.length);
    }
    return copy;
}
