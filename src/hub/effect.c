/* The list of effects and the memory their texts live in. One step after the other fills and
 * clears the same list, so in the long run it allocates nothing: the array stays, and of the
 * arena one block. */
#include "hub/effect.h"

#include <stdalign.h>
#include <string.h>

#include "base/memory.h"

#define BLOCK_SIZE 4096
#define EFFECTS_FIRST 16
/* A list that one large step made longer than this is given back. */
#define EFFECTS_KEPT 1024

struct arena_block {
    struct arena_block *next; /* older ones */
    size_t used, capacity;
    alignas(max_align_t) char bytes[];
};

static void free_blocks(struct arena_block *block) {
    while (block != NULL) {
        struct arena_block *next = block->next;

        memory_free(block);
        block = next;
    }
}

static void release(struct effect *effect) {
    switch (effect->kind) {
    case EFFECT_APPEND:
        draft_free(effect->draft);
        break;
    case EFFECT_SIGNAL:
        signal_free(effect->signal);
        break;
    case EFFECT_SHOW_ENTRY:
        entry_unref(effect->show.entry);
        break;
    default:
        break;
    }
}

/* Keeps the one block of ordinary size. */
static void reset_arena(struct effects *effects) {
    struct arena_block *kept = effects->arena;

    while (kept != NULL && kept->capacity > BLOCK_SIZE) {
        effects->arena = kept->next;
        memory_free(kept);
        kept = effects->arena;
    }
    if (kept != NULL) {
        free_blocks(kept->next);
        kept->next = NULL;
        kept->used = 0;
    }
}

void effects_clear(struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++) {
        release(&effects->items[i]);
    }
    effects->count = 0;
    effects->allocated = 0;
    if (effects->capacity > EFFECTS_KEPT) {
        memory_free(effects->items);
        effects->items = NULL;
        effects->capacity = 0;
    }
    reset_arena(effects);
}

void effects_close(struct effects *effects) {
    effects_clear(effects);
    free_blocks(effects->arena);
    memory_free(effects->items);
    *effects = (struct effects){0};
}

struct effect *effects_add(struct effects *effects, enum effect_kind kind) {
    if (effects->count == effects->capacity) {
        effects->capacity = effects->capacity == 0 ? EFFECTS_FIRST : effects->capacity * 2;
        effects->items = memory_resize(effects->items, effects->capacity * sizeof(*effects->items));
    }
    struct effect *effect = &effects->items[effects->count++];

    memset(effect, 0, sizeof(*effect));
    effect->kind = kind;
    return effect;
}

size_t effects_size(const struct effects *effects) {
    return effects->count * sizeof(*effects->items) + effects->allocated;
}

void *effects_allocate(struct effects *effects, size_t size) {
    struct arena_block *block = effects->arena;

    size = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    if (block == NULL || block->capacity - block->used < size) {
        size_t capacity = size > BLOCK_SIZE ? size : BLOCK_SIZE;

        block = memory_new(sizeof(*block) + capacity);
        block->capacity = capacity;
        block->next = effects->arena;
        effects->arena = block;
    }
    void *memory = block->bytes + block->used;

    block->used += size;
    effects->allocated += size;
    memset(memory, 0, size);
    return memory;
}

struct slice effects_copy(struct effects *effects, struct slice s) {
    char *copy;

    if (s.length == 0) {
        return SLICE_NONE;
    }
    copy = effects_allocate(effects, s.length);
    memcpy(copy, s.data, s.length);
    return slice_from(copy, s.length);
}
