/* Searching the memory engine: a look at the newest messages of the rooms allowed, as far as
 * LIMIT_SEARCH_SCAN goes, so that no search keeps the loop for long. */
#pragma once

#include "store/memory_rooms.h"

/* What is found is the caller's, to be freed by findings_clear. */
void memory_search(const struct memory_rooms *rooms, const struct search_query *query,
                   struct findings *findings);
