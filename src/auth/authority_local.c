#include "auth/authority_local.h"

#include <sodium.h>
#include <string.h>

#include "auth/attempts.h"
#include "auth/clerk.h"
#include "auth/memo.h"
#include "auth/static_tokens.h"
#include "auth/tickets.h"
#include "auth/vouch.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"

struct local {
    struct authority base;
    struct authority_local_options options; /* its keys are not kept */
    bool is_shared;                         /* with other nodes: the clerk has the tickets */
    struct clerk *clerk;
    struct queue answers;  /* by the clerk */
    struct list ready;     /* answered here, or first of all */
    size_t logins, others; /* questions the clerk has */
    struct static_tokens tokens;
    struct attempts *attempts;
    struct memo *memo;
    struct tickets *tickets;
    struct question *current; /* what `event` points into */
    size_t told;              /* of its notices */
    char ticket[TICKET_LENGTH + 1];
    struct event event;
};

static int64_t system_clock(void *context) {
    (void)context;
    return clock_wall_us();
}

static int64_t now_us(const struct local *local) {
    return local->options.clock(local->options.context);
}

/* Answered already. */
static void answer(struct local *local, struct question *question) {
    list_append(&local->ready, &question->node);
}

static void refuse(struct local *local, struct question *question, int error, const char *why) {
    question_refuse(question, error, why);
    answer(local, question);
}

/* Whether the clerk may be asked: whoever asks has not failed too often, and `waiting` others do
 * not fill its desk. */
static bool may_ask(struct local *local, struct question *question, size_t waiting, size_t limit) {
    if (waiting >= limit)
        refuse(local, question, ERR_UNAVAILABLE, "too many are waiting");
    else if (!attempts_allow(local->attempts, question->name, question->address, now_us(local)))
        refuse(local, question, ERR_RATE_LIMITED, NULL);
    else
        return true;
    return false;
}

/* Where tickets are in common the clerk makes them, of what it has seen itself. */
static bool is_remembered(const struct local *local, const struct question *question) {
    return question->passing && !(local->is_shared && question->wants_ticket);
}

static void ask_password(struct local *local, struct question *question) {
    const struct principal *known =
        is_remembered(local, question)
            ? memo_find(local->memo, question->name, question->secret, now_us(local))
            : NULL;

    if (known) {
        question->principal = principal_copy(known);
        answer(local, question);
    } else if (may_ask(local, question, local->logins, LIMIT_LOGINS)) {
        attempts_begin(local->attempts, question->name, now_us(local));
        local->logins++;
        clerk_put(local->clerk, question);
    }
}

static void ask_clerk(struct local *local, struct question *question) {
    if (may_ask(local, question, local->others, LIMIT_CREDENTIALS)) {
        local->others++;
        clerk_put(local->clerk, question);
    }
}

static void ask_token(struct local *local, struct question *question) {
    struct principal stranger = {.role = ROLE_GUEST};

    if (static_tokens_hold(&local->tokens, question->secret, &stranger.device))
        question->principal = principal_copy(&stranger);
    if (question->principal && !(local->is_shared && question->wants_ticket))
        answer(local, question);
    else
        ask_clerk(local, question);
}

/* One ticket is not good for another: that would make it good for ever. */
static void ask_ticket(struct local *local, struct question *question) {
    if (!question->wants_ticket && local->is_shared) {
        ask_clerk(local, question);
        return;
    }
    if (!question->wants_ticket)
        question->principal = tickets_take(local->tickets, question->secret, now_us(local));
    if (!question->principal)
        question_refuse(question, ERR_UNAUTHORIZED, "it is no ticket, or was used");
    answer(local, question);
}

/* Nothing else stands for a hook, so there are no tickets for it. */
static void ask_hook(struct local *local, struct question *question) {
    if (question->wants_ticket)
        refuse(local, question, ERR_UNAUTHORIZED, "a hook is for messages only");
    else
        ask_clerk(local, question);
}

static enum question_kind question_of(enum credential_kind kind) {
    return kind == CREDENTIAL_PASSWORD ? QUESTION_PASSWORD
           : kind == CREDENTIAL_HOOK   ? QUESTION_HOOK
           : kind == CREDENTIAL_TICKET ? QUESTION_TICKET
                                       : QUESTION_TOKEN;
}

