/* A room is read from its end: so the latest edit of a message is met before the message. */
#include "store/memory_search.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/memory.h"
#include "store/search_scan.h"

#define ROOM_COST 64 /* of looking at a room, in bytes scanned */

struct match {
    const struct memory_room *room;
    struct entry *entry;
    const struct entry *edit; /* the latest; NULL: none */
    unsigned rate;
};

struct hunt {
    struct search_scan scan;
    size_t budget;        /* bytes */
    struct map *excluded; /* rooms, by key; NULL: none */
    struct match *matches;
    size_t count, capacity;
};

static void add_match(struct hunt *hunt, struct match match) {
    if (hunt->count == hunt->capacity) {
        hunt->capacity = hunt->capacity == 0 ? 64 : hunt->capacity * 2;
        hunt->matches = memory_resize(hunt->matches, hunt->capacity * sizeof(*hunt->matches));
    }
    hunt->matches[hunt->count++] = match;
}

static void look_at(struct hunt *hunt, const struct memory_room *room, struct entry *entry,
                    struct id_map *edits) {
    const struct entry_body *body = &entry->body;
    if (body->kind == ENTRY_EDIT && id_map_find(edits, body->of) == NULL) {
        id_map_put(edits, body->of, entry);
    }
    if (body->kind != ENTRY_MESSAGE) {
        return;
    }
    struct match match = {.room = room, .entry = entry, .edit = id_map_find(edits, entry->seq)};
    struct slice content = match.edit != NULL ? match.edit->body.content : body->content;
    match.rate = search_scan_rate(&hunt->scan, body->sender, entry->timestamp_us, content);
    if (match.rate > 0) {
        add_match(hunt, match);
    }
}

static bool spend(struct hunt *hunt, size_t cost) {
    hunt->budget -= cost < hunt->budget ? cost : hunt->budget;
    return hunt->budget > 0;
}

/* `name` as those who search know it. */
static void search_room(struct hunt *hunt, const struct memory_room *room, struct slice name) {
    if (!spend(hunt, ROOM_COST) ||
        !search_question_wants_room(hunt->scan.question, room->key, name)) {
        return;
    }
    struct id_map *edits = id_map_new();
    for (uint64_t seq = room->last; seq >= room->first && seq > 0; seq--) {
        struct entry *entry = memory_room_entry(room, seq);
        if (!spend(hunt, entry != NULL ? entry_size(entry) : ROOM_COST)) {
            break;
        }
        if (entry != NULL) {
            look_at(hunt, room, entry, edits);
        }
    }
    id_map_free(edits);
}

static struct map *exclude(const struct search_query *query) {
    struct map *excluded = query->excluded_count > 0 ? map_new(0) : NULL;
    for (size_t i = 0; i < query->excluded_count; i++) {
        map_put(excluded, query->excluded[i], (void *)&query->excluded[i]);
    }
    return excluded;
}

static bool is_excluded(const struct hunt *hunt, struct slice key) {
    return hunt->excluded != NULL && map_find(hunt->excluded, key) != NULL;
}

static bool is_public(const struct memory_room *room) {
    return room->key.length > 0 && room->key.data[0] != '@' && room->key.data[0] != '$';
}

static void search_rooms(struct hunt *hunt, const struct memory_rooms *rooms,
                         const struct search_query *query) {
    for (size_t i = 0; i < query->room_count; i++) {
        const struct memory_room *room = memory_rooms_find(rooms, query->rooms[i].key);
        if (room != NULL && !(query->public_rooms && is_public(room))) {
            search_room(hunt, room, query->rooms[i].name);
        }
    }
    struct list_node *node = query->public_rooms ? rooms->holding.last : NULL;
    for (; node != NULL && hunt->budget > 0; node = node->previous) {
        const struct memory_room *room = container_of(node, struct memory_room, holding_node);
        if (is_public(room) && !is_excluded(hunt, room->key)) {
            search_room(hunt, room, room->name);
        }
    }
}

/* The best first, of equals the newest. */
static int compare(const void *left, const void *right) {
    const struct match *a = left, *b = right;
    if (a->rate != b->rate) {
        return a->rate > b->rate ? -1 : 1;
    }
    if (a->entry->timestamp_us != b->entry->timestamp_us) {
        return a->entry->timestamp_us > b->entry->timestamp_us ? -1 : 1;
    }
    return -slice_compare(slice_of_string(a->entry->id), slice_of_string(b->entry->id));
}

/* The message as it reads now. */
static struct entry *current(const struct match *match) {
    if (match->edit == NULL) {
        return entry_ref(match->entry);
    }
    struct entry_body body = match->entry->body;
    body.content = match->edit->body.content;
    return entry_new(&body, match->entry->seq, match->entry->timestamp_us, match->entry->id);
}

static void take_page(struct hunt *hunt, const struct search_query *query,
                      struct findings *findings) {
    size_t bytes = 0;
    if (hunt->count > 1) {
        qsort(hunt->matches, hunt->count, sizeof(*hunt->matches), compare);
    }
    findings->entries = memory_new(query->limit * sizeof(*findings->entries) + 1);
    findings->rooms = memory_new(query->limit * sizeof(*findings->rooms) + 1);
    for (size_t i = query->offset; i < hunt->count; i++) {
        struct slice name = hunt->matches[i].room->name;
        if (findings->count == query->limit || bytes > LIMIT_PAGE_BYTES) {
            findings->more = true;
            break;
        }
        struct entry *entry = current(&hunt->matches[i]);
        bytes += entry_size(entry);
        findings->entries[findings->count] = entry;
        findings->rooms[findings->count++] = slice_from(memory_copy_string(name), name.length);
    }
}

void memory_search(const struct memory_rooms *rooms, const struct search_query *query,
                   struct findings *findings) {
    struct search_question question;
    findings->error = search_question_parse(query->text, &question, &findings->reason);
    if (findings->error != 0) {
        return;
    }
    struct hunt hunt = {.budget = LIMIT_SEARCH_SCAN, .excluded = exclude(query)};
    search_scan_init(&hunt.scan, &question);
    search_rooms(&hunt, rooms, query);
    take_page(&hunt, query, findings);
    search_scan_close(&hunt.scan);
    map_free(hunt.excluded);
    memory_free(hunt.matches);
}
