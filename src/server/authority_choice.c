#include "server/authority_choice.h"

#include <stdio.h>

#include "auth/accounts_file.h"
#include "hub/credential.h"
#include "server/redis_settings.h"

static struct authority_local_keys keys_of(const struct config *config) {
    return (struct authority_local_keys){
        .tokens = (const char *const *)config->token.items,
        .token_count = config->token.count,
        .jwt_key = config->jwt_key,
        .jwt_issuer = config->jwt_issuer,
        .jwt_audience = config->jwt_audience,
        .jwt_leeway_s = (unsigned)config->jwt_leeway_s,
    };
}

static int hand_over(struct buffer *text, int error, char *message, size_t size) {
    if (error)
        snprintf(message, size, "%.*s", SLICE_ARGS(buffer_slice(text)));
    buffer_close(text);
    return error;
}

bool authority_choice_has_accounts(const struct config *config, bool durable) {
    return durable || config->auth != CONFIG_AUTH_OPEN || accounts_exist(config->data);
}

/* The value is a secret, so it is not repeated. */
int authority_choice_check_token(const char *value, char *message, size_t size) {
    struct credential credential = {.kind = CREDENTIAL_TOKEN, .secret = slice_of_string(value)};

    if (credential_plausible(&credential))
        return 0;
    snprintf(message, size, "a token must be text of one line, of 8192 bytes at most");
    return ERR_BAD_REQUEST;
}

int authority_choice_check(const struct config *config, char *message, size_t size) {
    struct authority_local_keys keys = keys_of(config);
    struct buffer text = {0};

    if (!config->jwt_key[0] && (config->jwt_issuer[0] || config->jwt_audience[0])) {
        snprintf(message, size,
                 "%s is set, but not jwt_key: set it to the file of the key, or no "
                 "token can be checked",
                 config->jwt_issuer[0] ? "jwt_issuer" : "jwt_audience");
        return ERR_BAD_REQUEST;
    }
    return hand_over(&text, authority_local_check(&keys, &text), message, size);
}

static void warn(const struct config *config, const struct log *log) {
    if (config->auth == CONFIG_AUTH_OPEN && config->token.count > 0)
        log_write(log, LOG_WARNING,
                  "token is set, but auth = open lets everybody in without one; "
                  "to keep others out set auth = required");
}

static int open_local(const struct authority_choice_options *options,
                      const struct authority_local_shared *shared, struct authority **authority,
                      char *message, size_t size) {
    const struct config *config = options->config;
    const struct authority_local_options local = {
        .folder = authority_choice_has_accounts(config, options->durable) ? config->data : NULL,
        .shared = shared,
        .log = options->log,
        .keys = keys_of(config),
        .session_age_s = (unsigned)config->session_age_s,
        .wake = options->wake,
        .told = options->told,
        .context = options->context,
    };
    struct buffer text = {0};

    return hand_over(&text, authority_local_open(&local, authority, &text), message, size);
}

/* Nodes that share their rooms share their accounts. */
static int open_shared(const struct authority_choice_options *options, struct authority **authority,
                       char *message, size_t size) {
    const struct config *config = options->config;
    struct redis_settings settings;
    int error = redis_settings_open(config, &settings, message, size);

    if (error)
        return error;
    settings.common.log = options->log;
    const struct authority_local_shared shared = {
        .redis = &settings.common,
        .prefix = config->redis_namespace,
        .replicas = (unsigned)config->wait_replicas,
    };
    error = open_local(options, &shared, authority, message, size);
    redis_settings_close(&settings);
    return error;
}

int authority_choice_open(const struct authority_choice_options *options,
                          struct authority **authority, char *message, size_t size) {
    warn(options->config, options->log);
    if (store_url_kind(options->config->store) == STORE_KIND_REDIS)
        return open_shared(options, authority, message, size);
    return open_local(options, NULL, authority, message, size);
}

int authority_choice_reload(struct authority *authority, const struct config *config, char *message,
                            size_t size) {
    struct authority_local_keys keys = keys_of(config);
    struct buffer text = {0};

    return hand_over(&text, authority_local_reload(authority, &keys, &text), message, size);
}
