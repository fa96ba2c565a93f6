#include "client/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/slice.h"

#define PART ".part"
#define PIECE (1 << 30)

static int fail(struct buffer *message, const char *what, const char *path) {
    buffer_append_format(message, "cannot %s %s: %s", what, path, strerror(errno));
    return ERR_IO;
}

/* The path as zero-terminated text in a buffer of its own. */
static const char *join(struct buffer *path, struct slice first, struct slice second) {
    buffer_append_slice(path, first);
    buffer_append_slice(path, second);
    buffer_append_char(path, '\0');
    return buffer_slice(path).data;
}

static struct slice folder_of(const char *path) {
    const char *slash = strrchr(path, '/');

    return slash ? slice_from(path, (size_t)(slash - path) + 1) : SLICE("./");
}

int copy_check(const char *path, struct buffer *message) {
    struct buffer folder = {0};
    int error = 0;

    if (access(path, F_OK) == 0) {
        errno = EEXIST;
        error = fail(message, "create", path);
    } else if (access(join(&folder, folder_of(path), SLICE_NONE), W_OK) != 0) {
        error = fail(message, "create", path);
    }
    buffer_close(&folder);
    return error;
}

/* Until nothing more comes. */
static int copy_bytes(int from, int to) {
    ssize_t count;

    do
        count = sendfile(to, from, NULL, PIECE);
    while (count > 0 || (count < 0 && errno == EINTR));
    return count < 0 || fsync(to) != 0 ? ERR_IO : 0;
}

static void sync_folder(const char *path) {
    struct buffer name = {0};
    int descriptor = open(join(&name, folder_of(path), SLICE_NONE), O_RDONLY | O_CLOEXEC);

    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
    buffer_close(&name);
}

/* The name is given only to what is on the disk, and never taken from another file. */
static int write_copy(int from, const char *part, const char *path, struct buffer *message) {
    int to = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int error;

    if (to < 0)
        return fail(message, "create", part);
    error = copy_bytes(from, to);
    if (error)
        fail(message, "write", part);
    close(to);
    if (!error && renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) != 0)
        error = fail(message, "create", path);
    if (error)
        unlink(part);
    else
        sync_folder(path);
    return error;
}

int copy_take(const char *folder, struct slice name, const char *path, struct buffer *message) {
    struct buffer source = {0}, part = {0};
    int from, error;

    buffer_append_string(&source, folder);
    buffer_append_char(&source, '/');
    join(&source, name, SLICE_NONE);
    join(&part, slice_of_string(path), SLICE(PART));
    from = open(buffer_slice(&source).data, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        error = fail(message, "read", buffer_slice(&source).data);
    else
        error = write_copy(from, buffer_slice(&part).data, path, message);
    if (from >= 0)
        close(from);
    buffer_close(&source);
    buffer_close(&part);
    return error;
}
