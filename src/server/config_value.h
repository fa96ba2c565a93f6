/* Values of configuration keys: text into a field of struct config, and back. Private to the
 * configuration. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "server/config.h"

enum config_kind {
    CONFIG_TEXT,         /* char *, owned */
    CONFIG_LIST,         /* struct config_list; the key may be repeated */
    CONFIG_SWITCH,       /* bool: on, off */
    CONFIG_CHOICE,       /* int: which of the words */
    CONFIG_NUMBER,       /* size_t */
    CONFIG_BYTES,        /* size_t; 64K, 4M */
    CONFIG_AGE,          /* size_t, in seconds; 30d, 12h, 90m, 45s or 45 */
    CONFIG_SECONDS,      /* size_t, in milliseconds; 1.5 */
    CONFIG_MILLISECONDS, /* the same; 5ms */
};

struct config_key {
    const char *name;
    enum config_kind kind;
    const char *initial;      /* the default; of a list: one item a line */
    const char *const *words; /* of a choice; NULL ends them */
    size_t minimum, maximum;  /* of numbers, in the unit of the field */
    bool or_auto;             /* of numbers: may be `auto` too, which is CONFIG_AUTO */
    const char *help;
    size_t offset;   /* in struct config */
    bool reload;     /* a server that runs takes over a new value */
    bool reads_file; /* the value, or each item, is the path of a file to be read */
    bool secret;     /* the value is not shown */
    /* Looks at one value, or item of a list, as soon as it is read, so that what is wrong can be
     * told with its line. As config_value_set; NULL: nothing to look at. */
    int (*check)(const char *value, char *message, size_t size);
};

/* ERR_BAD_REQUEST, with one line in `message`; the field is then as before. */
int config_value_set(const struct config_key *key, void *field, const char *value,
                     enum config_source source, char *message, size_t size) MUST_USE;
/* To the default; the field is zeroed memory. */
int config_value_reset(const struct config_key *key, void *field, char *message,
                       size_t size) MUST_USE;
/* Calls `reads` with each file that the value names. */
void config_value_each_file(const struct config_key *key, const void *field,
                            void (*reads)(void *context, const char *path), void *context);
void config_list_add(struct config_list *list, struct slice item, enum config_source source);
void config_list_clear(struct config_list *list);
bool config_value_equal(const struct config_key *key, const void *field, const void *other);
void config_value_exchange(const struct config_key *key, void *field, void *other);
void config_value_close(const struct config_key *key, void *field);
/* `key = value`, behind a # where it is the default. */
void config_value_print(const struct config_key *key, const void *field, struct buffer *output);
