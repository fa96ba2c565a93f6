/* Whom the commands of banter trust to be the server, where the URL asks for TLS. */
#pragma once

#include "client/options.h"
#include "client/url.h"
#include "io/tls.h"

struct trust {
    /* Of the command line. */
    const char *authorities;
    bool insecure;
    struct tls_context *tls; /* NULL: the URL asks for none */
};

/* The rows of a command's table of options. */
#define TRUST_OPTIONS(trust)                                                                       \
    {"ca", "FILE", "over TLS trust the authorities in FILE (the system's)",                        \
     .text = &(trust)->authorities},                                                               \
    {                                                                                              \
        "insecure", NULL, "over TLS take anybody for the server", .flag = &(trust)->insecure       \
    }

/* Makes `tls` if the URL asks for it. False: what is wrong was printed. */
bool trust_open(struct trust *trust, const struct url *url);
void trust_close(struct trust *trust);
