#include "client/kept_session.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX 4096 /* of a path, and of a file */

/* "/home/ann/.local/state/banter/127.0.0.1:8765": an authority holds no '/'. What was given over
 * TLS has a file of its own, and is never shown without. False: nobody knows where such files go.
 */
static bool path_of(const struct url *url, char *path, size_t size) {
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    const char *prefix = url->secure ? "tls:" : "";
    int length = -1;

    if (state != NULL && state[0] == '/')
        length = snprintf(path, size, "%s/banter/%s%s", state, prefix, url->host_port);
    else if (home != NULL && home[0] == '/')
        length = snprintf(path, size, "%s/.local/state/banter/%s%s", home, prefix, url->host_port);
    return length > 0 && (size_t)length < size;
}

/* Each folder of the path that is not there yet. */
static void make_folders(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
}

static void lock(struct kept_session *kept, int file) {
    kept->busy = file >= 0 && flock(file, LOCK_EX | LOCK_NB) < 0;
    if (kept->busy)
        close(file);
    kept->file = kept->busy ? -1 : file;
}

void kept_session_open(struct kept_session *kept, const struct url *url) {
    char path[TEXT_MAX], text[TEXT_MAX];

    kept->file = -1;
    if (!path_of(url, path, sizeof path))
        return;
    int file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = file >= 0 ? read(file, text, sizeof text) : 0;
    struct slice rest = slice_from(text, got > 0 ? (size_t)got : 0);
    struct slice name = slice_cut(&rest, '\n');
    struct slice secret = slice_cut(&rest, '\n');
    lock(kept, file);
    if (name.length == 0 || secret.length == 0)
        return;
    buffer_append_slice(&kept->name, name);
    if (!kept->busy)
        buffer_append_slice(&kept->secret, secret);
}

void kept_session_close(struct kept_session *kept) {
    buffer_close(&kept->name);
    buffer_close(&kept->secret);
    if (kept->file > 0) /* 0 is standard input, and what a zeroed one says */
        close(kept->file);
    kept->file = -1;
}

void kept_session_save(struct kept_session *kept, const struct url *url, struct slice name,
                       struct slice secret) {
    struct buffer text = {0};
    char path[TEXT_MAX];

    if (kept->busy || !path_of(url, path, sizeof path))
        return;
    if (kept->file < 0) {
        make_folders(path);
        lock(kept, open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    }
    buffer_append_format(&text, "%.*s\n%.*s\n", SLICE_ARGS(name), SLICE_ARGS(secret));
    struct slice bytes = buffer_slice(&text);
    if (kept->file >= 0 &&
        (ftruncate(kept->file, 0) < 0 ||
         pwrite(kept->file, bytes.data, bytes.length, 0) != (ssize_t)bytes.length))
        unlink(path);
    buffer_close(&text);
}
