/* Requests that change the rules of a room, or of the whole server: who may ask for what, and about
 * whom. What is allowed becomes a line in the log of "$rules", and takes effect when it comes back
 * from there (rules_log.c).
 *
 * A room whose rules nobody has made belongs to nobody. An account that makes a room (by "create",
 * or by setting a rule of one that is not there yet) owns it; whether it is there is known when it
 * is followed, so the line waits for that. */
#include "hub/moderation.h"

#include <string.h>

#include "hub/access.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/elsewhere.h"
#include "hub/limits.h"
#include "hub/requests.h"
#include "hub/room.h"
#include "hub/rules.h"
#include "hub/session.h"

/* What each kind of change takes. */
static const struct {
    enum access_action action;
    bool everywhere; /* also of the whole server */
    bool named;      /* is about somebody … */
    bool known;      /* … whose identity must be known */
    bool over;       /* … who must be less than the one who asks */
    bool by_address; /* or about addresses */
} kinds[] = {
    [RULE_CREATE] = {.action = ACCESS_OWN},
    [RULE_SET] = {.action = ACCESS_OWN},
    [RULE_ROLE] = {.action = ACCESS_OWN, .named = true, .known = true, .over = true},
    [RULE_INVITE] = {.action = ACCESS_MODERATE, .named = true, .known = true},
    [RULE_KICK] =
        {.action = ACCESS_MODERATE, .everywhere = true, .named = true, .known = true, .over = true},
    [RULE_BAN] = {.action = ACCESS_MODERATE,
                  .everywhere = true,
                  .named = true,
                  .over = true,
                  .by_address = true},
    [RULE_UNBAN] = {.action = ACCESS_MODERATE,
                    .everywhere = true,
                    .named = true,
                    .by_address = true},
    [RULE_MUTE] = {.action = ACCESS_MODERATE, .everywhere = true, .named = true, .over = true},
    [RULE_UNMUTE] = {.action = ACCESS_MODERATE, .everywhere = true, .named = true},
};

/* A change on its way to the log. */
struct proposal {
    struct rule rule;
    struct place place; /* of the room; zeroed: the whole server */
    const struct room_rules *room;
    enum role target_role;
    struct slice why_not; /* more than the error says, for people */
};

static int refuse(struct proposal *proposal, int error, const char *text) {
    proposal->why_not = slice_of_string(text);
    return error;
}

static void meet(struct proposal *proposal, const struct identity *identity, struct slice name,
                 enum role server_role, bool guest) {
    enum role role = rules_role(proposal->room, identity);

    proposal->rule.identity = *identity;
    proposal->rule.name = name;
    proposal->rule.guest = guest;
    proposal->target_role =
        server_role >= ROLE_MODERATOR && server_role > role ? server_role : role;
}

/* Somebody who is on another node. */
static bool find_elsewhere(struct hub *hub, const struct request *request,
                           struct proposal *proposal) {
    struct slice folded;
    const struct namesake *namesake =
        hub_fold(hub, request->name, &folded) == 0 ? map_find(hub->elsewhere->names, folded) : NULL;

    if (namesake != NULL) {
        meet(proposal, &namesake->identity, hub_keep(hub, namesake->shown), ROLE_GUEST,
             !namesake->registered);
    }
    return namesake != NULL;
}

/* Whom the request means: an account, somebody who is here, or just a name. */
static int find_target(struct hub *hub, const struct request *request, struct proposal *proposal) {
    struct slice folded;

    if (hub_fold(hub, request->name, &folded) == 0) {
        const struct account *account = account_find_folded(hub, folded);
        const struct claim *claim = map_find(hub->claims, folded);

        if (account != NULL) {
            meet(proposal, &account->identity, hub_keep(hub, account_name(account)),
                 (enum role)account->role, false);
            return 0;
        }
        if (claim != NULL) {
            meet(proposal, &claim->session->identity, hub_keep(hub, claim_shown(claim)), ROLE_GUEST,
                 true);
            return 0;
        }
    }
    if (find_elsewhere(hub, request, proposal)) {
        return 0;
    }
    if (kinds[proposal->rule.kind].known) {
        return refuse(proposal, ERR_NOT_FOUND, "There is nobody by this name");
    }
    buffer_clear(&hub->text);
    if (text_append_label(&hub->text, request->name) < 0) {
        return ERR_BAD_REQUEST;
    }
    proposal->rule.name = hub_keep(hub, buffer_slice(&hub->text));
    return 0;
}

