#include "store/page.h"

#include <string.h>

#include "base/memory.h"

struct page_range page_range(const struct page_query *query) {
    struct page_range range = {.low = 1, .high = UINT64_MAX, .descending = !query->has_after};
    if (query->has_after && query->after < UINT64_MAX) {
        range.low = query->after + 1;
    } else if (query->has_after) {
        range.high = 0; /* nothing is after the last number there is */
    }
    if (query->before > 0 && range.high > query->before - 1) {
        range.high = query->before - 1;
    }
    range.limit = query->limit;
    if (range.limit > LIMIT_PAGE_ENTRIES) {
        range.limit = LIMIT_PAGE_ENTRIES;
    } else if (range.limit == 0) {
        range.limit = 1;
    }
    return range;
}

void page_builder_init(struct page_builder *builder, const struct page_range *range) {
    builder->count = 0;
    builder->bytes = 0;
    builder->limit = range->limit;
    builder->descending = range->descending;
    builder->more = false;
}

bool page_builder_has_place(struct page_builder *builder) {
    if (builder->count < builder->limit && builder->bytes < LIMIT_PAGE_BYTES) {
        return true;
    }
    builder->more = true;
    return false;
}

bool page_builder_add(struct page_builder *builder, struct entry *entry) {
    size_t size = entry_size(entry);
    bool fits = builder->count == 0 || builder->bytes + size <= LIMIT_PAGE_BYTES;
    if (!fits || !page_builder_has_place(builder)) {
        builder->more = true;
        return false;
    }
    builder->entries[builder->count++] = entry;
    builder->bytes += size;
    return true;
}

void page_builder_finish(struct page_builder *builder, struct page *page) {
    size_t count = builder->count;
    page->entries = count > 0 ? memory_new(count * sizeof(struct entry *)) : NULL;
    for (size_t i = 0; i < count; i++) {
        page->entries[i] = builder->entries[builder->descending ? count - 1 - i : i];
    }
    page->count = count;
    page->more = builder->more;
    builder->count = 0;
}

void page_builder_drop(struct page_builder *builder) {
    for (size_t i = 0; i < builder->count; i++) {
        entry_unref(builder->entries[i]);
    }
    builder->count = 0;
}
