/* The configuration: one table of keys, whose values come from a file (`key = value`, one a line)
 * and from the command line, which beats the file. Everything an operator can set is in the table
 * of config.c; to add a key, add a field here and a row there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"

enum config_auth { CONFIG_AUTH_OPEN, CONFIG_AUTH_MIXED, CONFIG_AUTH_REQUIRED };
enum config_history { CONFIG_HISTORY_NONE, CONFIG_HISTORY_MEMORY, CONFIG_HISTORY_DURABLE };
enum config_metrics { CONFIG_METRICS_LOCAL, CONFIG_METRICS_ON, CONFIG_METRICS_OFF };
enum config_log_format { CONFIG_LOG_TEXT, CONFIG_LOG_JSON };

/* Where a value was written; a later one of a list replaces what an earlier source wrote. */
enum config_source { CONFIG_FROM_DEFAULT, CONFIG_FROM_FILE, CONFIG_FROM_COMMAND_LINE };

/* Of numbers that may be left to the server. */
#define CONFIG_AUTO SIZE_MAX

struct config_list {
    char **items;
    size_t count;
    enum config_source source;
};

struct config {
    struct config_list files; /* that were read; no key */
    struct config_list listen;
    struct config_list tls_cert, tls_key; /* see certificates.h */
    struct config_list trusted_proxies;   /* see trusted_proxies.h */
    bool proxy_protocol;
    char *data;
    char *store;                       /* see store_url.h */
    struct config_list redis_sentinel; /* see redis_settings.h */
    char *redis_username, *redis_password, *redis_sentinel_password;
    char *redis_namespace, *redis_ca;
    size_t redis_timeout_ms;
    size_t wait_replicas, wait_timeout_ms;
    int history;                                              /* enum config_history */
    size_t retention_age_s, retention_count, retention_bytes; /* 0: no bound */
    struct config_list room;                                  /* see room_settings.h */
    bool create_rooms;
    int auth; /* enum config_auth */
    struct config_list token;
    char *jwt_key, *jwt_issuer, *jwt_audience; /* see authority_choice.h */
    size_t jwt_leeway_s;
    size_t session_age_s;
    struct config_list allowed_origins;
    struct config_list public_host;
    size_t rate_per_minute, address_rate_per_minute, senders_per_address, room_rate_per_second;
    size_t bytes_per_minute, joins_per_minute;
    size_t names_per_minute, address_names_per_minute;
    size_t rooms_per_hour, address_rooms_per_hour;
    size_t introduction_timeout_ms, message_timeout_ms;
    int metrics; /* enum config_metrics */
    size_t max_message;
    size_t max_connections;
    size_t max_connections_per_address;
    size_t connection_rate_per_address;
    size_t ping_interval_ms, ping_timeout_ms, handshake_timeout_ms, idle_timeout_ms;
    size_t session_linger_ms;
    size_t drain_s;
    size_t announce_limit;
    size_t backlog;
    size_t stream_window;
    size_t flush_ms;   /* or CONFIG_AUTO, as the next one */
    size_t io_threads; /* see settings_io_threads */
    char *banner;
    char *user, *group;
    bool sandbox;
    int log_level;  /* enum log_level */
    int log_format; /* enum config_log_format */
};

/* Every key at its default. */
void config_init(struct config *config);
void config_close(struct config *config);

/* Sets one key. On failure ERR_BAD_REQUEST, and one line that says what is wrong in `message`. */
int config_set(struct config *config, const char *key, const char *value, enum config_source source,
               char *message, size_t size) MUST_USE;

/* Sets what the file says. The line in `message` begins with FILE:LINE where it is about one.
 * ERR_IO: cannot be read; ERR_BAD_REQUEST: something in it is wrong. */
int config_load(struct config *config, const char *path, char *message, size_t size) MUST_USE;

/* Reads a value of the kind that this key has into `field`, as config_set does. */
int config_parse(const char *key, const char *value, void *field, char *message,
                 size_t size) MUST_USE;

/* Whether there is such a key. */
bool config_has_key(const char *key);

/* What holds between keys. ERR_BAD_REQUEST, and one line in `message`. */
int config_check(const struct config *config, char *message, size_t size) MUST_USE;

/* Calls `reads` for each file that the server reads because the configuration says so, and for the
 * files of the configuration itself. */
void config_each_file(const struct config *config, void (*reads)(void *context, const char *path),
                      void *context);

/* Calls `differs` for each key whose values differ; `reload`: a server that runs can change it. */
typedef void config_difference(void *context, const char *key, bool reload);
void config_compare(const struct config *config, const struct config *other,
                    config_difference *differs, void *context);

/* Exchanges the values of all keys that a server that runs can change. Doing it twice is nothing.
 */
void config_exchange(struct config *config, struct config *other);

/* Appends a file that config_load takes: each key with what it does, those that stand at their
 * default as a comment. */
void config_print(const struct config *config, struct buffer *output);