static void authenticate(struct authority *authority, uint64_t connection,
                         const struct credential *credential, struct slice address,
                         bool wants_ticket) {
    static const struct credential none;
    struct local *local = container_of(authority, struct local, base);
    struct question *question;

    if (credential->secret.length > LIMIT_SECRET || credential->name.length > LIMIT_NAME)
        credential = &none;
    question = question_new(question_of(credential->kind), connection, credential, address);
    question->wants_ticket = wants_ticket;
    switch (credential->kind) {
    case CREDENTIAL_NONE:
        refuse(local, question, ERR_UNAUTHORIZED, "there is none");
        break;
    case CREDENTIAL_PASSWORD:
        ask_password(local, question);
        break;
    case CREDENTIAL_TOKEN:
        ask_token(local, question);
        break;
    case CREDENTIAL_TICKET:
        ask_ticket(local, question);
        break;
    case CREDENTIAL_HOOK:
        ask_hook(local, question);
        break;
    }
}

/* What is typed in place of a name may be a password, so only names of accounts are written. */
static void log_refusal(const struct local *local, const struct question *question) {
    static const char *const words[] = {
        [QUESTION_PASSWORD] = "login",
        [QUESTION_TOKEN] = "token",
        [QUESTION_HOOK] = "hook",
        [QUESTION_TICKET] = "ticket",
    };
    struct slice from = question->address.length > 0 ? question->address : SLICE("somewhere");

    if (question->error == ERR_UNAVAILABLE || !question->why)
        return;
    if (question->kind == QUESTION_PASSWORD && question->known)
        log_write(local->options.log, LOG_INFO, "Refused a login as %.*s from %.*s: %s",
                  SLICE_ARGS(question->name), SLICE_ARGS(from), question->why);
    else
        log_write(local->options.log, LOG_INFO, "Refused a %s from %.*s: %s", words[question->kind],
                  SLICE_ARGS(from), question->why);
}

/* The clerk has it no more: what its answer means for the next who ask. Tickets cannot be guessed,
 * and one that was used is no guess. */
static void conclude(struct local *local, const struct question *question) {
    bool is_password = question->kind == QUESTION_PASSWORD;

    if (is_password)
        local->logins--;
    else
        local->others--;
    if (question->error != ERR_UNAVAILABLE && question->kind != QUESTION_TICKET)
        attempts_end(local->attempts, is_password ? question->name : SLICE_NONE, question->address,
                     question->error != ERR_UNAUTHORIZED, now_us(local));
    if (is_password && question->passing && !question->error)
        memo_put(local->memo, question->name, question->secret, question->principal, now_us(local));
}

static struct event *tell_verdict(struct local *local, const struct question *question) {
    struct event *event = &local->event;

    if (question->error)
        log_refusal(local, question);
    *event = (struct event){.kind = EVENT_AUTHENTICATED,
                            .connection = question->connection,
                            .authenticated = {.error = question->error}};
    if (question->error || !question->principal)
        return event;
    event->authenticated.principal = *question->principal;
    if (question->ticket[0]) {
        event->authenticated.principal.session = slice_of_string(question->ticket);
    } else if (question->wants_ticket) {
        tickets_make(local->tickets, question->principal, now_us(local), local->ticket);
        event->authenticated.principal.session = slice_from(local->ticket, TICKET_LENGTH);
    }
    return event;
}

static struct event *tell_notice(struct local *local, const struct notice *notice) {
    memo_clear(local->memo);
    if (notice->is_revocation) {
        tickets_revoke(local->tickets, &notice->identity, &notice->device);
        local->event = (struct event){
            .kind = EVENT_REVOKED,
            .revoked = {.identity = notice->identity, .device = notice->device},
        };
    } else {
        local->event = (struct event){
            .kind = EVENT_ACCOUNT,
            .account = {.identity = notice->identity,
                        .name = notice->name,
                        .role = notice->role,
                        .gone = notice->gone},
        };
    }
    return &local->event;
}

/* What the clerk puts among the answers and is none is attended to here. False: it was one. */
static bool attend(struct local *local, struct question *question) {
    if (question->kind == QUESTION_ATTEMPT) {
        attempts_hear(local->attempts, question->secret, now_us(local));
        question_free(question);
        return true;
    }
    if (!question->exchanged)
        return false;
    question->exchanged = false; /* it was a ticket */
    local->others--;
    ask_token(local, question);
    return true;
}

static struct question *next_answer(struct local *local) {
    struct list_node *node;
    struct question *question;

    do {
        node = list_take_first(&local->ready);
        if (node)
            return container_of(node, struct question, node);
        question = queue_take(&local->answers);
    } while (question && attend(local, question));
    if (question && question->kind != QUESTION_CHANGES)
        conclude(local, question);
    return question;
}

/* The next of the notices at hand; NULL: all are told. */
static struct event *tell_next(struct local *local) {
    struct question *question = local->current;

    if (!question || question->kind != QUESTION_CHANGES)
        return NULL;
    if (local->told < question->notice_count) {
        struct notice notice = question_notice(question, local->told++);
        return tell_notice(local, &notice);
    }
    if (question->waited_for && local->options.told)
        local->options.told(local->options.context, question->error);
    return NULL;
}

