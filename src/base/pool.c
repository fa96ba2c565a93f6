/* Address space is taken in regions of 64 slabs, and given back at the end. A slab's place is a
 * multiple of its size, so that from any address in it its beginning is known; of a slab that is
 * not in use nothing is resident. */
#include "base/pool.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"

#define SLAB_SIZE ((size_t)16384)
#define REGION_SLABS 64
#define ALL_UNUSED UINT64_MAX
/* One slab's place is for the region's own head, and for what is lost to the first multiple. */
#define REGION_SIZE ((REGION_SLABS + 1) * SLAB_SIZE)

#if defined(__SANITIZE_ADDRESS__)
#define IS_WATCHED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define IS_WATCHED true
#endif
#endif
#ifndef IS_WATCHED
#define IS_WATCHED false
#endif

struct region {
    struct list_node node;
    uint64_t unused; /* a bit for each slab */
};

/* Memory that was freed. */
struct hole {
    struct hole *next;
};

struct slab {
    struct list_node node; /* in pool->open while there is room */
    struct region *region;
    struct hole *holes;
    unsigned used;
    unsigned touched; /* so many from the front were in use at some time */
    _Alignas(8) char items[];
};

void pool_open(struct pool *pool, size_t size) {
    assert(size >= sizeof(struct hole) && size % _Alignof(struct slab) == 0);
    *pool = (struct pool){.size = size};
}

static void unmap_all(struct list *regions) {
    struct list_node *node;

    while ((node = list_take_first(regions)) != NULL) {
        munmap(container_of(node, struct region, node), REGION_SIZE);
    }
}

void pool_close(struct pool *pool) {
    unmap_all(&pool->regions);
    unmap_all(&pool->full);
    *pool = (struct pool){0};
}

static struct region *region_new(struct pool *pool) {
    struct region *region = memory_map(REGION_SIZE);

    region->unused = ALL_UNUSED;
    list_append(&pool->regions, &region->node);
    return region;
}

static struct slab *slab_at(struct region *region, int index) {
    uintptr_t first = ((uintptr_t)region + SLAB_SIZE) & ~(SLAB_SIZE - 1);

    return (struct slab *)(first + (size_t)index * SLAB_SIZE);
}

static struct slab *slab_of(void *memory) {
    return (struct slab *)((uintptr_t)memory & ~(SLAB_SIZE - 1));
}

static unsigned slab_capacity(const struct pool *pool) {
    return (unsigned)((SLAB_SIZE - sizeof(struct slab)) / pool->size);
}

static struct slab *slab_new(struct pool *pool) {
    struct list_node *first = pool->regions.first;
    struct region *region =
        first != NULL ? container_of(first, struct region, node) : region_new(pool);
    int index = __builtin_ctzll(region->unused);
    struct slab *slab = slab_at(region, index);

    region->unused &= ~(UINT64_C(1) << index);
    if (region->unused == 0) {
        list_remove(&pool->regions, &region->node);
        list_append(&pool->full, &region->node);
    }
    slab->region = region;
    list_append(&pool->open, &slab->node);
    return slab;
}

static void slab_free(struct pool *pool, struct slab *slab) {
    struct region *region = slab->region;
    size_t index = (size_t)((char *)slab - (char *)slab_at(region, 0)) / SLAB_SIZE;

    list_remove(&pool->open, &slab->node);
    if (region->unused == 0) {
        list_remove(&pool->full, &region->node);
        list_append(&pool->regions, &region->node);
    }
    region->unused |= UINT64_C(1) << index;
    if (madvise(slab, SLAB_SIZE, MADV_DONTNEED) != 0) {
        memset(slab, 0, sizeof(*slab));
    }
}

void *pool_new(struct pool *pool) {
    if (IS_WATCHED) {
        return memory_new(pool->size);
    }
    struct list_node *first = pool->open.first;
    struct slab *slab = first != NULL ? container_of(first, struct slab, node) : slab_new(pool);
    void *memory = slab->holes;

    if (memory != NULL) {
        slab->holes = slab->holes->next;
    } else {
        memory = slab->items + pool->size * slab->touched++;
    }
    if (++slab->used == slab_capacity(pool)) {
        list_remove(&pool->open, &slab->node);
    }
    return memset(memory, 0, pool->size);
}

/* The last slab with room stays, so that one which is taken and freed by turns costs nothing. */
void pool_free(struct pool *pool, void *memory) {
    if (IS_WATCHED || memory == NULL) {
        memory_free(memory);
        return;
    }
    struct slab *slab = slab_of(memory);
    struct hole *hole = memory;

    if (slab->used-- == slab_capacity(pool)) {
        list_insert_before(&pool->open, pool->open.first, &slab->node);
    }
    hole->next = slab->holes;
    slab->holes = hole;
    if (slab->used == 0 && pool->open.first != pool->open.last) {
        slab_free(pool, slab);
    }
}
