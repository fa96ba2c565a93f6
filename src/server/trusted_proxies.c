#include "server/trusted_proxies.h"

#include <assert.h>
#include <stdio.h>

#include "base/memory.h"

int trusted_proxies_check(const char *text, char *message, size_t size) {
    struct cidr range;

    if (cidr_parse(slice_of_string(text), &range) == 0)
        return 0;
    snprintf(message, size,
             "trusted_proxies = %s: write one address, or a range that begins at its first, as in "
             "10.0.0.0/8 or 2001:db8::/32; repeat the key for more",
             text);
    return ERR_BAD_REQUEST;
}

struct cidr *trusted_proxies_read(const struct config_list *list) {
    struct cidr *ranges = memory_new(list->count * sizeof(*ranges));

    for (size_t i = 0; i < list->count; i++) {
        int error = cidr_parse(slice_of_string(list->items[i]), &ranges[i]);
        assert(error == 0);
    }
    return ranges;
}