static struct event *collect(struct authority *authority) {
    struct local *local = container_of(authority, struct local, base);
    struct event *event;

    sodium_memzero(local->ticket, sizeof(local->ticket));
    do {
        event = tell_next(local);
        if (event)
            return event;
        question_free(local->current);
        local->told = 0;
        local->current = next_answer(local);
    } while (local->current && local->current->kind == QUESTION_CHANGES);
    return local->current ? tell_verdict(local, local->current) : NULL;
}

static void close_local(struct authority *authority) {
    struct local *local = container_of(authority, struct local, base);
    struct list_node *node;

    clerk_stop(local->clerk);
    queue_close(&local->answers);
    question_free(local->current);
    while ((node = list_take_first(&local->ready)))
        question_free(container_of(node, struct question, node));
    static_tokens_close(&local->tokens);
    attempts_free(local->attempts);
    memo_free(local->memo);
    tickets_free(local->tickets);
    memory_free(local);
}

static const struct authority_engine engine = {authenticate, collect, close_local};

int authority_local_check(const struct authority_local_keys *keys, struct buffer *message) {
    struct jwt_setup *setup;
    int error = jwt_setup_load(keys, &setup, message);

    if (!error)
        jwt_setup_free(setup);
    return error;
}

static int start_clerk(struct local *local, struct jwt_setup *setup, struct buffer *message) {
    const struct authority_local_options *options = &local->options;
    struct question *notices;
    int error = clerk_start(
        &(struct clerk_options){
            .folder = options->folder,
            .shared = options->shared,
            .log = options->log,
            .setup = setup,
            .session_age_us = (int64_t)options->session_age_s * 1000000,
            .clock = options->clock,
            .answers = &local->answers,
            .wake = options->wake,
            .context = options->context,
        },
        &notices, &local->clerk, message);

    if (!error)
        answer(local, notices);
    return error;
}

int authority_local_open(const struct authority_local_options *options,
                         struct authority **authority, struct buffer *message) {
    struct jwt_setup *setup;
    struct local *local;
    uint64_t seed;
    int error;

    if (sodium_init() < 0) {
        buffer_append_string(message, "the system gives no random numbers");
        return ERR_IO;
    }
    error = jwt_setup_load(&options->keys, &setup, message);
    if (error)
        return error;
    randombytes_buf(&seed, sizeof(seed));
    local = memory_new_struct(struct local);
    local->base.engine = &engine;
    local->options = *options;
    local->options.keys = (struct authority_local_keys){0};
    if (!options->clock)
        local->options.clock = system_clock;
    queue_init(&local->answers);
    static_tokens_set(&local->tokens, options->keys.tokens, options->keys.token_count);
    local->attempts = attempts_new(seed);
    local->memo = memo_new();
    local->tickets = tickets_new(seed);
    local->is_shared = options->folder && options->shared;
    error = start_clerk(local, setup, message);
    local->options.shared = NULL; /* not kept, either */
    if (error)
        close_local(&local->base);
    else
        *authority = &local->base;
    return error;
}

/* Static tokens that are gone, as revocations of whoever came with them. */
static struct question *compare_tokens(const struct static_tokens *before,
                                       const struct static_tokens *after) {
    struct question *question = question_new(QUESTION_CHANGES, 0, NULL, SLICE_NONE);

    for (size_t i = 0; i < before->count; i++) {
        if (!static_tokens_have(after, &before->digests[i]))
            question_add_notice(
                question, &(struct notice){.is_revocation = true, .device = before->digests[i]});
    }
    return question;
}

int authority_local_reload(struct authority *authority, const struct authority_local_keys *keys,
                           struct buffer *message) {
    struct local *local = container_of(authority, struct local, base);
    struct static_tokens tokens;
    struct jwt_setup *setup;
    struct question *question;
    int error = jwt_setup_load(keys, &setup, message);

    if (error)
        return error;
    static_tokens_set(&tokens, keys->tokens, keys->token_count);
    answer(local, compare_tokens(&local->tokens, &tokens));
    static_tokens_close(&local->tokens);
    local->tokens = tokens;
    question = question_new(QUESTION_KEYS, 0, NULL, SLICE_NONE);
    question->setup = setup;
    clerk_put(local->clerk, question);
    local->options.wake(local->options.context);
    return 0;
}

void authority_local_look(struct authority *authority) {
    struct local *local = container_of(authority, struct local, base);
    struct question *question = question_new(QUESTION_CHANGES, 0, NULL, SLICE_NONE);

    question->waited_for = true;
    clerk_put(local->clerk, question);
}
