/* banter admin: asks a running server through the socket in its data folder. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "client/command.h"
#include "client/copy.h"
#include "io/dial.h"

#define DIAL_TIMEOUT_MS 5000
#define USAGE                                                                                      \
    "usage: banter admin status [--data DIR]\n"                                                    \
    "       banter admin reload [--data DIR]\n"                                                    \
    "       banter admin backup FILE [--data DIR]\n"                                               \
    "\n"                                                                                           \
    "Asks the banterd that uses the data folder DIR (./data).\n"                                   \
    "\n"                                                                                           \
    "  status         how it is, as a line of JSON\n"                                              \
    "  reload         has it read its configuration again, as SIGHUP does, and tells what "        \
    "changed\n"                                                                                    \
    "  backup FILE    copies its database to FILE while it runs, and its accounts, if it has "     \
    "any,\n"                                                                                       \
    "                 to FILE.accounts. FILE must not be there yet; it appears when all is "       \
    "complete.\n"

static bool send_all(int descriptor, struct slice text) {
    while (text.length > 0) {
        ssize_t count = write(descriptor, text.data, text.length);
        if (count > 0) {
            text = slice_skip(text, (size_t)count);
        } else if (errno == EAGAIN) {
            struct pollfd wait = {.fd = descriptor, .events = POLLOUT};
            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* Whether something came; false at the end. */
static bool receive(int descriptor, struct buffer *input) {
    struct pollfd wait = {.fd = descriptor, .events = POLLIN};
    poll(&wait, 1, -1);
    ssize_t count = read(descriptor, buffer_reserve(input, 4096), 4096);
    if (count > 0)
        buffer_commit(input, (size_t)count);
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

static void show_progress(struct slice numbers) {
    uint64_t done = 0, total = 0;
    struct slice first = slice_cut(&numbers, ' ');
    if (isatty(STDERR_FILENO) && slice_to_u64(first, &done) && slice_to_u64(numbers, &total) &&
        total > 0)
        fprintf(stderr, "\r%llu %%", (unsigned long long)(done * 100 / total));
}

/* What is asked, and what is done with the answer: NULL prints it. */
struct question {
    const char *folder;
    struct slice request;
    int (*take)(const struct question *question, struct slice answer); /* the exit status */
    const char *path;                                                  /* for `take` */
};

/* -1: there will be more lines; else the exit status. */
static int take_line(const struct question *question, struct slice line) {
    struct slice word = slice_cut(&line, ' ');
    if (slice_equal(word, SLICE("progress"))) {
        show_progress(line);
        return -1;
    }
    if (isatty(STDERR_FILENO))
        fputs("\r", stderr);
    if (slice_equal(word, SLICE("ok")) && question->take)
        return question->take(question, line);
    if (slice_equal(word, SLICE("ok"))) {
        printf("%.*s\n", SLICE_ARGS(line));
        return 0;
    }
    command_error("%.*s", SLICE_ARGS(line));
    return 1;
}

static int converse(int descriptor, const struct question *question) {
    struct buffer input = {0};
    int status = -1;
    bool open = send_all(descriptor, question->request);
    while (status < 0 && open) {
        ptrdiff_t end = slice_find(buffer_slice(&input), '\n');
        if (end < 0) {
            open = receive(descriptor, &input);
            continue;
        }
        status = take_line(question, slice_from(buffer_slice(&input).data, (size_t)end));
        buffer_consume(&input, (size_t)end + 1);
    }
    if (status < 0)
        command_error("the server ended before it had answered");
    buffer_close(&input);
    return status < 0 ? 1 : status;
}

static int ask(const struct question *question) {
    struct buffer address = {0};
    char message[256];
    int descriptor;
    buffer_append_format(&address, "unix:%s/admin.sock", question->folder);
    buffer_append_char(&address, '\0');
    int error =
        io_dial(buffer_slice(&address).data, DIAL_TIMEOUT_MS, &descriptor, message, sizeof message);
    buffer_close(&address);
    if (error) {
        command_error("%s; is a banterd running with --data %s?", message, question->folder);
        return 1;
    }
    int status = converse(descriptor, question);
    close(descriptor);
    return status;
}

/* The server keeps the copy as long as it is connected. */
static int take_copy(const struct question *question, struct slice names) {
    struct slice database = slice_cut(&names, ' ');
    struct buffer message = {0}, accounts = {0};
    int error = 0;
    buffer_append_format(&accounts, "%s.accounts", question->path);
    buffer_append_char(&accounts, '\0');
    if (names.length > 0)
        error = copy_take(question->folder, names, buffer_slice(&accounts).data, &message);
    if (!error) {
        error = copy_take(question->folder, database, question->path, &message);
        if (error && names.length > 0)
            unlink(buffer_slice(&accounts).data);
    }
    if (error)
        command_error("%.*s", SLICE_ARGS(buffer_slice(&message)));
    else
        printf("%s\n", question->path);
    buffer_close(&accounts);
    buffer_close(&message);
    return error ? 1 : 0;
}

static int back_up(const char *folder, const char *path) {
    struct buffer message = {0};
    int status = 1;
    if (copy_check(path, &message) != 0)
        command_error("%.*s", SLICE_ARGS(buffer_slice(&message)));
    else
        status = ask(&(struct question){
            .folder = folder, .request = SLICE("backup\n"), .take = take_copy, .path = path});
    buffer_close(&message);
    return status;
}

/* The requests, and what each needs. */
static int run(const char *const *words, size_t count, const char *folder) {
    int status = EXIT_USAGE;
    if (count == 1 && strcmp(words[0], "status") == 0) {
        status = ask(&(struct question){.folder = folder, .request = SLICE("status\n")});
    } else if (count == 1 && strcmp(words[0], "reload") == 0) {
        status = ask(&(struct question){.folder = folder, .request = SLICE("reload\n")});
    } else if (count == 2 && strcmp(words[0], "backup") == 0) {
        status = back_up(folder, words[1]);
    } else {
        fputs(USAGE, stderr);
    }
    return status;
}

int command_admin(int count, char **arguments) {
    const char *folder = "./data", *words[2];
    size_t word_count = 0;
    for (int i = 0; i < count; i++) {
        if (strcmp(arguments[i], "--help") == 0) {
            fputs(USAGE, stdout);
            return 0;
        }
        if (strcmp(arguments[i], "--data") == 0 && i + 1 < count) {
            folder = arguments[++i];
        } else if (arguments[i][0] != '-' && word_count < 2) {
            words[word_count++] = arguments[i];
        } else {
            fputs(USAGE, stderr);
            return EXIT_USAGE;
        }
    }
    return run(words, word_count, folder);
}