static int check_address(const struct client *client, const struct request *request,
                         struct proposal *proposal) {
    const struct address16 *own = client_address(client);
    struct cidr addresses;

    if (!kinds[proposal->rule.kind].by_address) {
        return refuse(proposal, ERR_BAD_REQUEST, "This is done to a name, not to an address");
    }
    if (cidr_parse(request->subject, &addresses) < 0) {
        return refuse(proposal, ERR_BAD_REQUEST,
                      "An address is like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32");
    }
    proposal->rule.address = request->subject;
    if (proposal->rule.kind == RULE_BAN && own != NULL && cidr_contains(&addresses, own)) {
        return refuse(proposal, ERR_BAD_REQUEST, "You come from there yourself");
    }
    return 0;
}

/* Nobody does anything to somebody who is as much as they are, but to themselves. */
static int check_rank(const struct client *client, struct proposal *proposal) {
    const struct identity *own = access_identity(client);
    enum role rank = access_role(client, proposal->room);
    const struct rule *rule = &proposal->rule;

    if (rule->kind == RULE_ROLE && rule->role > ROLE_MEMBER && rule->guest) {
        return refuse(proposal, ERR_FORBIDDEN, "Only an account can be that");
    }
    if (!kinds[rule->kind].over || rule->address.length > 0 ||
        (own != NULL && identity_equal(own, &rule->identity))) {
        return 0;
    }
    const bool outranks = proposal->target_role < rank || client_role(client) > ROLE_MODERATOR;

    return outranks ? 0 : refuse(proposal, ERR_FORBIDDEN, "They are as much here as you are");
}

static int check_target(struct hub *hub, const struct client *client, const struct request *request,
                        struct proposal *proposal) {
    int error = 0;

    if (!kinds[proposal->rule.kind].named) {
        return 0;
    }
    if (request->subject.length > 0 && request->name.length == 0) {
        error = check_address(client, request, proposal);
    } else if (request->name.length > 0) {
        error = find_target(hub, request, proposal);
    } else {
        error = ERR_BAD_REQUEST;
    }
    return error == 0 ? check_rank(client, proposal) : error;
}

static int check_setting(const struct request *request, struct proposal *proposal) {
    struct room_rules trial = {0};

    if (proposal->rule.kind != RULE_SET) {
        return 0;
    }
    proposal->rule.key = request->key;
    proposal->rule.value = request->content;
    return rules_set(&trial, request->key, request->content) == 0
               ? 0
               : refuse(proposal, ERR_BAD_REQUEST, "Settings are " RULE_SETTINGS);
}

/* Whether the client may make this room its own, as far as can be known before the room is. */
static int check_claim(const struct hub *hub, const struct client *client,
                       struct proposal *proposal) {
    bool mine = rules_role(proposal->room, access_identity(client)) == ROLE_OWNER;

    if (proposal->room != NULL && !mine) {
        return refuse(proposal, ERR_FORBIDDEN, "This room is there already");
    }
    if (client_account(client) == NULL) {
        return refuse(proposal, ERR_FORBIDDEN, "Only an account can own a room");
    }
    if (!hub->options.create_rooms && client_role(client) < ROLE_OWNER) {
        return ERR_FORBIDDEN;
    }
    proposal->rule.claim = true;
    return 0;
}

static int check_right(struct hub *hub, const struct client *client, const struct request *request,
                       struct proposal *proposal) {
    enum rule_kind kind = proposal->rule.kind;
    enum access_action action = kinds[kind].action;
    bool ownerless = proposal->room == NULL && client_role(client) < ROLE_OWNER;

    if (kind == RULE_CREATE || (kind == RULE_SET && ownerless)) {
        return check_claim(hub, client, proposal);
    }
    if (kind == RULE_SET && rules_moderators_set(request->key)) {
        action = ACCESS_MODERATE;
    }
    return access_check(hub, client, &proposal->place, action);
}

static int check_room(struct hub *hub, const struct client *client, const struct request *request,
                      struct proposal *proposal) {
    int error = access_find(hub, client, request->room, ACCESS_LIST, &proposal->place);

    if (error < 0) {
        return error;
    }
    if (proposal->place.room != NULL && proposal->place.room->direct != NULL) {
        return refuse(proposal, ERR_BAD_REQUEST, "A conversation of two has no rules");
    }
    proposal->room = rules_find(hub->rules, proposal->place.key);
    proposal->rule.room = proposal->place.name;
    return check_right(hub, client, request, proposal);
}

static int check_everywhere(struct hub *hub, const struct client *client,
                            struct proposal *proposal) {
    if (!kinds[proposal->rule.kind].everywhere) {
        return ERR_BAD_REQUEST;
    }
    if (!hub->rules->loaded) {
        return ERR_UNAVAILABLE;
    }
    proposal->room = hub->rules->server;
    return client_role(client) >= ROLE_MODERATOR ? 0 : ERR_FORBIDDEN;
}

