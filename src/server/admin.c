#include "server/admin.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/list.h"
#include "base/memory.h"
#include "server/admin_backup.h"

#define REQUEST_MAX 8192 /* bytes of a line */
#define BACKLOG 8
#define CALLERS_MAX 16
#define COPY_NAME "backup-" /* then a number, and .db */

struct admin {
    struct admin_options options;
    uv_loop_t *loop;
    uv_pipe_t listener;
    struct buffer path;
    struct list callers;
    size_t caller_count;
    uint64_t copies;        /* made so far, for their names */
    uint64_t looks, looked; /* at the accounts: asked for, and done */
};

/* Somebody who asks. */
struct caller {
    uv_pipe_t pipe;
    struct admin *admin;
    struct list_node node;
    struct buffer request;
    struct admin_backup *backup; /* under way */
    char *copy;                  /* the backup's file; removed with the caller */
    uint64_t look;               /* at the accounts, that it waits for; 0: none */
    bool asked, closing;
};

/* A line on its way out. */
struct answer {
    uv_write_t write;
    struct caller *last_of; /* closed when it was sent; NULL: more will come */
    struct buffer text;
};

static void on_closed(uv_handle_t *handle) {
    struct caller *caller = handle->data;

    list_remove(&caller->admin->callers, &caller->node);
    caller->admin->caller_count--;
    buffer_close(&caller->request);
    memory_free(caller->copy);
    memory_free(caller);
}

static void close_caller(struct caller *caller) {
    if (caller->closing)
        return;
    caller->closing = true;
    if (caller->backup)
        admin_backup_abandon(caller->backup);
    if (!caller->backup && caller->copy)
        admin_backup_remove(caller->copy);
    caller->backup = NULL;
    uv_close((uv_handle_t *)&caller->pipe, on_closed);
}

/* Called before on_closed, also for what was not sent any more. */
static void on_written(uv_write_t *write, int status) {
    struct answer *answer = write->data;

    (void)status;
    if (answer->last_of)
        close_caller(answer->last_of);
    buffer_close(&answer->text);
    memory_free(answer);
}

static void say(struct caller *caller, const char *word, struct slice text, bool last) {
    struct answer *answer = memory_new_struct(struct answer);

    buffer_append_format(&answer->text, "%s %.*s\n", word, SLICE_ARGS(text));
    answer->write.data = answer;
    answer->last_of = last ? caller : NULL;
    uv_buf_t bytes =
        uv_buf_init(answer->text.data + answer->text.start, (unsigned)buffer_length(&answer->text));
    if (uv_write(&answer->write, (uv_stream_t *)&caller->pipe, &bytes, 1, on_written) != 0)
        on_written(&answer->write, -1);
}

static void say_status(struct caller *caller) {
    const struct admin_options *options = &caller->admin->options;
    struct buffer text = {0};

    buffer_append_char(&text, '{');
    options->status(options->context, &text);
    buffer_append_char(&text, '}');
    say(caller, "ok", buffer_slice(&text), true);
    buffer_close(&text);
}

static void say_reload(struct caller *caller) {
    const struct admin_options *options = &caller->admin->options;
    struct buffer report = {0};
    int error = options->reload(options->context, &report);

    say(caller, error ? "error" : "ok", buffer_slice(&report), true);
    buffer_close(&report);
}

static void look_at_accounts(struct caller *caller) {
    struct admin *admin = caller->admin;

    caller->look = ++admin->looks;
    admin->options.accounts(admin->options.context);
}

void admin_accounts_told(struct admin *admin, int error) {
    if (!admin)
        return;
    admin->looked++;
    for (struct list_node *node = admin->callers.first; node; node = node->next) {
        struct caller *caller = container_of(node, struct caller, node);
        if (caller->look != admin->looked || caller->closing)
            continue;
        say(caller, error ? "error" : "ok",
            error ? SLICE("the accounts cannot be read; the log says why") : SLICE_NONE, true);
        return;
    }
}

static void on_progress(void *context, unsigned done, unsigned total) {
    struct caller *caller = context;
    char text[32];

    snprintf(text, sizeof(text), "%u %u", done, total);
    say(caller, "progress", slice_of_string(text), false);
}

/* "backup-1.db", and "backup-1.db.accounts" where there are any. */
static void say_files(struct caller *caller) {
    const char *name = strrchr(caller->copy, '/') + 1;
    char *accounts = admin_backup_accounts(caller->copy);
    struct buffer text = {0};

    buffer_append_string(&text, name);
    if (access(accounts, F_OK) == 0)
        buffer_append_format(&text, " %s", strrchr(accounts, '/') + 1);
    say(caller, "ok", buffer_slice(&text), false);
    buffer_close(&text);
    memory_free(accounts);
}

/* The caller goes when it has taken the copy; only a failure ends it here. */
static void on_backup_end(void *context, int error, struct slice text) {
    struct caller *caller = context;

    caller->backup = NULL;
    if (error)
        say(caller, "error", text, true);
    else
        say_files(caller);
}

