#include "auth/ledger_script.h"

#include <sodium.h>

#include "base/memory.h"

const char ledger_script_since[] =
    "local lineage = redis.call('HGET', KEYS[1], 'lineage')\n"
    "if not lineage then return {} end\n"
    "local found = redis.call('XRANGE', KEYS[2], ARGV[1], '+', 'COUNT', ARGV[2])\n"
    "if #found == 0 or found[1][1] ~= ARGV[1] then\n"
    "    local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)\n"
    "    return {lineage, 0, last[1] and last[1][1] or '0-0'}\n"
    "end\n"
    "local answer, seen = {lineage, 1, found[#found][1]}, {}\n"
    "for i = 2, #found do\n"
    "    for j = 2, #found[i][2], 2 do\n"
    "        local field = found[i][2][j]\n"
    "        if not seen[field] then\n"
    "            seen[field] = true\n"
    "            answer[#answer + 1] = field\n"
    "            answer[#answer + 1] = redis.call('HGET', KEYS[1], field) or ''\n"
    "        end\n"
    "    end\n"
    "end\n"
    "return answer\n";

/* Lua passes no more than some thousand arguments to one call. */
const char ledger_script_submit[] =
    "local lineage = redis.call('HGET', KEYS[1], 'lineage')\n"
    "if ARGV[4] == 'new' then\n"
    "    if lineage then return 'other' end\n"
    "    redis.call('HSET', KEYS[1], 'lineage', ARGV[1])\n"
    "elseif lineage ~= ARGV[1] then\n"
    "    return 'other'\n"
    "else\n"
    "    local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)\n"
    "    if (last[1] and last[1][1] or '0-0') ~= ARGV[2] then return 'behind' end\n"
    "end\n"
    "local position, fields = ARGV[2], {}\n"
    "for i = 5, #ARGV, 2 do\n"
    "    if ARGV[i + 1] == '' then\n"
    "        redis.call('HDEL', KEYS[1], ARGV[i])\n"
    "    else\n"
    "        redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])\n"
    "    end\n"
    "    fields[#fields + 1] = 'field'\n"
    "    fields[#fields + 1] = ARGV[i]\n"
    "    if #fields == 1000 or i + 2 > #ARGV then\n"
    "        position = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', unpack(fields))\n"
    "        fields = {}\n"
    "    end\n"
    "end\n"
    "redis.call('PUBLISH', KEYS[3], position)\n"
    "return position\n";

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
