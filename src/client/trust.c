#include "client/trust.h"

#include "client/command.h"

bool trust_open(struct trust *trust, const struct url *url) {
    char message[512];

    if (!url->secure)
        return true;
    if (tls_context_for_client(trust->authorities, trust->insecure, &trust->tls, message,
                               sizeof message) == 0)
        return true;
    command_error("%s", message);
    return false;
}

void trust_close(struct trust *trust) {
    tls_context_release(trust->tls);
    trust->tls = NULL;
}
