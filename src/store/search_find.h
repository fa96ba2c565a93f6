/* Answering a search from the index. What is found is read from the log, so it is as it reads now;
 * and it is checked there whether its room is one of those allowed. */
#pragma once

#include "hub/search.h"
#include "store/search_file.h"

/* Fills `findings` (freed by findings_clear), also with what is wrong with the search. An SQLite
 * code; if it is not SQLITE_OK, the file is not to be used any more and there are no findings. */
int search_find(const struct search_file *file, const struct search_query *query,
                struct findings *findings) MUST_USE;
