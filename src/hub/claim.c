/* Holding a name over all nodes. A request that claims one has passed what can be checked here;
 * then the store is asked, the client waits (nothing more is read from it), and the request is
 * carried out again when the answer has come:
 *
 *   claim_start ── EFFECT_CLAIM ──▶ EVENT_CLAIMED ── 0 ──▶ carried out; what it did not take after
 *                                        │                  all is released
 *                                        └─ error ──▶ name_taken, unavailable
 *
 * Names that come with something else (an account's, which is nobody else's anyway, or one that
 * moves from a session to another) are claimed without anybody waiting; where the store does not
 * answer, that is tried again.
 *
 * The store's queue keeps claims and releases in order. Only while a claim of the same name for the
 * same identity is under way nothing is released: its answer decides. */
#include "hub/elsewhere.h"

#include "base/pack.h"
#include "hub/client.h"
#include "hub/deferral.h"
#include "hub/session.h"

#define UNATTENDED UINT64_MAX /* the ticket of a claim that no request waits for */
#define TRY_AGAIN_US INT64_C(1000000)

struct claim_question {
    struct list_node node; /* in elsewhere->asked or elsewhere->failed */
    uint64_t ticket;
    struct identity identity;
    int64_t failed_us;
    struct slice folded; /* points into bytes */
    char bytes[];
};

static bool is_about(const struct claim_question *question, struct slice folded,
                     const struct identity *identity) {
    return slice_equal(question->folded, folded) && identity_equal(&question->identity, identity);
}

static bool is_asked(const struct hub *hub, struct slice folded, const struct identity *identity) {
    for (struct list_node *node = hub->elsewhere->asked.first; node != NULL; node = node->next) {
        if (is_about(container_of(node, struct claim_question, node), folded, identity)) {
            return true;
        }
    }
    return false;
}

bool claim_is_contended(const struct hub *hub, struct slice folded,
                        const struct identity *identity) {
    for (struct list_node *node = hub->elsewhere->asked.first; node != NULL; node = node->next) {
        const struct claim_question *question = container_of(node, struct claim_question, node);

        if (slice_equal(question->folded, folded) &&
            !identity_equal(&question->identity, identity)) {
            return true;
        }
    }
    return false;
}

static void ask(struct hub *hub, const struct name_claim *claim) {
    struct claim_question *question = memory_new(sizeof(*question) + claim->folded.length);
    struct name_claim kept = *claim;

    question->ticket = claim->ticket;
    question->identity = claim->identity;
    question->folded = claim->folded;
    pack_slice(&question->folded, question->bytes);
    list_append(&hub->elsewhere->asked, &question->node);
    kept.folded = hub_keep(hub, claim->folded);
    kept.shown = hub_keep(hub, claim->shown);
    effects_add(hub->effects, EFFECT_CLAIM)->claim = kept;
}

static void release(struct hub *hub, struct slice folded, const struct identity *identity) {
    if (is_asked(hub, folded, identity)) {
        return;
    }
    folded = hub_keep(hub, folded);
    struct effect *effect = effects_add(hub->effects, EFFECT_RELEASE);

    effect->claim.folded = folded;
    effect->claim.identity = *identity;
}

/* The claim here, if it is this identity's and held over all nodes. */
static struct claim *find_held(const struct hub *hub, struct slice folded,
                               const struct identity *identity) {
    struct claim *claim = map_find(hub->claims, folded);
    bool mine = claim != NULL && claim->held && identity_equal(&claim->session->identity, identity);

    return mine ? claim : NULL;
}

const struct event *claim_answer(const struct hub *hub) {
    return hub->elsewhere->answer;
}

/* Whether the store has just said so. */
static bool is_granted(const struct hub *hub, struct slice folded,
                       const struct identity *identity) {
    const struct event *answer = hub->elsewhere->answer;

    return answer != NULL && answer->claimed.error == 0 &&
           slice_equal(answer->claimed.claim.folded, folded) &&
           identity_equal(&answer->claimed.claim.identity, identity);
}

/* Held already by the client, whoever it will be. One who takes a session over asks even for the
 * name that it has here: it may have been on another node meanwhile, without this one knowing. */
static bool is_at_hand(const struct hub *hub, const struct client *client, struct slice folded,
                       const struct identity *identity) {
    const struct claim *claim = map_find(hub->claims, folded);
    bool own = claim != NULL && claim->held && claim->session == client->session;

    return own || is_granted(hub, folded, identity);
}

bool claim_start(struct hub *hub, struct client *client, const struct request *request,
                 struct slice name, const struct identity *identity) {
    struct slice folded;

    if (!hub->options.shared || name.length == 0 || hub_fold(hub, name, &folded) < 0 ||
        is_at_hand(hub, client, folded, identity)) {
        return false;
    }
    struct request again = *request;
    struct name_claim claim = {
        .folded = folded, .shown = name, .identity = *identity, .ticket = client->connection};

    again.again = true;
    ask(hub, &claim);
    deferral_keep(hub, client, &again, DEFERRAL_CLAIM);
    client_submit(hub, client);
    return true;
}

