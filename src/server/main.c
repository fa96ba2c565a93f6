/* banterd: reads the configuration, runs one server, reads the configuration again on SIGHUP, and
 * stops on SIGINT or SIGTERM. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "server/arguments.h"
#include "server/certificates.h"
#include "server/notify.h"
#include "server/operator.h"
#include "server/reload.h"
#include "server/server.h"

/* What stopping takes at most when nobody is drained, and some. */
#define STOP_PATIENCE_S 15

struct signals {
    uv_signal_t interrupt, terminate, hangup;
    struct reload *reload;
    struct server *server;
    const struct log *log;
    bool terminal; /* the log goes to one */
    bool stopping;
};

static int fail(const char *message) {
    fprintf(stderr, "banterd: %s\n", message);
    return EXIT_FAILURE;
}

/* The service manager's patience need not know of `drain`: it is told. */
static void notify_stopping(const struct config *config) {
    char state[80];

    notify_state("STOPPING=1");
    if (config->drain_s == 0)
        return;
    snprintf(state, sizeof(state), "EXTEND_TIMEOUT_USEC=%zu",
             (config->drain_s + STOP_PATIENCE_S) * 1000000);
    notify_state(state);
}

/* The first asks for an orderly end; who asks twice means at once. */
static void on_signal(uv_signal_t *handle, int number) {
    struct signals *signals = handle->data;

    if (!signals->stopping)
        notify_stopping(signals->reload->config);
    signals->stopping = true;
    log_write(signals->log, LOG_INFO, "Stopping on SIG%s", sigabbrev_np(number));
    if (!server_stop(signals->server))
        _exit(128 + number);
}

/* To read the configuration again; or, as the name says, the terminal it was started from is gone,
 * and who sat there wants it gone, too. */
static void on_hangup(uv_signal_t *handle, int number) {
    struct signals *signals = handle->data;
    struct buffer report = {0};

    if (signals->stopping)
        return;
    if (signals->terminal && !isatty(STDERR_FILENO)) {
        on_signal(handle, number);
        return;
    }
    if (reload_run(signals->reload, &report) != 0) {
        /* The log has it, and the server goes on as it was. */
    }
    buffer_close(&report);
}

static void watch_signals(struct signals *signals) {
    uv_loop_t *loop = server_loop(signals->server);

    uv_signal_init(loop, &signals->interrupt);
    uv_signal_init(loop, &signals->terminate);
    uv_signal_init(loop, &signals->hangup);
    signals->interrupt.data = signals->terminate.data = signals->hangup.data = signals;
    signals->terminal = isatty(STDERR_FILENO);
    uv_signal_start(&signals->interrupt, on_signal, SIGINT);
    uv_signal_start(&signals->terminate, on_signal, SIGTERM);
    uv_signal_start(&signals->hangup, on_hangup, SIGHUP);
}

/* What a write meets, a closed connection or a limit of file sizes, its return value tells. */
static void ignore_write_signals(void) {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

static void close_signals(struct signals *signals) {
    uv_close((uv_handle_t *)&signals->interrupt, NULL);
    uv_close((uv_handle_t *)&signals->terminate, NULL);
    uv_close((uv_handle_t *)&signals->hangup, NULL);
}

/* Every connection is a descriptor, and the usual soft limit of 1,024 is a relic. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* A listener on every address is none to open in a browser; this machine's own is. */
static void invite(const char *address, const struct log *log) {
    const char *host = strstr(address, "://") + strlen("://");
    const char *scheme = strncmp(address, "wss", 3) == 0 ? "https" : "http";
    const char *port = strrchr(host, ':');
    bool any = strncmp(host, "[::]:", 5) == 0 || strncmp(host, "0.0.0.0:", 8) == 0;

    if (any)
        log_write(log, LOG_INFO, "Open %s://127.0.0.1%s/ in a browser to chat", scheme, port);
    else
        log_write(log, LOG_INFO, "Open %s://%s/ in a browser to chat", scheme, host);
}

static bool is_web(const char *address) {
    return (strncmp(address, "ws://", 5) == 0 || strncmp(address, "wss://", 6) == 0) &&
           !strstr(address, "://unix:");
}

static void warn_of_root(const struct log *log) {
    if (geteuid() == 0)
        log_write(log, LOG_WARNING,
                  "Running as root: set user = NAME, so that it is root only until it listens");
}

static void announce(const struct server *server, const struct log *log) {
    const char *web = NULL;
    const char *address;

    for (size_t i = 0; (address = server_address(server, i)); i++) {
        printf("[Server] Running on %s\n", address);
        if (!web && is_web(address))
            web = address;
    }
    fflush(stdout);
    warn_of_root(log);
    if (web)
        invite(web, log);
}

static int serve(struct config *config, int count, char **values) {
    struct log log = {
        .level = (enum log_level)config->log_level,
        .json = config->log_format == CONFIG_LOG_JSON,
        .descriptor = STDERR_FILENO,
    };
    struct reload reload = {.count = count, .values = values, .config = config, .log = &log};
    struct signals signals = {.log = &log, .reload = &reload};
    char message[512];

    ignore_write_signals();
    raise_descriptor_limit();
    if (server_new(config, &log, &signals.server, message, sizeof(message)) != 0)
        return fail(message);
    reload.server = signals.server;
    server_set_reload(signals.server, reload_run, &reload);
    watch_signals(&signals);
    announce(signals.server, &log);
    notify_state("READY=1");
    server_run(signals.server);
    close_signals(&signals);
    server_free(signals.server);
    log_write(&log, LOG_INFO, "Stopped");
    return EXIT_SUCCESS;
}

static void print_config(const struct config *config) {
    struct buffer text = {0};

    config_print(config, &text);
    fwrite(buffer_slice(&text).data, 1, buffer_length(&text), stdout);
    buffer_close(&text);
}

static int act(enum arguments_action action, struct config *config, int count, char **values) {
    const struct log log = {.level = LOG_WARNING, .descriptor = STDERR_FILENO};
    struct tls_context *tls;
    char message[512];

    switch (action) {
    case ARGUMENTS_VERSION:
        printf("banterd %s\n", BANTER_VERSION);
        return EXIT_SUCCESS;
    case ARGUMENTS_HELP:
        fputs(arguments_help, stdout);
        return EXIT_SUCCESS;
    case ARGUMENTS_PRINT_CONFIG:
        print_config(config);
        return EXIT_SUCCESS;
    case ARGUMENTS_CHECK:
    case ARGUMENTS_RUN:
        break;
    }
    if (config_check(config, message, sizeof(message)) != 0)
        return fail(message);
    if (action == ARGUMENTS_RUN)
        return serve(config, count, values);
    if (certificates_load(config, &log, &tls, message, sizeof(message)) != 0)
        return fail(message);
    tls_context_release(tls);
    puts("The configuration is valid.");
    return EXIT_SUCCESS;
}

int main(int count, char **values) {
    enum arguments_action action;
    struct config config;
    char message[1024];
    int status;

    if (operator_command(count, values, &status))
        return status;
    config_init(&config);
    if (arguments_parse(count, values, &config, &action, message, sizeof(message)) != 0)
        status = fail(message);
    else
        status = act(action, &config, count, values);
    config_close(&config);
    return status;
}
