#include "server/operator_accounts.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/timestamp.h"
#include "io/dial.h"
#include "server/arguments.h"
#include "wire/json.h"

#define DIAL_TIMEOUT_MS 2000
#define ANSWER_TIMEOUT_MS 20000

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},  {"data", required_argument, NULL, 'd'},
    {"help", no_argument, NULL, 'h'},          {"role", required_argument, NULL, 'r'},
    {"label", required_argument, NULL, 'l'},   {"rate", required_argument, NULL, 'n'},
    {"expires", required_argument, NULL, 'e'}, {"room", required_argument, NULL, 'o'},
    {"json", no_argument, NULL, 'j'},          {"store", required_argument, NULL, 's'},
    {"set", required_argument, NULL, 'k'},     {0},
};

int operator_fail(const char *format, ...) {
    va_list arguments;

    fputs("banterd: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return EXIT_FAILURE;
}

/* What is no name may hold anything, so it is not repeated. */
int operator_fail_about(const struct operator_call *call, const char *name, int error) {
    switch (error) {
    case ERR_NOT_FOUND:
        if (name_check(slice_of_string(name)) == 0)
            return operator_fail(
                "there is no account %s; `banterd user list` shows those there are", name);
        return operator_fail("there is no such account");
    case ERR_NAME_TAKEN:
        return operator_fail("there is an account %s already", name);
    case ERR_BAD_REQUEST:
        return operator_fail(
            "this is no name for an account: 1 to 64 letters, digits, '-', '_' and "
            "'.', and not anonymous or error");
    default:
        return operator_fail("the accounts cannot be changed: %s", accounts_error(&call->accounts));
    }
}

const char *operator_date(int64_t time_us, char text[11]) {
    char whole[TIMESTAMP_LENGTH + 1];

    if (time_us == 0)
        return "never";
    timestamp_format(time_us, whole);
    memcpy(text, whole, 10);
    text[10] = '\0';
    return text;
}

void operator_append_time(struct buffer *line, const char *key, int64_t time_us) {
    json_append_key(line, key);
    if (time_us == 0) {
        buffer_append_string(line, "null");
        return;
    }
    buffer_append_char(line, '"');
    buffer_append_timestamp(line, time_us);
    buffer_append_char(line, '"');
}

int operator_take_number(const struct config_key *key, const char *word, size_t *number) {
    char message[256];

    if (config_value_set(key, number, word, CONFIG_FROM_COMMAND_LINE, message, sizeof(message)) ==
        0)
        return 0;
    operator_fail("%s", message);
    return ERR_BAD_REQUEST;
}

int operator_take_rate(const struct operator_options *chosen, bool *given,
                       unsigned *rate_per_minute) {
    static const struct config_key key = {
        .name = "--rate", .kind = CONFIG_NUMBER, .maximum = 1000000};
    size_t rate = 0;

    if (chosen->rate && operator_take_number(&key, chosen->rate, &rate) != 0)
        return ERR_BAD_REQUEST;
    *given = chosen->rate != NULL;
    *rate_per_minute = (unsigned)rate;
    return 0;
}

static void take_option(struct operator_call *call, int code) {
    switch (code) {
    case 'r':
        call->options.role = optarg;
        break;
    case 'l':
        call->options.label = optarg;
        break;
    case 'n':
        call->options.rate = optarg;
        break;
    case 'e':
        call->options.expires = optarg;
        break;
    case 'o':
        config_list_add(&call->options.rooms, slice_of_string(optarg), CONFIG_FROM_COMMAND_LINE);
        break;
    default:
        call->options.json = true;
    }
}

/* What says of which server it is; the command line beats the file whatever comes first. 0: it is
 * something else. */
static int take_setting(struct operator_call *call, int code, bool files, char *message,
                        size_t size) {
    if (code == 'c' && files)
        return config_load(&call->config, optarg, message, size);
    if (code == 'd' && !files)
        return config_set(&call->config, "data", optarg, CONFIG_FROM_COMMAND_LINE, message, size);
    if (code == 's' && !files)
        return config_set(&call->config, "store", optarg, CONFIG_FROM_COMMAND_LINE, message, size);
    if (code == 'k' && !files)
        return arguments_set(&call->config, optarg, message, size);
    return 0;
}

/* One pass: takes the files, or everything else. `values[0]` is the deed's name. `*helped`: that
 * was all that was wanted. */
static int parse(struct operator_call *call, const struct operator_deed *deed, const char *usage,
                 int count, char **values, bool files, bool *helped) {
    static const char settings[] = "cdsk";
    char message[512];
    int code;

    optind = 0; /* getopt starts anew */
    while ((code = getopt_long(count, values, ":", options, NULL)) != -1) {
        if (code == 'h') {
            fputs(usage, stdout);
            *helped = true;
            return EXIT_SUCCESS;
        }
        if (code == '?' || code == ':' || (!strchr(settings, code) && !strchr(deed->letters, code)))
            return operator_fail("%s is no option of this command, or needs a value; --help shows "
                                 "those there are",
                                 values[optind - 1]);
        if (!strchr(settings, code) && !files)
            take_option(call, code);
        if (take_setting(call, code, files, message, sizeof(message)) != 0)
            return operator_fail("%s", message);
    }
    call->folder = call->config.data;
    call->words = values + optind;
    call->word_count = count - optind;
    if (call->word_count >= deed->least && call->word_count <= deed->most)
        return EXIT_SUCCESS;
    fputs(usage, stderr);
    return EXIT_FAILURE;
}

static bool wait_for(int descriptor, short events) {
    struct pollfd wait = {.fd = descriptor, .events = events};
    int count;

    do {
        count = poll(&wait, 1, ANSWER_TIMEOUT_MS);
    } while (count < 0 && errno == EINTR);
    return count > 0;
}

/* One line, "ok" when all is well. */
static bool is_told(int descriptor) {
    static const struct slice request = SLICE("accounts\n");
    char answer[256] = "";
    ssize_t count = -1;

    if (wait_for(descriptor, POLLOUT) &&
        write(descriptor, request.data, request.length) == (ssize_t)request.length &&
        wait_for(descriptor, POLLIN))
        count = read(descriptor, answer, sizeof(answer) - 1);
    return count > 0 && strncmp(answer, "ok", 2) == 0;
}

/* Nobody listens where no server runs. */
static void tell_server(const char *folder) {
    struct buffer address = {0};
    char message[256];
    int descriptor;

    buffer_append_format(&address, "unix:%s/admin.sock", folder);
    buffer_append_char(&address, '\0');
    if (io_dial(buffer_slice(&address).data, DIAL_TIMEOUT_MS, &descriptor, message,
                sizeof(message)) == 0) {
        if (!is_told(descriptor))
            fputs("banterd: done, but the running server has not answered; it looks by itself "
                  "within some seconds\n",
                  stderr);
        close(descriptor);
    }
    buffer_close(&address);
}

static int act(struct operator_call *call, const struct operator_deed *deed) {
    struct buffer message = {0};
    int status, error;

    if (sodium_init() < 0)
        return operator_fail("the system gives no random numbers");
    if (deed->makes_file || operator_shares(call))
        error = accounts_open(call->folder, &call->accounts, &message);
    else
        error = accounts_open_existing(call->folder, &call->accounts, &message);
    if (error) {
        status = operator_fail("%.*s", SLICE_ARGS(buffer_slice(&message)));
    } else if (!operator_join(call, deed)) {
        status = EXIT_FAILURE;
    } else {
        status = deed->run(call);
        if (status == EXIT_SUCCESS && deed->changes)
            tell_server(call->folder);
    }
    commons_close(call->commons);
    accounts_close(&call->accounts);
    buffer_close(&message);
    return status;
}

static const struct operator_deed *find(const struct operator_deed *deeds, size_t count,
                                        const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(deeds[i].name, name) == 0)
            return &deeds[i];
    }
    return NULL;
}

int operator_accounts(const char *usage, const struct operator_deed *deeds, size_t count,
                      int value_count, char **values) {
    const struct operator_deed *deed = value_count > 1 ? find(deeds, count, values[1]) : NULL;
    struct operator_call call = {0};
    bool helped = false;
    int status;

    if (!deed) {
        bool help = value_count > 1 && strcmp(values[1], "--help") == 0;
        fputs(usage, help ? stdout : stderr);
        return help ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    config_init(&call.config);
    status = parse(&call, deed, usage, value_count - 1, values + 1, true, &helped);
    if (status == EXIT_SUCCESS && !helped)
        status = parse(&call, deed, usage, value_count - 1, values + 1, false, &helped);
    if (status == EXIT_SUCCESS && !helped)
        status = act(&call, deed);
    config_list_clear(&call.options.rooms);
    config_close(&call.config);
    return status;
}
