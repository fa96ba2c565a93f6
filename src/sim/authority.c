#include "sim/authority.h"

#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/list.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/token.h"
#include "wire/secret.h"

#define ROOMS_MOST 8

struct account {
    struct list_node node;
    char *name, *password;
    enum role role;
};

struct token {
    struct list_node node;
    char *text, *name, *rooms, *hook_room, *label;
    struct sim_token means;
    bool is_ticket; /* good for one use */
    bool revoked;
};

struct question {
    struct list_node node;
    uint64_t connection;
    enum credential_kind kind;
    char *name, *secret;
    bool wants_ticket;
};

/* An account that the server is to be told of, or what it must not let in any more. */
struct news {
    struct list_node node;
    enum event_kind kind;
    struct identity identity, device;
    char *name;
    enum role role;
    bool gone;
};

/* What servers may share. */
struct registry {
    unsigned references;
    struct list accounts, tokens;
    uint64_t last_token;
};

struct sim_authority {
    struct authority base;
    struct registry *registry;
    struct list news, questions;
    size_t waiting, released;
    bool held, busy;
    struct event event;
    struct slice rooms[ROOMS_MOST];
    struct buffer text; /* of the event */
};

static struct sim_authority *of(struct authority *authority) {
    return (struct sim_authority *)authority;
}

static struct identity digest(const char *salt, struct slice text) {
    struct identity identity;

    secret_digest_pair(slice_of_string(salt), text, identity.bytes);
    return identity;
}

struct identity sim_authority_identity(struct slice name) {
    struct buffer folded = {0};
    struct identity identity =
        digest("account", name_fold(name, &folded) == 0 ? buffer_slice(&folded) : name);

    buffer_close(&folded);
    return identity;
}

static bool same_name(const char *a, struct slice b) {
    struct identity first = sim_authority_identity(slice_of_string(a));
    struct identity second = sim_authority_identity(b);

    return identity_equal(&first, &second);
}

static struct account *find_account(const struct sim_authority *authority, struct slice name) {
    for (struct list_node *node = authority->registry->accounts.first; node != NULL;
         node = node->next) {
        struct account *account = container_of(node, struct account, node);

        if (same_name(account->name, name)) {
            return account;
        }
    }
    return NULL;
}

static struct token *find_token(const struct sim_authority *authority, struct slice text) {
    for (struct list_node *node = authority->registry->tokens.first; node != NULL;
         node = node->next) {
        struct token *token = container_of(node, struct token, node);

        if (!token->revoked && slice_equal(slice_of_string(token->text), text)) {
            return token;
        }
    }
    return NULL;
}

static struct news *add_news(struct sim_authority *authority, enum event_kind kind,
                             struct slice name) {
    struct news *news = memory_new_struct(struct news);

    news->kind = kind;
    news->name = memory_copy_string(name);
    list_append(&authority->news, &news->node);
    return news;
}

static void tell_account(struct sim_authority *authority, const struct account *account,
                         bool gone) {
    struct slice name = slice_of_string(account->name);
    struct news *news = add_news(authority, EVENT_ACCOUNT, name);

    news->identity = sim_authority_identity(name);
    news->role = account->role;
    news->gone = gone;
}

void sim_authority_add(struct authority *authority, struct slice name, struct slice password,
                       enum role role) {
    struct account *account = find_account(of(authority), name);

    if (account == NULL) {
        account = memory_new_struct(struct account);
        account->name = memory_copy_string(name);
        list_append(&of(authority)->registry->accounts, &account->node);
    }
    memory_free(account->password);
    account->password = memory_copy_string(password);
    account->role = role;
    tell_account(of(authority), account, false);
}

static void free_account(struct sim_authority *authority, struct account *account) {
    list_remove(&authority->registry->accounts, &account->node);
    memory_free(account->name);
    memory_free(account->password);
    memory_free(account);
}

void sim_authority_remove(struct authority *authority, struct slice name) {
    struct account *account = find_account(of(authority), name);

    if (account != NULL) {
        tell_account(of(authority), account, true);
        free_account(of(authority), account);
    }
}

static struct token *add_token(struct sim_authority *authority, const struct sim_token *means) {
    struct token *token = memory_new_struct(struct token);

    token->text = memory_copy_string(means->text);
    token->name = memory_copy_string(means->name);
    token->rooms = memory_copy_string(means->rooms);
    token->hook_room = memory_copy_string(means->hook_room);
    token->label = memory_copy_string(means->label);
    token->means = *means;
    list_append(&authority->registry->tokens, &token->node);
    return token;
}

void sim_authority_add_token(struct authority *authority, const struct sim_token *token) {
    add_token(of(authority), token);
}