static int check_room_left(const struct hub *hub, const struct proposal *proposal) {
    const struct room_rules *room = proposal->room;
    unsigned most = room == hub->rules->server ? LIMIT_SERVER_BANS : LIMIT_ROOM_BANS;

    if (room == NULL) {
        return map_count(hub->rules->rooms) < LIMIT_RULED_ROOMS ? 0 : ERR_TOO_MANY;
    }
    switch (proposal->rule.kind) {
    case RULE_BAN:
        return room->bans.count < most ? 0 : ERR_TOO_MANY;
    case RULE_MUTE:
        return room->mutes.count < most ? 0 : ERR_TOO_MANY;
    case RULE_ROLE:
    case RULE_INVITE:
        return map_count(room->roles) < LIMIT_ROOM_ROLES ? 0 : ERR_TOO_MANY;
    default:
        return 0;
    }
}

static int check(struct hub *hub, const struct client *client, const struct request *request,
                 struct proposal *proposal) {
    struct slice reason = slice_trim(request->reason);
    int error = request->everywhere ? check_everywhere(hub, client, proposal)
                                    : check_room(hub, client, request, proposal);

    if (error == 0 && reason.length > LIMIT_REASON) {
        error = ERR_TOO_LARGE;
    }
    if (error == 0) {
        error = check_target(hub, client, request, proposal);
    }
    if (error == 0) {
        error = check_setting(request, proposal);
    }
    if (error == 0) {
        error = check_room_left(hub, proposal);
    }
    buffer_clear(&hub->text);
    text_append_line(&hub->text, reason);
    proposal->rule.reason = hub_keep(hub, buffer_slice(&hub->text));
    return error;
}

/* Whether it is the first to ask for a room that is not there. The one who asks may be in it. */
static int check_untouched(const struct client *client, const struct room *room) {
    unsigned own = roster_find(&client->roster, room) != NULL ? 1 : 0;

    return room->exists || room->lobby || room_client_count(room) > own ? ERR_FORBIDDEN : 0;
}

int moderation_check_waiting(const struct client *client, const struct room *room,
                             const struct draft *draft, int error) {
    struct buffer memory = {0};
    struct rule rule;
    bool claim = rule_read(draft->body.content, &memory, &rule) == 0 && rule.claim;

    buffer_close(&memory);
    return error == 0 && claim ? check_untouched(client, room) : error;
}

/* Sends the line off; one that claims a room waits until it is known whether the room is there. */
static int submit(struct hub *hub, struct client *client, const struct request *request,
                  const struct proposal *proposal) {
    bool claims = proposal->rule.claim && proposal->room == NULL;
    struct room *room = claims ? room_open(hub, &proposal->place) : NULL;
    int error = claims && room->state == ROOM_FOLLOWED ? check_untouched(client, room) : 0;

    if (error < 0) {
        return error;
    }
    struct slice name = hub_keep(hub, client_name(client));

    buffer_clear(&hub->text);
    rule_write(&proposal->rule, &hub->text);
    struct entry_body body = {
        .kind = ENTRY_MESSAGE,
        .identity = *access_identity(client),
        .sender = name.length > 0 ? name : SLICE("anonymous"),
        .cid = request->cid,
        .content = buffer_slice(&hub->text),
    };
    struct draft *draft =
        draft_new(RULES_ROOM, RULES_ROOM, &body, client_origin(client), hub->now_us);

    if (claims && room->state != ROOM_FOLLOWED) {
        room_wait(room, draft);
    } else {
        effects_add(hub->effects, EFFECT_APPEND)->draft = draft;
    }
    client_submit(hub, client);
    return 0;
}

void handle_rule(struct hub *hub, struct client *client, const struct request *request) {
    bool ends = request->seconds <= RULE_SECONDS_MOST;
    struct proposal proposal = {.rule = {.kind = request->rule,
                                         .role = request->role,
                                         .seconds = ends ? request->seconds : 0}};
    int error = check(hub, client, request, &proposal);

    if (error < 0) {
        answer_error(hub, client, request->cid, error, proposal.why_not);
        return;
    }
    unsigned retry_ms = client_role(client) >= ROLE_MODERATOR
                            ? 0
                            : limit_message(hub, client, access_identity(client), RULES_ROOM, 0);

    if (retry_ms > 0) {
        answer_rate_limited(hub, client, request->cid, retry_ms);
        return;
    }
    error = submit(hub, client, request, &proposal);
    if (error < 0) {
        answer_error(hub, client, request->cid, error, SLICE("This room is there already"));
    }
}
