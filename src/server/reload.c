/* In three steps, so that it is all or nothing. First a configuration of its own is made, as at the
 * start. Then the values that may change trade places with those in use, which makes the one that
 * would be in force, and what holds between keys is checked for that: a key that has to wait for a
 * restart may not go together with one that has not. Only then is the server told. What it used
 * before is freed with the configuration it has ended up in. */
#include "server/reload.h"

#include <stdio.h>

#include "server/arguments.h"
#include "server/notify.h"

/* What is different now, by what becomes of it. */
struct differences {
    const struct log *log;
    struct buffer changed, waiting; /* names, with commas */
};

static void append_name(struct buffer *names, const char *key) {
    if (buffer_length(names) > 0)
        buffer_append_string(names, ", ");
    buffer_append_string(names, key);
}

static void note_difference(void *context, const char *key, bool reload) {
    struct differences *differences = context;

    append_name(reload ? &differences->changed : &differences->waiting, key);
    if (!reload)
        log_write(differences->log, LOG_WARNING, "%s changed: takes effect after a restart", key);
}

/* `old` has what was in use until now, and of keys that cannot change what is wanted. */
static void tell(const struct reload *reload, const struct config *old, struct buffer *report) {
    struct differences differences = {.log = reload->log};

    config_compare(reload->config, old, note_difference, &differences);
    if (buffer_length(&differences.changed) > 0)
        buffer_append_format(report, "changed: %.*s",
                             SLICE_ARGS(buffer_slice(&differences.changed)));
    else
        buffer_append_string(report, "no setting changed");
    log_write(reload->log, LOG_INFO, "Configuration read again, %.*s",
              SLICE_ARGS(buffer_slice(report)));
    if (buffer_length(&differences.waiting) > 0)
        buffer_append_format(report, "; after a restart: %.*s",
                             SLICE_ARGS(buffer_slice(&differences.waiting)));
    buffer_close(&differences.changed);
    buffer_close(&differences.waiting);
}

static int read_anew(const struct reload *reload, struct config *config, char *message,
                     size_t size) {
    enum arguments_action action;
    int error = arguments_parse(reload->count, reload->values, config, &action, message, size);

    return error ? error : config_check(config, message, size);
}

/* Puts what may change of `fresh` to use, or leaves everything as it was. */
static int take_over(struct reload *reload, struct config *fresh, char *message, size_t size) {
    int error;

    config_exchange(reload->config, fresh);
    error = config_check(reload->config, message, size);
    if (!error)
        error = server_configure(reload->server, message, size);
    if (error) {
        config_exchange(reload->config, fresh);
        return error;
    }
    reload->log->level = (enum log_level)reload->config->log_level;
    reload->log->json = reload->config->log_format == CONFIG_LOG_JSON;
    return 0;
}

int reload_run(void *context, struct buffer *report) {
    struct reload *reload = context;
    struct config fresh;
    char message[1024];
    int error;

    notify_state("RELOADING=1");
    config_init(&fresh);
    error = read_anew(reload, &fresh, message, sizeof(message));
    if (!error)
        error = take_over(reload, &fresh, message, sizeof(message));
    if (error) {
        log_write(reload->log, LOG_ERROR, "The configuration stays as it was: %s", message);
        buffer_append_format(report, "the configuration stays as it was: %s", message);
    } else {
        tell(reload, &fresh, report);
    }
    config_close(&fresh);
    notify_state("READY=1");
    return error;
}
