/* Pages: what a query asks for, and putting entries together until a page is full. The same for
 * every engine.
 *
 *     struct page_range range = page_range(&query);
 *     struct page_builder builder;
 *     page_builder_init(&builder, &range);
 *     for each entry of the range, in its direction:
 *         if (!page_builder_add(&builder, entry)) break;
 *     page_builder_finish(&builder, &page); */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "hub/store.h"

/* Entries low ≤ seq ≤ high (none when low > high), read upwards, or downwards from the end. */
struct page_range {
    uint64_t low, high;
    bool descending;
    unsigned limit; /* 1 … LIMIT_PAGE_ENTRIES */
};

struct page_range page_range(const struct page_query *query);

struct page_builder {
    struct entry *entries[LIMIT_PAGE_ENTRIES];
    size_t count;
    size_t bytes;
    unsigned limit;
    bool descending;
    bool more;
};

void page_builder_init(struct page_builder *builder, const struct page_range *range);
/* Whether there is a place left. If not, the page says `more`: call it only when there is another
 * entry. */
bool page_builder_has_place(struct page_builder *builder);
/* Takes the reference when it fits. False: the page is full, the entry is still the caller's. */
bool page_builder_add(struct page_builder *builder, struct entry *entry) MUST_USE;
/* Moves the entries, ascending, and `more` into the page. */
void page_builder_finish(struct page_builder *builder, struct page *page);
/* Drops them instead. */
void page_builder_drop(struct page_builder *builder);
