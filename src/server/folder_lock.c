#include "server/folder_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"

/* For people: who has it. */
static void write_process(int descriptor) {
    char text[24];
    int length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, text, (size_t)length, 0) != length) {
        /* Then it does not stand there; what locks is the lock. */
    }
}

static int fail(const char *folder, const char *why, char *message, size_t size) {
    snprintf(message, size, "cannot use the data folder %s: %s", folder, why);
    return ERR_IO;
}

int folder_lock(const char *folder, char *message, size_t size) {
    struct buffer path = {0};
    int descriptor;

    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return fail(folder, strerror(errno), message, size);
    buffer_append_format(&path, "%s/banter.lock", folder);
    buffer_append_char(&path, '\0');
    descriptor = open(buffer_slice(&path).data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    buffer_close(&path);
    if (descriptor < 0)
        return fail(folder, strerror(errno), message, size);
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        close(descriptor);
        return fail(folder, "another banterd uses it; each needs one of its own (--data FOLDER)",
                    message, size);
    }
    write_process(descriptor);
    return descriptor;
}
