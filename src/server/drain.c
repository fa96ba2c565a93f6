/* Draining: a server that is to stop hands its clients over to others.
 *
 *     0          first                                     late      end
 *     ├── grace ──┼──── those who were there are told ──────┼─ rest ──┤
 *
 * From the beginning /readyz says 503, so that load balancers have the grace to notice: nobody who
 * is told to come back shall be sent here again. Then everybody who was there is told, evenly
 * spread: whoever takes them in gets them one by one. Whoever comes meanwhile is served (without a
 * load balancer there may be nobody else who would), and told in the last tenth, when the doors are
 * closed. HTTP is answered all the time, with `Connection: close`; the connections that are left
 * when the time is over are ended as by a server that does not drain. */

#include "server/drain.h"

#include "base/close_code.h"
#include "delivery/outlet.h"
#include "net/net.h"

#define GRACE_MAX_MS 5000

void drain_begin(struct drain *drain, struct net *net, const struct outlet *outlet, uint64_t now_ms,
                 size_t seconds) {
    uint64_t total_ms = seconds * 1000;
    uint64_t grace_ms = total_ms / 6 < GRACE_MAX_MS ? total_ms / 6 : GRACE_MAX_MS;

    *drain = (struct drain){.net = net,
                            .outlet = outlet,
                            .begin_ms = now_ms,
                            .first_ms = now_ms + grace_ms,
                            .late_ms = now_ms + total_ms - total_ms / 10,
                            .end_ms = now_ms + total_ms};
}

/* How many of `staying` are due so that the last goes when `until_ms` comes. */
static size_t due(struct drain *drain, size_t staying, uint64_t now_ms, uint64_t until_ms) {
    uint64_t passed_ms = now_ms - drain->looked_ms;
    uint64_t left_ms = until_ms > drain->looked_ms ? until_ms - drain->looked_ms : 0;
    uint64_t count;

    drain->looked_ms = now_ms;
    if (left_ms <= passed_ms)
        return staying;
    drain->credit += staying * passed_ms;
    count = drain->credit / left_ms;
    drain->credit %= left_ms;
    return count;
}

static void tell(struct drain *drain, uint64_t newest, uint64_t now_ms, uint64_t until_ms) {
    size_t staying = outlet_count_staying(drain->outlet, newest);

    drain->told +=
        net_send_away(drain->net, newest, due(drain, staying, now_ms, until_ms), CLOSE_RESTART);
}

bool drain_step(struct drain *drain, uint64_t now_ms) {
    if (now_ms >= drain->end_ms)
        return false;
    if (now_ms < drain->first_ms)
        return true;
    if (drain->looked_ms == 0) {
        drain->newest = outlet_newest(drain->outlet);
        drain->looked_ms = drain->first_ms;
    }
    if (now_ms < drain->late_ms) {
        tell(drain, drain->newest, now_ms, drain->late_ms);
        return outlet_peer_count(drain->outlet) > 0;
    }
    if (!drain->closed)
        net_stop_accepting(drain->net);
    drain->closed = true;
    tell(drain, UINT64_MAX, now_ms, drain->end_ms);
    return outlet_peer_count(drain->outlet) > 0;
}
