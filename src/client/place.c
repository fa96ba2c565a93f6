#include "client/place.h"

#include "base/memory.h"
#include "wire/json.h"

static struct place *place_of(struct list_node *node) {
    return node == NULL ? NULL : container_of(node, struct place, node);
}

static struct place *first_place(const struct places *places) {
    return place_of(places->list.first);
}

static struct place *next_place(const struct place *place) {
    return place_of(place->node.next);
}

static void set(struct buffer *buffer, struct slice s) {
    buffer_clear(buffer);
    buffer_append_slice(buffer, s);
}

struct place *places_add(struct places *places, struct slice name) {
    struct place *place = memory_new_struct(struct place);
    set(&place->name, name);
    list_append(&places->list, &place->node);
    return place;
}

void places_remove(struct places *places, struct place *place) {
    list_remove(&places->list, &place->node);
    buffer_close(&place->name);
    buffer_close(&place->epoch);
    buffer_close(&place->cid);
    memory_free(place);
}

void places_close(struct places *places) {
    while (!list_empty(&places->list))
        places_remove(places, first_place(places));
}

struct place *places_find(const struct places *places, struct slice name) {
    for (struct place *place = first_place(places); place != NULL; place = next_place(place))
        if (slice_equal_ignoring_case(buffer_slice(&place->name), name))
            return place;
    return NULL;
}

struct place *places_find_cid(const struct places *places, struct slice cid) {
    if (cid.length == 0)
        return NULL;
    for (struct place *place = first_place(places); place != NULL; place = next_place(place))
        if (slice_equal(buffer_slice(&place->cid), cid))
            return place;
    return NULL;
}

bool place_take(struct place *place, uint64_t seq) {
    if (place->has_seen && seq <= place->seen)
        return false;
    place->seen = seq;
    place->has_seen = true;
    return true;
}

void place_joined(struct place *place, struct slice name, struct slice epoch, uint64_t last) {
    set(&place->name, name);
    set(&place->epoch, epoch);
    buffer_clear(&place->cid);
    if (!place->has_seen && place->from_end > 0) {
        place->seen = last > place->from_end ? last - place->from_end : 0;
        place->has_seen = true;
    }
}

void place_skip_to(struct place *place, struct slice epoch, uint64_t first) {
    if (epoch.length > 0 && !slice_equal(buffer_slice(&place->epoch), epoch)) {
        set(&place->epoch, epoch);
        place->awaited = 0; /* the log that had it is no more */
    }
    place->seen = first > 0 ? first - 1 : 0;
    place->has_seen = true;
}

void places_interrupt(struct places *places) {
    for (struct place *place = first_place(places); place != NULL; place = next_place(place)) {
        place->live = false;
        buffer_clear(&place->cid);
    }
}

bool places_settled(const struct places *places) {
    for (struct place *place = first_place(places); place != NULL; place = next_place(place))
        if (!place->live || place->seen < place->awaited)
            return false;
    return true;
}

bool place_resumable(const struct place *place) {
    return place->has_seen && buffer_length(&place->epoch) > 0;
}

void places_append_resume(const struct places *places, struct buffer *out) {
    bool first = true;
    buffer_append_char(out, '{');
    for (struct place *place = first_place(places); place != NULL; place = next_place(place)) {
        if (!place_resumable(place))
            continue;
        if (!first)
            buffer_append_char(out, ',');
        first = false;
        json_append_string(out, buffer_slice(&place->name));
        buffer_append_string(out, ":{\"epoch\":");
        json_append_string(out, buffer_slice(&place->epoch));
        json_append_u64_member(out, "after", place->seen);
        buffer_append_char(out, '}');
    }
    buffer_append_char(out, '}');
}

void place_append_join(const struct place *place, struct buffer *out) {
    buffer_append_string(out, "{\"type\":\"join\"");
    json_append_string_member(out, "room", buffer_slice(&place->name));
    if (place->has_seen)
        json_append_u64_member(out, "after", place->seen);
    if (place->has_seen && buffer_length(&place->epoch) > 0)
        json_append_string_member(out, "epoch", buffer_slice(&place->epoch));
    json_append_string_member(out, "cid", buffer_slice(&place->cid));
    buffer_append_char(out, '}');
}
