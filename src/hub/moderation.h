/* Requests about the rules of rooms. Private to hub/. */
#pragma once

#include "hub/internal.h"

/* One change: REQUEST_RULE. */
void handle_rule(struct hub *hub, struct client *client, const struct request *request);
/* The rules of a room: REQUEST_RULES. */
void handle_rules(struct hub *hub, struct client *client, const struct request *request);
/* Who changed what: REQUEST_AUDIT. */
void handle_audit(struct hub *hub, struct client *client, const struct request *request);

/* Whether a change that waited for the room is refused now. `error`: the room cannot be known. */
int moderation_check_waiting(const struct client *client, const struct room *room,
                             const struct draft *draft, int error) MUST_USE;
