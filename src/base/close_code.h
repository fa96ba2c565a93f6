/* Why a connection is closed, in the numbers of WebSocket (RFC 6455 section 7.4.1). Every protocol
 * says it in its own way. From 4000 on the numbers are ours: after those below 4500 a client may
 * come back by itself, after the others it should not (docs/protocol.md). */
#pragma once

enum close_code {
    CLOSE_NORMAL = 1000,
    CLOSE_GOING_AWAY = 1001,
    CLOSE_PROTOCOL_ERROR = 1002,
    CLOSE_UNSUPPORTED = 1003, /* a binary frame where there must be none */
    CLOSE_LOST = 1006,        /* never sent: the connection ended without a close frame */
    CLOSE_INVALID = 1007,     /* no UTF-8, or not unpacked */
    CLOSE_POLICY = 1008,      /* an origin or a credential that is not good here, or no more */
    CLOSE_TOO_LARGE = 1009,
    CLOSE_RESTART = 1012, /* come back at once: there is another server, or this one anew */
    CLOSE_TRY_LATER = 1013,
    CLOSE_TOO_SLOW = 4000,
    CLOSE_IDLE = 4001, /* something was not said in time */
    CLOSE_KICKED = 4500,
    CLOSE_BANNED = 4501,
    CLOSE_REPLACED = 4502,
};
