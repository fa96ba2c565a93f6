#include "hub/signal.h"

#include "base/memory.h"
#include "base/pack.h"

size_t signal_size(const struct signal *signal) {
    return sizeof(*signal) + signal->room_key.length + signal->room_name.length +
           signal->name.length + signal->former.length + signal->payload.length +
           signal->event.length;
}

struct signal *signal_new(const struct signal *from) {
    struct signal *signal = memory_new(signal_size(from));
    char *at = signal->bytes;

    *signal = *from;
    signal->next = NULL;
    at = pack_slice(&signal->room_key, at);
    at = pack_slice(&signal->room_name, at);
    at = pack_slice(&signal->name, at);
    at = pack_slice(&signal->former, at);
    at = pack_slice(&signal->payload, at);
    pack_slice(&signal->event, at);
    return signal;
}

void signal_free(struct signal *signal) {
    memory_free(signal);
}