static void begin_backup(struct caller *caller) {
    struct admin *admin = caller->admin;
    struct buffer path = {0};

    buffer_append_format(&path, "%s/" COPY_NAME "%llu.db", admin->options.folder,
                         (unsigned long long)++admin->copies);
    caller->copy = memory_copy_string(buffer_slice(&path));
    buffer_close(&path);
    log_write(admin->options.log, LOG_INFO, "Copying the database");
    caller->backup = admin_backup_begin(&(struct admin_backup_options){
        .loop = admin->loop,
        .log = admin->options.log,
        .folder = admin->options.folder,
        .path = caller->copy,
        .progress = on_progress,
        .end = on_backup_end,
        .context = caller,
    });
}

/* Zero-terminated. */
static void take_request(struct caller *caller, const char *request) {
    caller->asked = true;
    if (strcmp(request, "status") == 0)
        say_status(caller);
    else if (strcmp(request, "reload") == 0)
        say_reload(caller);
    else if (strcmp(request, "accounts") == 0)
        look_at_accounts(caller);
    else if (strcmp(request, "backup") == 0 && !caller->admin->options.copies)
        say(caller, "error",
            SLICE("the rooms are in Redis: it is copied by its own means, and banterd export "
                  "writes an archive"),
            true);
    else if (strcmp(request, "backup") == 0)
        begin_backup(caller);
    else
        say(caller, "error",
            SLICE("there is no such request; there are status, reload, accounts and backup"), true);
}

static void on_allocate(uv_handle_t *handle, size_t wanted, uv_buf_t *bytes) {
    struct caller *caller = handle->data;
    size_t left = REQUEST_MAX - buffer_length(&caller->request);

    (void)wanted;
    *bytes = uv_buf_init(left > 0 ? buffer_reserve(&caller->request, left) : NULL, (unsigned)left);
}

/* What comes after the request is not read; that the caller has gone is. */
static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes) {
    struct caller *caller = stream->data;

    (void)bytes;
    if (count < 0) {
        close_caller(caller);
        return;
    }
    if (caller->asked)
        return;
    buffer_commit(&caller->request, (size_t)count);
    ptrdiff_t end = slice_find(buffer_slice(&caller->request), '\n');
    if (end < 0)
        return;
    char *line = memory_copy_string(slice_from(buffer_slice(&caller->request).data, (size_t)end));
    take_request(caller, line);
    memory_free(line);
}

static void on_connection(uv_stream_t *listener, int status) {
    struct admin *admin = listener->data;
    struct caller *caller;

    if (status != 0)
        return;
    caller = memory_new_struct(struct caller);
    caller->admin = admin;
    caller->pipe.data = caller;
    uv_pipe_init(admin->loop, &caller->pipe, 0);
    list_append(&admin->callers, &caller->node);
    admin->caller_count++;
    if (uv_accept(listener, (uv_stream_t *)&caller->pipe) != 0 ||
        admin->caller_count > CALLERS_MAX ||
        uv_read_start((uv_stream_t *)&caller->pipe, on_allocate, on_read) != 0)
        close_caller(caller);
}

static int listen_at(struct admin *admin, const char *path) {
    int code;

    if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return UV_ENAMETOOLONG;
    unlink(path); /* of a server that ended without taking it away: the folder is ours */
    code = uv_pipe_bind(&admin->listener, path);
    if (code == 0 && chmod(path, 0600) != 0)
        code = uv_translate_sys_error(errno);
    return code == 0 ? uv_listen((uv_stream_t *)&admin->listener, BACKLOG, on_connection) : code;
}

/* Of a server that ended while it made one. */
static void remove_copies(const char *folder) {
    DIR *entries = opendir(folder);
    const struct dirent *entry;

    while (entries && (entry = readdir(entries))) {
        if (strncmp(entry->d_name, COPY_NAME, strlen(COPY_NAME)) == 0)
            unlinkat(dirfd(entries), entry->d_name, 0);
    }
    if (entries)
        closedir(entries);
}

struct admin *admin_open(struct uv_loop_s *loop, const struct admin_options *options) {
    struct admin *admin = memory_new_struct(struct admin);
    int code;

    admin->options = *options;
    admin->loop = loop;
    buffer_append_format(&admin->path, "%s/admin.sock", options->folder);
    buffer_append_char(&admin->path, '\0');
    remove_copies(options->folder);
    uv_pipe_init(loop, &admin->listener, 0);
    admin->listener.data = admin;
    code = listen_at(admin, buffer_slice(&admin->path).data);
    if (code != 0)
        log_write(options->log, LOG_WARNING, "Without %s, which banter admin needs: %s",
                  buffer_slice(&admin->path).data, uv_strerror(code));
    return admin;
}

void admin_close(struct admin *admin) {
    struct list_node *node;

    if (!admin)
        return;
    for (node = admin->callers.first; node; node = node->next)
        close_caller(container_of(node, struct caller, node));
    uv_close((uv_handle_t *)&admin->listener, NULL); /* takes the file away */
}

void admin_free(struct admin *admin) {
    if (!admin)
        return;
    buffer_close(&admin->path);
    memory_free(admin);
}