void claim_hold(struct hub *hub, struct claim *claim) {
    const struct session *session = claim->session;
    bool here = session->client != NULL || session_belongings(session)->lingering != NULL;

    if (!hub->options.shared || claim->held) {
        return;
    }
    claim->held = here || is_granted(hub, claim_folded(claim), &session->identity);
    if (claim->held && !is_granted(hub, claim_folded(claim), &session->identity)) {
        struct name_claim wanted = {.folded = claim_folded(claim),
                                    .shown = claim_shown(claim),
                                    .identity = session->identity,
                                    .registered = session->registered,
                                    .ticket = UNATTENDED};

        ask(hub, &wanted);
    }
}

void claim_let_go(struct hub *hub, struct claim *claim) {
    if (claim->held) {
        claim->held = false;
        release(hub, claim_folded(claim), &claim->session->identity);
    }
}

void claim_lose(struct hub *hub, struct session *session) {
    static const struct slice reason = SLICE("Somebody else holds your name now");
    struct slice former = hub_keep(hub, claim_shown(session->claim));

    session->claim->held = false;
    name_release(hub, session);
    for (struct client *client = session_next_client(session, NULL); client != NULL;
         client = session_next_client(session, client)) {
        answer_error(hub, client, SLICE_NONE, ERR_NAME_TAKEN, reason);
        name_announce(hub, client, former);
    }
}

static struct claim_question *take_question(struct hub *hub, const struct name_claim *claim) {
    for (struct list_node *node = hub->elsewhere->asked.first; node != NULL; node = node->next) {
        struct claim_question *question = container_of(node, struct claim_question, node);

        if (question->ticket == claim->ticket &&
            is_about(question, claim->folded, &claim->identity)) {
            list_remove(&hub->elsewhere->asked, node);
            return question;
        }
    }
    return NULL;
}

static void carry_on(struct hub *hub, struct client *client, const struct event *event) {
    struct deferral *deferral = client_extras(client)->deferral;
    const struct request *request = &deferral->request;
    int error = event->claimed.error;
    /* Who did not ask for the name comes in without it. */
    bool goes_on = error == 0 || (error == ERR_NAME_TAKEN && request->name.length == 0);

    deferral_forget(client);
    if (goes_on) {
        hub->elsewhere->answer = event;
        deferral_carry_out(hub, client, deferral);
        hub->elsewhere->answer = NULL;
    } else {
        name_answer_error(hub, client, request->cid, error);
        memory_free(deferral);
    }
}

/* A name of an account is its own, so whoever is in the way has to go. */
static void take_unattended(struct hub *hub, struct claim_question *question, int error) {
    struct claim *claim = find_held(hub, question->folded, &question->identity);

    if (claim == NULL || error == 0) {
        return;
    }
    if (error == ERR_NAME_TAKEN && !claim->session->registered) {
        claim_lose(hub, claim->session);
        return;
    }
    struct claim_question *failed = memory_new(sizeof(*failed) + question->folded.length);

    *failed = *question;
    pack_slice(&failed->folded, failed->bytes);
    failed->failed_us = hub->now_us;
    list_append(&hub->elsewhere->failed, &failed->node);
}

void claim_answered(struct hub *hub, const struct event *event) {
    const struct name_claim *claim = &event->claimed.claim;
    struct claim_question *question = take_question(hub, claim);

    if (question == NULL) {
        return;
    }
    if (event->claimed.error == 0) {
        elsewhere_yield(hub, claim->folded, &claim->identity);
    }
    struct client *client =
        claim->ticket != UNATTENDED ? id_map_find(hub->clients, claim->ticket) : NULL;

    if (client != NULL) {
        carry_on(hub, client, event);
        client_settle(hub, client);
    } else if (claim->ticket == UNATTENDED) {
        take_unattended(hub, question, event->claimed.error);
    }
    if (event->claimed.error == 0 && find_held(hub, claim->folded, &claim->identity) == NULL) {
        release(hub, claim->folded, &claim->identity);
    }
    memory_free(question);
}

void claim_tick(struct hub *hub) {
    struct list *failed = &hub->elsewhere->failed;

    while (!list_empty(failed)) {
        struct claim_question *question = container_of(failed->first, struct claim_question, node);
        struct claim *claim = find_held(hub, question->folded, &question->identity);

        if (hub->now_us - question->failed_us < TRY_AGAIN_US) {
            return;
        }
        if (claim != NULL) {
            claim->held = false;
            claim_hold(hub, claim);
        }
        list_remove(failed, &question->node);
        memory_free(question);
    }
}

static void free_all(struct list *questions) {
    while (!list_empty(questions)) {
        struct list_node *node = questions->first;

        list_remove(questions, node);
        memory_free(container_of(node, struct claim_question, node));
    }
}

void claim_close(struct hub *hub) {
    free_all(&hub->elsewhere->asked);
    free_all(&hub->elsewhere->failed);
}
