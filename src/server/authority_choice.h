/* The authority that a configuration asks for: which accounts, tokens and keys a server knows. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "auth/authority_local.h"
#include "server/config.h"

/* Whether accounts are kept in the data folder; `durable`: so is something else. A server that lets
 * in everybody and stores nothing makes none for them. */
bool authority_choice_has_accounts(const struct config *config, bool durable);

/* What holds between the keys, and whether the file of keys can be used. ERR_…, and one line in
 * `message`. */
int authority_choice_check(const struct config *config, char *message, size_t size) MUST_USE;
/* For `token`. */
int authority_choice_check_token(const char *value, char *message, size_t size) MUST_USE;

struct authority_choice_options {
    const struct config *config;
    const struct log *log; /* borrowed */
    bool durable;
    void (*wake)(void *context);
    void (*told)(void *context, int error);
    void *context; /* of both, see authority_local.h */
};

int authority_choice_open(const struct authority_choice_options *options,
                          struct authority **authority, char *message, size_t size) MUST_USE;
/* What may change while it runs is as in the configuration from now on; on failure as it was. */
int authority_choice_reload(struct authority *authority, const struct config *config, char *message,
                            size_t size) MUST_USE;
