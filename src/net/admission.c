#include "net/admission.h"

#include <netinet/in.h>
#include <string.h>

#include "base/map.h"
#include "base/memory.h"

/* A provider hands each customer at least a /64 of IPv6, so counting single addresses there would
 * limit nobody. */
#define ADMISSION_V6_PREFIX 8
#define ADMISSION_V4_LENGTH 4

struct admission_address {
    size_t count;
    size_t length;
    char key[ADMISSION_V6_PREFIX];
};

void admission_init(struct admission *admission, size_t limit, size_t limit_per_address,
                    uint64_t seed) {
    *admission = (struct admission){.limit = limit, .limit_per_address = limit_per_address};
    admission->addresses = map_new(seed);
}

void admission_close(struct admission *admission) {
    size_t cursor = 0;
    void *address;

    while ((address = map_next(admission->addresses, &cursor)))
        memory_free(address);
    map_free(admission->addresses);
    admission->addresses = NULL;
}

static void set_key(struct admission_address *address, const void *bytes, size_t length) {
    memcpy(address->key, bytes, length);
    address->length = length;
}

/* Leaves length 0 for what has no address. */
static void make_key(const struct endpoint_address *peer, struct admission_address *address) {
    if (peer->storage.ss_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, &peer->storage, sizeof(four));
        set_key(address, &four.sin_addr, ADMISSION_V4_LENGTH);
    } else if (peer->storage.ss_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, &peer->storage, sizeof(six));
        if (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr))
            set_key(address, &six.sin6_addr.s6_addr[12], ADMISSION_V4_LENGTH);
        else
            set_key(address, &six.sin6_addr, ADMISSION_V6_PREFIX);
    }
}

static struct admission_address *find_or_add(struct map *addresses,
                                             const struct admission_address *wanted) {
    struct admission_address *address =
        map_find(addresses, slice_from(wanted->key, wanted->length));

    if (!address) {
        address = memory_new_struct(struct admission_address);
        *address = *wanted;
        map_put(addresses, slice_from(address->key, address->length), address);
    }
    return address;
}

enum admission_answer admission_enter(struct admission *admission,
                                      const struct endpoint_address *peer,
                                      struct admission_address **address) {
    struct admission_address wanted = {0};
    struct admission_address *found = NULL;

    if (admission->limit > 0 && admission->count >= admission->limit)
        return ADMISSION_FULL;
    if (admission->limit_per_address > 0)
        make_key(peer, &wanted);
    if (wanted.length > 0) {
        found = find_or_add(admission->addresses, &wanted);
        if (found->count >= admission->limit_per_address)
            return ADMISSION_ADDRESS_FULL;
        found->count++;
    }
    admission->count++;
    *address = found;
    return ADMISSION_GRANTED;
}

void admission_leave(struct admission *admission, struct admission_address *address) {
    admission->count--;
    if (address && --address->count == 0) {
        map_remove(admission->addresses, slice_from(address->key, address->length));
        memory_free(address);
    }
}
