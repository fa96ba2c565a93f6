/* Requests to change the rules of rooms. Private to hub/. */
#pragma once

#include "hub/internal.h"

/* Whether a change that waited for the room is refused now. `error`: the room cannot be known. */
int moderation_check_waiting(const struct client *client, const struct room *room,
                             const struct draft *draft, int error) MUST_USE;
