/* Requests that wait, as the hub's files share them; see deferral.c and authentication.c. Private
 * to hub/. */
#pragma once

#include "hub/internal.h"

enum deferral_state {
    DEFERRAL_FENCE,     /* waits for what the client asked for before */
    DEFERRAL_QUESTION,  /* waits for the authority */
    DEFERRAL_CLAIM,     /* waits for the store to say whether a name is free on every node */
    DEFERRAL_HANDSHAKE, /* the same, and nothing was asked for yet: the credential was shown when
                           the connection was opened */
};

struct deferral {
    struct request request;
    uint8_t state;  /* enum deferral_state */
    bool vouched;   /* the authority has answered, and a fence is under way all the same */
    bool overtaken; /* an earlier request went on behind the fence: one more is needed */
    _Alignas(uint64_t) char lists[]; /* of the request; behind them all its texts */
};

/* Keeps the request until all that the client asked for before it has taken effect; until then
 * the client is paused, so that there is one at most. */
void deferral_start(struct hub *hub, struct client *client, const struct request *request);
/* Something that the client asked for earlier was sent to the store's queue only now. */
void deferral_overtake(struct client *client);
/* Keeps the request until deferral_carry_out; until then the client is paused. */
void deferral_keep(struct hub *hub, struct client *client, const struct request *request,
                   enum deferral_state state);
/* Lets what is kept wait for a fence too. */
void deferral_fence(struct hub *hub, struct client *client);
/* Takes it from the client, unfreed. */
void deferral_forget(struct client *client);
/* The fence has come back: the request, to be carried out; NULL: it still waits. */
struct deferral *deferral_take(struct hub *hub, struct client *client) MUST_USE;
/* Its turn has come; frees it. In hub.c. */
void deferral_carry_out(struct hub *hub, struct client *client, struct deferral *deferral);
