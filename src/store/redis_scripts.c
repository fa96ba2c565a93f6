#include "store/redis_scripts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

void redis_scripts_load(struct redis *redis) {
    for (size_t i = 0; i < SCRIPT_COUNT; i++) {
        struct slice arguments[] = {SLICE("SCRIPT"), SLICE("LOAD"),
                                    slice_of_string(REDIS_SCRIPTS[i].text)};
        redis_command(redis, arguments, 3, NULL, NULL);
    }
}

void script_begin(struct script_call *call, enum redis_script script, struct slice name_space,
                  struct slice room_key) {
    call->count = call->number_count = 0;
    script_add(call, SLICE("EVALSHA"));
    script_add_string(call, REDIS_SCRIPTS[script].digest);
    script_add(call, SLICE("0"));
    script_add(call, name_space);
    script_add(call, room_key);
}

bool script_has_place(const struct script_call *call) {
    return call->count < CALL_ARGUMENTS;
}

void script_add(struct script_call *call, struct slice argument) {
    assert(script_has_place(call));
    call->arguments[call->count++] = argument;
}

void script_add_string(struct script_call *call, const char *argument) {
    script_add(call, slice_of_string(argument));
}

void script_add_number(struct script_call *call, uint64_t number) {
    assert(call->number_count < CALL_NUMBERS);
    char *text = call->numbers[call->number_count++];
    snprintf(text, sizeof(call->numbers[0]), "%" PRIu64, number);
    script_add_string(call, text);
}

void script_send(struct redis *redis, const struct script_call *call, redis_answer *answer,
                 void *context) {
    redis_command(redis, call->arguments, call->count, answer, context);
}

struct slice reply_text(const struct redis_reply *reply, size_t index) {
    if (reply->kind != REDIS_ARRAY || index >= reply->count) {
        return SLICE_NONE;
    }
    const struct redis_reply *item = &reply->items[index];
    return item->kind == REDIS_BULK || item->kind == REDIS_STATUS ? item->text : SLICE_NONE;
}

uint64_t reply_number(const struct redis_reply *reply, size_t index) {
    uint64_t number = 0;
    if (reply->kind != REDIS_ARRAY || index >= reply->count) {
        return 0;
    }
    const struct redis_reply *item = &reply->items[index];
    if (item->kind == REDIS_INTEGER) {
        return item->integer > 0 ? (uint64_t)item->integer : 0;
    }
    return slice_to_u64(item->text, &number) ? number : 0;
}