void sim_authority_revoke(struct authority *authority, struct slice text) {
    struct token *token = find_token(of(authority), text);

    if (token == NULL) {
        return;
    }
    struct slice name = slice_of_string(token->name);
    struct news *news = add_news(of(authority), EVENT_REVOKED, name);

    token->revoked = true;
    news->device = digest("device", text);
    if (name.length > 0) {
        news->identity = sim_authority_identity(name);
    } else if (token->hook_room[0] != '\0') {
        news->identity = digest("hook", text);
    }
}

static void free_question(struct sim_authority *authority, struct question *question) {
    list_remove(&authority->questions, &question->node);
    memory_free(question->name);
    memory_free(question->secret);
    memory_free(question);
}

static void free_news(struct sim_authority *authority, struct news *news) {
    list_remove(&authority->news, &news->node);
    memory_free(news->name);
    memory_free(news);
}

static void forget_all(struct sim_authority *authority) {
    while (!list_empty(&authority->questions)) {
        free_question(authority, container_of(authority->questions.first, struct question, node));
    }
    while (!list_empty(&authority->news)) {
        free_news(authority, container_of(authority->news.first, struct news, node));
    }
    authority->waiting = authority->released = 0;
}

void sim_authority_restart(struct authority *authority) {
    forget_all(of(authority));
    for (struct list_node *node = of(authority)->registry->accounts.first; node != NULL;
         node = node->next) {
        tell_account(of(authority), container_of(node, struct account, node), false);
    }
}

void sim_authority_hold(struct authority *authority, bool hold) {
    of(authority)->held = hold;
}

size_t sim_authority_waiting(const struct authority *authority) {
    return ((const struct sim_authority *)authority)->waiting;
}

void sim_authority_release(struct authority *authority, size_t count) {
    size_t most = of(authority)->waiting - of(authority)->released;

    of(authority)->released += count < most ? count : most;
}

void sim_authority_set_busy(struct authority *authority, bool busy) {
    of(authority)->busy = busy;
}

static void authenticate(struct authority *authority, uint64_t connection,
                         const struct credential *credential, struct slice address,
                         bool wants_ticket) {
    struct question *question = memory_new_struct(struct question);

    (void)address;
    question->connection = connection;
    question->kind = credential->kind;
    question->name = memory_copy_string(credential->name);
    question->secret = memory_copy_string(credential->secret);
    question->wants_ticket = wants_ticket;
    list_append(&of(authority)->questions, &question->node);
    of(authority)->waiting++;
}

static void vouch_for_account(struct principal *principal, const struct account *account) {
    principal->identity = sim_authority_identity(slice_of_string(account->name));
    principal->name = slice_of_string(account->name);
    principal->role = account->role;
}

/* A token or ticket that means what another one does. */
static struct slice hand_out(struct sim_authority *authority, struct sim_token means, bool ticket) {
    buffer_clear(&authority->text);
    buffer_append_string(&authority->text, ticket ? "ticket_" : TOKEN_PREFIX);
    buffer_append_u64(&authority->text, ++authority->registry->last_token);
    means.text = buffer_slice(&authority->text);
    add_token(authority, &means)->is_ticket = ticket;
    return means.text;
}

static bool check_password(struct sim_authority *authority, const struct question *question,
                           struct principal *principal, struct sim_token *means) {
    const struct account *account = find_account(authority, slice_of_string(question->name));

    if (account == NULL || strcmp(account->password, question->secret) != 0) {
        return false;
    }
    *means = (struct sim_token){.name = slice_of_string(account->name)};
    vouch_for_account(principal, account);
    return true;
}

static void restrict_to(struct sim_authority *authority, const struct token *token,
                        struct principal *principal) {
    struct slice rest = slice_of_string(token->rooms);

    while (rest.length > 0 && principal->room_count < ROOMS_MOST) {
        authority->rooms[principal->room_count++] = slice_cut(&rest, ',');
    }
    principal->restricted = principal->room_count > 0;
    principal->rooms = authority->rooms;
}

static bool is_shown_as(const struct token *token, enum credential_kind kind) {
    bool is_hook = token->hook_room[0] != '\0';

    return token->is_ticket == (kind == CREDENTIAL_TICKET) && is_hook == (kind == CREDENTIAL_HOOK);
}

static void vouch_for_hook(struct sim_authority *authority, const struct token *token,
                           struct principal *principal) {
    authority->rooms[0] = slice_of_string(token->hook_room);
    principal->identity = digest("hook", slice_of_string(token->text));
    principal->restricted = true;
    principal->rooms = authority->rooms;
    principal->room_count = 1;
    principal->hook_room = authority->rooms[0];
    principal->label = slice_of_string(token->label);
}

