/* What `banterd user` and its like do where several servers have their accounts in common: what
 * they change goes to Redis first, and each server learns of it from there. */
#include <stdio.h>

#include "auth/ledger.h"
#include "base/clock.h"
#include "server/operator_accounts.h"
#include "server/redis_settings.h"

static int64_t wall_clock(void *context) {
    (void)context;
    return clock_wall_us();
}

static bool open_commons(struct operator_call *call) {
    static const struct log log = {.level = LOG_ERROR, .descriptor = 2};
    struct buffer text = {0};
    struct redis_settings settings;
    char message[512];
    int error = redis_settings_check(&call->config, message, sizeof(message));

    if (!error)
        error = redis_settings_open(&call->config, &settings, message, sizeof(message));
    if (error) {
        operator_fail("%s", message);
        return false;
    }
    settings.common.log = &log;
    error = commons_open(
        &(struct commons_options){
            .shared =
                &(struct authority_local_shared){
                    .redis = &settings.common,
                    .prefix = call->config.redis_namespace,
                    .replicas = (unsigned)call->config.wait_replicas,
                },
            .accounts = &call->accounts,
            .log = &log,
            .clock = wall_clock,
        },
        &call->commons, &text);
    redis_settings_close(&settings);
    if (error)
        operator_fail("%.*s", SLICE_ARGS(buffer_slice(&text)));
    buffer_close(&text);
    return !error;
}

/* A copy that is changed by itself would be one no more. */
static bool is_alone(struct operator_call *call, const struct operator_deed *deed) {
    bool copied;

    if (ledger_was_copied(&call->accounts, &copied) != 0) {
        operator_fail_about(call, "", ERR_UNAVAILABLE);
        return false;
    }
    if (!copied || !deed->changes)
        return true;
    operator_fail("the accounts of %s are shared through Redis: say which, with --config or "
                  "--store",
                  call->folder);
    return false;
}

bool operator_shares(const struct operator_call *call) {
    return store_url_kind(call->config.store) == STORE_KIND_REDIS;
}

bool operator_join(struct operator_call *call, const struct operator_deed *deed) {
    if (!operator_shares(call))
        return is_alone(call, deed);
    if (!open_commons(call))
        return false;
    if (!commons_cut_off(call->commons) || deed->begins)
        return true;
    if (deed->changes) {
        operator_fail_about(call, "", ERR_UNAVAILABLE);
        return false;
    }
    fprintf(stderr, "banterd: these are the accounts as this folder knows them: %s\n",
            accounts_error(&call->accounts));
    return true;
}
