#include "base/blob.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

struct blob *blob_new(struct slice content) {
    struct blob *blob = memory_new(sizeof(*blob) + content.length);

    blob->references = 1;
    blob->length = content.length;
    if (content.length > 0) {
        memcpy(blob->data, content.data, content.length);
    }
    return blob;
}

struct blob *blob_ref(struct blob *blob) {
    assert(blob->references > 0);
    blob->references++;
    return blob;
}

void blob_unref(struct blob *blob) {
    if (blob == NULL) {
        return;
    }
    assert(blob->references > 0);
    if (--blob->references == 0) {
        memory_free(blob);
    }
}

struct slice blob_slice(const struct blob *blob) {
    return slice_from(blob->data, blob->length);
}
