/* Memory for many structs of one size. An allocation of its own costs each eight bytes beside it
 * and what rounding up to sixteen takes; here they lie side by side, in slabs, and the memory of a
 * slab goes back to the system when nothing is in it any more. Where the compiler watches over
 * memory, each is an allocation after all, so that it can.
 *
 * Not for use by several threads. */
#pragma once

#include <stddef.h>

#include "base/list.h"

struct pool {
    size_t size;         /* of each; a multiple of 8 */
    struct list open;    /* slabs with room, the one to take from first */
    struct list regions; /* with slabs that are not in use; */
    struct list full;    /* and without any */
};

void pool_open(struct pool *pool, size_t size);
void pool_close(struct pool *pool); /* everything must have been freed */

void *pool_new(struct pool *pool);               /* zeroed */
void pool_free(struct pool *pool, void *memory); /* NULL is fine */
