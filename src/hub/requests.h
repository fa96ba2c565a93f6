/* What carries out a request: a function for each kind, for the table in hub.c, and what happens
 * when the store has answered. Answers go out as replies (answer.c). Private to hub/. */
#pragma once

#include "hub/internal.h"

/* hello.c */
void handle_hello(struct hub *hub, struct client *client, const struct request *request);
/* name.c */
void handle_name(struct hub *hub, struct client *client, const struct request *request);
void handle_names(struct hub *hub, struct client *client, const struct request *request);
/* authentication.c */
void handle_auth(struct hub *hub, struct client *client, const struct request *request);
void handle_ticket(struct hub *hub, struct client *client, const struct request *request);
/* membership.c */
void handle_join(struct hub *hub, struct client *client, const struct request *request);
void handle_leave(struct hub *hub, struct client *client, const struct request *request);
/* publish.c */
void handle_publish(struct hub *hub, struct client *client, const struct request *request);
/* presence.c */
void handle_typing(struct hub *hub, struct client *client, const struct request *request);
void handle_binary(struct hub *hub, struct client *client, const struct request *request);
/* lookup.c */
void handle_rooms(struct hub *hub, struct client *client, const struct request *request);
void handle_members(struct hub *hub, struct client *client, const struct request *request);
void handle_history(struct hub *hub, struct client *client, const struct request *request);
void handle_token(struct hub *hub, struct client *client, const struct request *request);
/* search.c */
void handle_search(struct hub *hub, struct client *client, const struct request *request);
/* mark.c */
void handle_read(struct hub *hub, struct client *client, const struct request *request);
/* moderation.c */
void handle_rule(struct hub *hub, struct client *client, const struct request *request);
/* rules_list.c */
void handle_rules(struct hub *hub, struct client *client, const struct request *request);
void handle_audit(struct hub *hub, struct client *client, const struct request *request);
/* ready.c: REPLY_ACK, or REPLY_ERROR with ERR_UNAVAILABLE and what is the matter */
void handle_ready(struct hub *hub, struct client *client, const struct request *request);

/* publish.c */

void publish_appended(struct hub *hub, const struct event *event);
/* The room's head is known: sends off the drafts that waited for it. */
void publish_waiting(struct hub *hub, struct room *room, int error);

/* lookup.c */

void lookup_listed(struct hub *hub, const struct event *event);
void lookup_gathered(struct hub *hub, const struct event *event);
