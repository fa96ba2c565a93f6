#include "auth/ledger_script.h"

#include <sodium.h>

#include "base/memory.h"

void ledger_call_add(struct ledger_call *call, struct slice word) {
    /* In steps of a power of two. */
    if ((call->count & (call->count - 1)) == 0)
        call->ends =
            memory_resize(call->ends, (call->count ? 2 * call->count : 1) * sizeof(*call->ends));
    buffer_append_slice(&call->text, word);
    call->ends[call->count++] = buffer_length(&call->text);
}

void ledger_call_script(struct ledger_call *call, const char *script, const struct slice *keys,
                        size_t count) {
    struct buffer number = {0};

    buffer_append_u64(&number, count);
    ledger_call_add(call, SLICE("EVAL"));
    ledger_call_add(call, slice_of_string(script));
    ledger_call_add(call, buffer_slice(&number));
    for (size_t i = 0; i < count; i++)
        ledger_call_add(call, keys[i]);
    buffer_close(&number);
}

/* There may be digests of passwords in it. */
void ledger_call_close(struct ledger_call *call) {
    if (call->text.data)
        sodium_memzero(call->text.data, call->text.capacity);
    buffer_close(&call->text);
    memory_free(call->ends);
    *call = (struct ledger_call){0};
}

const struct redis_reply *ledger_call_run(struct ledger_call *call, struct exchange *exchange) {
    struct slice *words = memory_new(call->count * sizeof(*words));
    const struct redis_reply *reply;
    size_t start = 0;

    for (size_t i = 0; i < call->count; i++) {
        words[i] = slice_from(buffer_slice(&call->text).data + start, call->ends[i] - start);
        start = call->ends[i];
    }
    reply = exchange_call(exchange, words, call->count);
    memory_free(words);
    ledger_call_close(call);
    return reply;
}
