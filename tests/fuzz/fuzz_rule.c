/* Lines of the log of "$rules": what is understood can be written and read again, is told in one
 * line, and the words for it hold what was meant. */
#include "base/text.h"
#include "fuzz.h"
#include "hub/rule.h"

static bool same_rule(const struct rule *left, const struct rule *right) {
    return left->kind == right->kind && slice_equal(left->room, right->room) &&
           slice_equal(left->key, right->key) && slice_equal(left->value, right->value) &&
           slice_equal(left->name, right->name) &&
           identity_equal(&left->identity, &right->identity) &&
           slice_equal(left->address, right->address) && left->role == right->role &&
           left->guest == right->guest && left->claim == right->claim &&
           left->seconds == right->seconds && slice_equal(left->reason, right->reason);
}

static void check_rule(struct slice line, struct rule rule) {
    struct buffer written = {0}, again = {0}, memory = {0};
    struct rule read;

    REQUIRE(rule.seconds <= RULE_SECONDS_MOST && rule.role <= ROLE_OWNER);
    if (rule.kind != RULE_ROLE) {
        rule.role = ROLE_GUEST; /* of others it says nothing, and is not written */
    }
    rule_write(&rule, &written);
    REQUIRE(rule_read(buffer_slice(&written), &memory, &read) == 0);
    REQUIRE(same_rule(&rule, &read));
    rule_write(&read, &again);
    require_equal(buffer_slice(&written), buffer_slice(&again));
    if (utf8_valid(line)) {
        REQUIRE(utf8_valid(rule.reason));
    }
    buffer_close(&written);
    buffer_close(&again);
    buffer_close(&memory);
}

static void check_words(const struct rule *rule) {
    struct buffer text = {0};

    rule_tell(rule, SLICE("ann"), &text);
    REQUIRE(buffer_length(&text) <= rule->room.length + rule->name.length + rule->address.length +
                                        rule->key.length + rule->value.length +
                                        rule->reason.length + 200);
    buffer_close(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *own = own_bytes(slice_from(data, size));
    struct slice line = slice_from(own, size);
    struct buffer memory = {0};
    struct rule rule;

    if (rule_read(line, &memory, &rule) == 0) {
        check_rule(line, rule);
        check_words(&rule);
    }
    buffer_close(&memory);
    free(own);
    return 0;
}
