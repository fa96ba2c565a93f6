/* Authentication: a credential is shown, the authority is asked whose it is, and the request that
 * came with it goes on when the answer is there. Meanwhile nothing is read from the client, so that
 * one question is under way for each connection at most and requests keep their order.
 *
 *   asked ── wrong ──▶ an error; of a handshake: closed
 *     └──── right ──▶ an account's client waits for a fence ──▶ the request is carried out
 *
 * The fence is there because with the account's first client its read marks and conversations are
 * asked of the store, and a welcome tells of them.
 *
 * A request of those that may show a credential and reaches its handler with one has been vouched
 * for: the kind is still there, the secret is not. With others it means nothing. */
#include "base/close_code.h"
#include "base/token.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/deferral.h"
#include "hub/limits.h"
#include "hub/requests.h"
#include "hub/rules.h"
#include "hub/session.h"

/* Which requests of a client that stays may show one. */
static bool may_show(const struct client *client, const struct request *request) {
    return client->traits.transient || request->kind == REQUEST_HELLO ||
           request->kind == REQUEST_NAME || request->kind == REQUEST_AUTH;
}

static struct credential credential_of(const struct client *client, const struct request *request) {
    struct credential credential = request->credential;

    if (!may_show(client, request)) {
        return (struct credential){0};
    }
    if (credential.kind == CREDENTIAL_NONE && request->kind == REQUEST_HELLO &&
        slice_starts_with(request->session, SLICE(TOKEN_PREFIX))) {
        credential.kind = CREDENTIAL_TOKEN;
        credential.secret = request->session;
    }
    return credential;
}

static struct slice format_address(struct hub *hub, const struct client *client) {
    const struct address16 *address = client_address(client);
    char text[ADDRESS_TEXT_LENGTH + 1];

    if (address == NULL) {
        return SLICE("unix");
    }
    address16_format(address, text);
    return hub_keep(hub, slice_of_string(text));
}

static void ask(struct hub *hub, struct client *client, const struct credential *credential,
                bool wants_ticket) {
    struct credential kept = {.kind = credential->kind,
                              .name = hub_keep(hub, credential->name),
                              .secret = hub_keep(hub, credential->secret),
                              .passing = client->traits.transient};
    struct slice address = format_address(hub, client);
    struct effect *effect = effects_add(hub->effects, EFFECT_AUTHENTICATE);

    effect->connection = client->connection;
    effect->authenticate.credential = kept;
    effect->authenticate.address = address;
    effect->authenticate.wants_ticket = wants_ticket;
    client_submit(hub, client);
}

bool authentication_start(struct hub *hub, struct client *client, const struct request *request) {
    struct credential credential = credential_of(client, request);

    if (credential.kind == CREDENTIAL_NONE) {
        return false;
    }
    struct request kept = *request;

    kept.credential.kind = credential.kind; /* of a hello with a session it has none yet */
    if (slice_starts_with(kept.session, SLICE(TOKEN_PREFIX))) {
        kept.session = SLICE_NONE;
    }
    deferral_keep(hub, client, &kept, DEFERRAL_QUESTION);
    ask(hub, client, &credential, request->kind == REQUEST_TICKET);
    return true;
}

bool authentication_open(struct hub *hub, struct client *client, const struct event *event) {
    static const struct request nothing;

    if (event->opened.credential.kind == CREDENTIAL_NONE) {
        return false;
    }
    deferral_keep(hub, client, &nothing, DEFERRAL_HANDSHAKE);
    ask(hub, client, &event->opened.credential, false);
    return true;
}

static struct slice reason_of(int error) {
    static const struct slice busy = SLICE("This cannot be checked now, try again later");
    static const struct slice occupied = SLICE("This connection is somebody else's");

    if (error == ERR_UNAVAILABLE) {
        return busy;
    }
    return error == ERR_FORBIDDEN ? occupied : SLICE_NONE;
}

static void refuse(struct hub *hub, struct client *client, const struct deferral *deferral,
                   int error) {
    bool wrong = error == ERR_UNAUTHORIZED || error == ERR_FORBIDDEN || error == ERR_NAME_TAKEN;

    if (deferral->state != DEFERRAL_HANDSHAKE) {
        answer_error(hub, client, deferral->request.cid, error, reason_of(error));
        if (error == ERR_UNAUTHORIZED && client->state == CLIENT_LIVE &&
            !client->traits.transient && limit_failed_login(hub, client)) {
            client_quit(hub, client, CLOSE_POLICY, false);
        }
    } else if (client->state == CLIENT_LIVE) {
        client_quit(hub, client, wrong ? CLOSE_POLICY : CLOSE_TRY_LATER, false);
    }
}

static int let_in(struct hub *hub, struct client *client, const struct event *event) {
    const struct principal *principal = &event->authenticated.principal;

    if (event->authenticated.error < 0) {
        return event->authenticated.error;
    }
    if (client->state != CLIENT_LIVE) {
        return ERR_UNAVAILABLE;
    }
    if (!client->traits.transient) {
        return device_admit(hub, client, principal);
    }
    if (!identity_none(&principal->identity)) {
        account_learn(hub, principal);
    }
    passport_issue(hub, client, principal);
    return 0;
}

void authentication_told(struct hub *hub, const struct event *event) {
    struct client *client = id_map_find(hub->clients, event->connection);
    struct deferral *deferral = client != NULL ? client_extras(client)->deferral : NULL;

    if (deferral == NULL || deferral->state == DEFERRAL_FENCE ||
        deferral->state == DEFERRAL_CLAIM || deferral->vouched) {
        return;
    }
    int error = let_in(hub, client, event);

    /* It may be in rooms that it must not see as what it is now. */
    if (error == 0 && !client->traits.transient) {
        eviction_review(hub, client);
    }
    if (error == 0 && client->session != NULL && client->session->registered) {
        deferral->vouched = true;
        deferral_fence(hub, client);
    } else if (error == 0) {
        deferral_forget(client);
        deferral_carry_out(hub, client, deferral);
    } else {
        refuse(hub, client, deferral, error);
        deferral_forget(client);
        memory_free(deferral);
    }
    client_settle(hub, client);
}

/* The credential has been taken in already. In a server that lets in nobody without, the lobby
 * comes only now. */
void handle_auth(struct hub *hub, struct client *client, const struct request *request) {
    if (request->credential.kind == CREDENTIAL_NONE) {
        answer_error(hub, client, request->cid, ERR_UNAUTHORIZED, SLICE_NONE);
        return;
    }
    answer_ack(hub, client, request->cid, SLICE_NONE);
    client_enter(hub, client);
    eviction_review(hub, client); /* the new one may be good for less */
}

void handle_ticket(struct hub *hub, struct client *client, const struct request *request) {
    if (!may_show(client, request) || request->credential.kind == CREDENTIAL_NONE) {
        answer_error(hub, client, request->cid, ERR_UNAUTHORIZED, SLICE_NONE);
        return;
    }
    struct slice ticket = hub_keep(hub, client_passport(client)->session);

    answer(hub, client, REPLY_TICKET, request->cid)->session = ticket;
}