static bool check_token(struct sim_authority *authority, const struct question *question,
                        struct principal *principal, struct sim_token *means) {
    struct slice text = slice_of_string(question->secret);
    struct token *token = find_token(authority, text);

    if (token == NULL || !is_shown_as(token, question->kind)) {
        return false;
    }
    struct slice name = slice_of_string(token->name);
    const struct account *account = name.length > 0 ? find_account(authority, name) : NULL;

    if (account == NULL && name.length > 0) {
        return false;
    }
    if (account != NULL) {
        vouch_for_account(principal, account);
    } else {
        principal->role = token->means.role;
    }
    restrict_to(authority, token, principal);
    if (question->kind == CREDENTIAL_HOOK) {
        vouch_for_hook(authority, token, principal);
    }
    principal->expires_us = token->means.expires_us;
    principal->has_rate = token->means.has_rate;
    principal->rate_per_minute = token->means.rate_per_minute;
    if (!token->is_ticket) {
        principal->device = digest("device", text);
    }
    token->revoked = token->is_ticket;
    *means = token->means;
    means->name = name;
    means->rooms = slice_of_string(token->rooms);
    return true;
}

static struct event *answer(struct sim_authority *authority, const struct question *question) {
    struct event *event = &authority->event;
    struct principal *principal = &event->authenticated.principal;
    struct sim_token means = {0};
    bool by_password = question->kind == CREDENTIAL_PASSWORD;

    *event = (struct event){.kind = EVENT_AUTHENTICATED, .connection = question->connection};
    if (authority->busy) {
        event->authenticated.error = ERR_UNAVAILABLE;
    } else if (!(by_password ? check_password : check_token)(authority, question, principal,
                                                             &means)) {
        event->authenticated.error = ERR_UNAUTHORIZED;
    } else if (question->wants_ticket) {
        principal->session = hand_out(authority, means, true);
    } else if (by_password) {
        principal->session = hand_out(authority, means, false);
        principal->device = digest("device", principal->session);
    }
    return event;
}

static struct event *tell(struct sim_authority *authority) {
    struct news *news = container_of(authority->news.first, struct news, node);
    struct event *event = &authority->event;

    *event = (struct event){.kind = news->kind};
    if (news->kind == EVENT_REVOKED) {
        event->revoked.identity = news->identity;
        event->revoked.device = news->device;
    } else {
        buffer_clear(&authority->text);
        buffer_append_string(&authority->text, news->name);
        event->account.identity = news->identity;
        event->account.name = buffer_slice(&authority->text);
        event->account.role = news->role;
        event->account.gone = news->gone;
    }
    free_news(authority, news);
    return event;
}

static struct event *collect(struct authority *base) {
    struct sim_authority *authority = of(base);

    if (!list_empty(&authority->news)) {
        return tell(authority);
    }
    if (authority->waiting == 0 || (authority->held && authority->released == 0)) {
        return NULL;
    }
    struct question *question = container_of(authority->questions.first, struct question, node);
    struct event *event = answer(authority, question);

    authority->waiting--;
    authority->released -= authority->released > 0;
    free_question(authority, question);
    return event;
}

static void let_go_of_registry(struct sim_authority *authority) {
    struct registry *registry = authority->registry;
    struct list_node *node;

    if (--registry->references > 0) {
        return;
    }
    while (!list_empty(&registry->accounts)) {
        free_account(authority, container_of(registry->accounts.first, struct account, node));
    }
    while ((node = list_take_first(&registry->tokens)) != NULL) {
        struct token *token = container_of(node, struct token, node);

        memory_free(token->text);
        memory_free(token->name);
        memory_free(token->rooms);
        memory_free(token->hook_room);
        memory_free(token->label);
        memory_free(token);
    }
    memory_free(registry);
}

static void close_authority(struct authority *base) {
    struct sim_authority *authority = of(base);

    forget_all(authority);
    let_go_of_registry(authority);
    buffer_close(&authority->text);
    memory_free(authority);
}

static const struct authority_engine engine = {authenticate, collect, close_authority};

static struct authority *authority_new(struct registry *registry) {
    struct sim_authority *authority = memory_new_struct(struct sim_authority);

    authority->base.engine = &engine;
    authority->registry = registry;
    registry->references++;
    return &authority->base;
}

struct authority *sim_authority_new(void) {
    return authority_new(memory_new_struct(struct registry));
}

struct authority *sim_authority_share(struct authority *authority) {
    return authority_new(of(authority)->registry);
}
