/* The plan of a load as it is asked for on the command line. */
#pragma once

#include <stdbool.h>

#include "bench/bench.h"
#include "client/url.h"

/* Sets the server and its protocol from `plan->url`; `protocol`: the name that was asked for, NULL:
 * none, then it goes by the URL. The plan refers to `url` from now on. False: what is wrong was
 * printed. */
bool bench_plan_choose(struct bench_plan *plan, struct url *url, const char *protocol);

/* What makes no sense, in words; NULL: it does. */
const char *bench_plan_fault(const struct bench_plan *plan);
