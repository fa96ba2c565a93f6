/* What `trusted_proxies` says: whom to believe where a connection comes from. */
#pragma once

#include <stddef.h>

#include "base/cidr.h"
#include "server/config.h"

/* One item of the list. ERR_BAD_REQUEST with one line in `message`. */
int trusted_proxies_check(const char *text, char *message, size_t size);

/* The ranges of a checked list; to be freed. */
struct cidr *trusted_proxies_read(const struct config_list *list);
