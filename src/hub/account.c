/* Accounts: whom the authority knows. It tells of all of them at the start and of every change, so
 * that with each name that is claimed or signed with it is known at once whether that is anybody's.
 * There may be many of them and few are here, so an account is no more than its name.
 *
 * Somebody with a token made elsewhere has no account that was told of. Their name is reserved from
 * the first time they come until the server ends. */
#include <string.h>

#include "base/pack.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/rules.h"
#include "hub/session.h"

struct account *account_find(const struct hub *hub, const struct identity *identity) {
    return map_find(hub->accounts, identity_slice(identity));
}

struct account *account_find_folded(const struct hub *hub, struct slice folded) {
    return map_find(hub->account_names, folded);
}

struct account *account_find_name(struct hub *hub, struct slice name) {
    struct slice folded;

    if (map_count(hub->accounts) == 0 || hub_fold(hub, name, &folded) < 0) {
        return NULL;
    }
    return account_find_folded(hub, folded);
}

struct slice account_folded(const struct account *account) {
    return slice_from(account->bytes, account->folded_length);
}

struct slice account_name(const struct account *account) {
    return account->shown_length == 0
               ? account_folded(account)
               : slice_from(account->bytes + account->folded_length, account->shown_length);
}

bool account_denies(const struct hub *hub, struct slice folded, const struct identity *identity) {
    const struct account *account = account_find_folded(hub, folded);

    return account != NULL && !identity_equal(&account->identity, identity);
}

bool hub_knows_identity(const struct hub *hub, const struct identity *identity) {
    return account_find(hub, identity) != NULL;
}

static void remove_account(struct hub *hub, struct account *account) {
    map_remove(hub->accounts, identity_slice(&account->identity));
    map_remove(hub->account_names, account_folded(account));
    memory_free(account);
}

/* What is no name, or cannot be anybody's, is left out: the authority may know other alphabets. */
static struct account *add_account(struct hub *hub, const struct identity *identity,
                                   struct slice name, enum role role) {
    struct slice folded;

    if (hub_fold(hub, name, &folded) < 0 || name_is_reserved(folded)) {
        return NULL;
    }
    size_t shown_length = slice_equal(name, folded) ? 0 : name.length;
    struct account *account = memory_new(sizeof(*account) + folded.length + shown_length);

    account->identity = *identity;
    account->role = (uint8_t)role;
    account->folded_length = (uint16_t)folded.length;
    account->shown_length = (uint16_t)shown_length;
    memcpy(account->bytes, folded.data, folded.length);
    if (shown_length > 0) {
        memcpy(account->bytes + folded.length, name.data, shown_length);
    }
    map_put(hub->accounts, identity_slice(&account->identity), account);
    map_put(hub->account_names, account_folded(account), account);
    return account;
}

/* A guest who goes by the name goes on without one. */
static void take_name_from_guest(struct hub *hub, const struct account *account) {
    static const struct slice reason = SLICE("Your name belongs to an account now");
    struct claim *claim = map_find(hub->claims, account_folded(account));

    if (claim == NULL || identity_equal(&claim->session->identity, &account->identity)) {
        return;
    }
    struct session *session = claim->session;
    struct slice former = hub_keep(hub, claim_shown(claim));

    name_release(hub, session);
    for (struct client *client = session_next_client(session, NULL); client != NULL;
         client = session_next_client(session, client)) {
        answer_error(hub, client, SLICE_NONE, ERR_NAME_TAKEN, reason);
        name_announce(hub, client, former);
    }
}

/* Who is here as the account goes by its name. */
static void rename_session(struct hub *hub, const struct account *account) {
    struct session *session = session_find(hub, &account->identity);

    if (session == NULL || (session->claim != NULL &&
                            slice_equal(claim_shown(session->claim), account_name(account)))) {
        return;
    }
    struct slice former =
        session->claim != NULL ? hub_keep(hub, claim_shown(session->claim)) : SLICE_NONE;

    name_claim(hub, session, account_name(account));
    for (struct client *client = session_next_client(session, NULL); client != NULL;
         client = session_next_client(session, client)) {
        name_announce(hub, client, former);
    }
}

void account_learn(struct hub *hub, const struct principal *principal) {
    if (principal->name.length == 0 || account_find(hub, &principal->identity) != NULL ||
        account_find_name(hub, principal->name) != NULL) {
        return;
    }
    struct account *account =
        add_account(hub, &principal->identity, principal->name, principal->role);

    if (account != NULL) {
        take_name_from_guest(hub, account);
        rename_session(hub, account); /* it may have come with a token that had no name for it */
    }
}

static void change_role(struct hub *hub, struct account *account, enum role role) {
    struct session *session = session_find(hub, &account->identity);

    struct client *next;

    account->role = (uint8_t)role;
    for (struct client *client = session != NULL ? session_next_client(session, NULL) : NULL;
         client != NULL; client = next) {
        struct passport *passport = client_passport(client);

        next = session_next_client(session, client);
        passport->role = role < passport->ceiling ? (uint8_t)role : passport->ceiling;
        session_weigh(session);
        eviction_review(hub, client);
    }
}

static void forget(struct hub *hub, struct account *account) {
    struct identity identity = account->identity;

    remove_account(hub, account);
    passport_end_all(hub, &identity);
    struct session *session = session_find(hub, &identity);

    if (session != NULL) {
        session_end(hub, session);
    }
}

void account_told(struct hub *hub, const struct event *event) {
    const struct identity *identity = &event->account.identity;
    struct account *account = account_find(hub, identity);

    if (event->account.gone) {
        if (account != NULL) {
            forget(hub, account);
        }
        return;
    }
    if (account != NULL && slice_equal(account_name(account), event->account.name)) {
        change_role(hub, account, event->account.role);
        return;
    }
    /* Of two with one name the authority means the one it tells of last. */
    struct account *namesake = account_find_name(hub, event->account.name);

    if (account != NULL) {
        remove_account(hub, account);
    }
    if (namesake != NULL && namesake != account) {
        forget(hub, namesake);
    }
    account = add_account(hub, identity, event->account.name, event->account.role);
    if (account != NULL) {
        take_name_from_guest(hub, account);
        rename_session(hub, account);
    }
}

void directory_open(struct hub *hub) {
    hub->accounts = map_new(hub->options.seed);
    hub->account_names = map_new(hub->options.seed);
}

void directory_close(struct hub *hub) {
    struct account *account;
    size_t cursor = 0;

    while ((account = map_next(hub->accounts, &cursor)) != NULL) {
        memory_free(account);
    }
    map_free(hub->accounts);
    map_free(hub->account_names);
}
