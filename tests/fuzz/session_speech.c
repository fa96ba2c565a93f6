/* In the forms, each of the following stands for something of the input's choice: %n a name, %r a
 * room, %u a number, %c a cid, %t a text, %p a password, %k a token, %l a role, %a an address,
 * %b base64 of name and password; and %s for the last secret told. */
#include "session_speech.h"

#define CHOOSE(input, list) (list)[take_byte(input) % (sizeof(list) / sizeof((list)[0]))]

static const char *const names[] = {
    "ann",       "bob",      "eve",        "zed",         "ANN",
    "Anonymous", "x y",      "",           "error",       "\xef\xbd\x81nn",
    "a\xcc\x81", "Client 1", "ann edited", "\xe2\x80\xae"};
static const char *const rooms[] = {"lobby",  "ops", "OPS", "@ann,bob", "@ann,ann", "$x",
                                    "$rules", "",    "@",   "@,",       "r1",       "r2",
                                    "r3",     "..",  "a b", "@bob,ann"};
static const char *const numbers[] = {"0",
                                      "1",
                                      "2",
                                      "3",
                                      "5",
                                      "100",
                                      "-1",
                                      "9007199254740992",
                                      "9223372036854775807",
                                      "18446744073709551615",
                                      "1.5",
                                      "\"x\"",
                                      "null"};
static const char *const cids[] = {"1", "2", "c1", "", "\\u0000"};
static const char *const texts[] = {"hi", "", "/me waves", "a\\nb", "\\u001b[2J", "\\ud83d\\ude00",
                                    "//x"};
static const char *const passwords[] = {"right", "wrong", ""};
static const char *const tokens[] = {"bt_1",     "bt_2",  "bt_3",    "narrow",
                                     "short",    "slow",  "nobodys", "ticket_1",
                                     "ticket_2", "wrong", "a.b.c",   "ticket_3"};
static const char *const roles[] = {"guest", "member", "moderator", "owner", "king"};
static const char *const addresses[] = {"127.0.0.1", "127.0.0.0/8", "::/0", "10.0.0.1/8", "x"};
/* ann:right, bob:wrong, eve:right, none */
static const char *const basics[] = {"YW5uOnJpZ2h0", "Ym9iOndyb25n", "ZXZlOnJpZ2h0", "YQ"};

static const char *const frames[] = {
    "{\"content\":\"%t\",\"sender\":\"%n\"}",
    "{\"type\":\"hello\",\"name\":\"%n\",\"cid\":\"%c\"}",
    "{\"type\":\"hello\",\"session\":\"%s\",\"cid\":\"%c\"}",
    "{\"type\":\"hello\",\"session\":\"%s\",\"name\":\"%n\",\"resume\":{\"%r\":{\"after\":%u},\"%"
    "r\":{\"after\":%u}}}",
    "{\"type\":\"hello\",\"resume\":{\"%r\":{\"after\":%u,\"epoch\":\"%t\"},\"%r\":{\"after\":%u},"
    "\"%r\":{\"after\":%u}}}",
    "{\"type\":\"join\",\"room\":\"%r\",\"cid\":\"%c\"}",
    "{\"type\":\"join\",\"room\":\"%r\",\"after\":%u,\"cid\":\"%c\"}",
    "{\"type\":\"leave\",\"room\":\"%r\",\"cid\":\"%c\"}",
    "{\"type\":\"message\",\"room\":\"%r\",\"content\":\"%t\",\"cid\":\"%c\",\"re\":%u}",
    "{\"type\":\"message\",\"to\":\"%n\",\"content\":\"%t\",\"cid\":\"%c\"}",
    "{\"type\":\"edit\",\"room\":\"%r\",\"of\":%u,\"content\":\"%t\",\"cid\":\"%c\"}",
    "{\"type\":\"delete\",\"room\":\"%r\",\"of\":%u,\"cid\":\"%c\"}",
    "{\"type\":\"react\",\"room\":\"%r\",\"of\":%u,\"key\":\"%t\",\"cid\":\"%c\"}",
    "{\"type\":\"topic\",\"room\":\"%r\",\"content\":\"%t\",\"cid\":\"%c\"}",
    "{\"type\":\"typing\",\"room\":\"%r\"}",
    "{\"type\":\"history\",\"room\":\"%r\",\"after\":%u,\"limit\":%u,\"cid\":\"%c\"}",
    "{\"type\":\"history\",\"room\":\"%r\",\"before\":%u,\"cid\":\"%c\"}",
    "{\"type\":\"rooms\",\"cid\":\"%c\"}",
    "{\"type\":\"members\",\"room\":\"%r\",\"cid\":\"%c\"}",
    "{\"type\":\"search\",\"query\":\"%t\",\"cid\":\"%c\"}",
    "{\"type\":\"leave\"}",
    "{\"type\":\"read\",\"room\":\"%r\",\"seq\":%u,\"cid\":\"%c\"}",
    /* Who one is. */
    "{\"type\":\"hello\",\"name\":\"%n\",\"password\":\"%p\",\"cid\":\"%c\"}",
    "{\"type\":\"hello\",\"name\":\"%n\",\"password\":\"%p\",\"resume\":{\"%r\":{\"after\":%u}}}",
    "{\"type\":\"hello\",\"token\":\"%k\",\"cid\":\"%c\"}",
    "{\"type\":\"hello\",\"token\":\"%k\",\"resume\":{\"%r\":{\"after\":%u}}}",
    "{\"type\":\"auth\",\"token\":\"%k\",\"cid\":\"%c\"}",
    "{\"type\":\"auth\",\"token\":\"%s\",\"cid\":\"%c\"}",
    /* Rules. */
    "{\"type\":\"create\",\"room\":\"%r\",\"cid\":\"%c\"}",
    "{\"type\":\"set\",\"room\":\"%r\",\"access\":\"members\",\"cid\":\"%c\"}",
    "{\"type\":\"set\",\"room\":\"%r\",\"access\":\"public\",\"cid\":\"%c\"}",
    "{\"type\":\"set\",\"room\":\"%r\",\"posting\":\"moderators\",\"cid\":\"%c\"}",
    "{\"type\":\"set\",\"room\":\"%r\",\"slow\":%u,\"cid\":\"%c\"}",
    "{\"type\":\"set\",\"room\":\"%r\",\"registered_only\":true,\"cid\":\"%c\"}",
    "{\"type\":\"set\",\"room\":\"%r\",\"topic_lock\":true}",
    "{\"type\":\"role\",\"room\":\"%r\",\"name\":\"%n\",\"role\":\"%l\",\"cid\":\"%c\"}",
    "{\"type\":\"invite\",\"room\":\"%r\",\"name\":\"%n\",\"cid\":\"%c\"}",
    "{\"type\":\"kick\",\"room\":\"%r\",\"name\":\"%n\",\"reason\":\"%t\",\"cid\":\"%c\"}",
    "{\"type\":\"ban\",\"room\":\"%r\",\"name\":\"%n\",\"seconds\":%u,\"cid\":\"%c\"}",
    "{\"type\":\"ban\",\"room\":\"%r\",\"address\":\"%a\",\"seconds\":5}",
    "{\"type\":\"ban\",\"name\":\"%n\",\"reason\":\"%t\",\"cid\":\"%c\"}",
    "{\"type\":\"unban\",\"room\":\"%r\",\"name\":\"%n\",\"cid\":\"%c\"}",
    "{\"type\":\"unban\",\"room\":\"%r\",\"address\":\"%a\"}",
    "{\"type\":\"mute\",\"room\":\"%r\",\"name\":\"%n\",\"seconds\":%u}",
    "{\"type\":\"unmute\",\"room\":\"%r\",\"name\":\"%n\"}",
    "{\"type\":\"rules\",\"room\":\"%r\",\"offset\":%u,\"limit\":%u,\"cid\":\"%c\"}",
    "{\"type\":\"audit\",\"room\":\"%r\",\"before\":%u,\"limit\":%u,\"cid\":\"%c\"}",
    "{\"type\":\"audit\",\"cid\":\"%c\"}",
};
static const char *const lines[] = {
    "%n\n",
    "%p\n",
    "%t\n",
    "/join %r\n",
    "/rooms\n",
    "/who\n",
    "/msg %n %t\n",
    "/me %t\n",
    "/topic %t\n",
    "/history %u\n",
    "/nick %n\n",
    "/token\n",
    "/resume %s\n",
    "/quit\n",
    "QUIT\n",
    "\n",
    "/login %n %p\n",
    "/resume %k\n",
    "/invite %n\n",
    "/kick %n %t\n",
    "/ban %n %u %t\n",
    "/ban %a\n",
    "/unban %n\n",
    "/mute %n %u\n",
    "/unmute %n\n",
    "/role %n %l\n",
    "/set access members\n",
    "/set slow %u\n",
    "/rules\n",
    "/audit %u\n",
    "/search %t\n",
    "register,%n\n",
    "register,%n",
    "register,%n,%p\n",
    "list,friends\n",
    "list,friends",
    "chat,%n,%t\n",
    "chat,%n\n",
    "chat,%n,%t",
};

#define HOST " HTTP/1.1\r\nHost: localhost\r\n"
#define UPGRADE                                                                                    \
    HOST "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"              \
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static const char *const requests[] = {
    "GET /" UPGRADE "\r\n",
    "GET /ws" UPGRADE "Sec-WebSocket-Protocol: banter.v1\r\n\r\n",
    "GET /ws" UPGRADE "Sec-WebSocket-Protocol: banter.v1\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n\r\n",
    "GET /text" UPGRADE "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
    "GET /" UPGRADE "Origin: http://evil\r\n\r\n",
    "POST /r/%r" HOST "Sender: %n\r\nIdempotency-Key: %c\r\nContent-Length: 2\r\n\r\nhi",
    "POST /r/%r" HOST "Title: %t\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "POST /r/%r" HOST "Content-Type: application/json\r\nContent-Length: 16\r\n\r\n"
    "{\"content\":\"hi\"}",
    "GET /r/%r?after=%u&limit=%u" HOST "\r\n",
    "GET /r/%r?before=%u" HOST "Accept: text/plain\r\n\r\n",
    "HEAD /r/%r" HOST "Connection: close\r\n\r\n",
    /* Who one is. */
    "GET /ws?token=%k" UPGRADE "\r\n",
    "GET /ws?ticket=%k" UPGRADE "Sec-WebSocket-Protocol: banter.v1\r\n\r\n",
    "GET /ws" UPGRADE "Authorization: Basic %b\r\n\r\n",
    "GET /text" UPGRADE "Authorization: Bearer %k\r\n\r\n",
    "POST /r/%r" HOST "Authorization: Bearer %k\r\nContent-Length: 2\r\n\r\nhi",
    "POST /r/%r" HOST "Authorization: Basic %b\r\nContent-Length: 2\r\n\r\nhi",
    "GET /r/%r?token=%k" HOST "\r\n",
    "POST /auth/ticket" HOST "Authorization: Bearer %k\r\nContent-Length: 0\r\n\r\n",
    "POST /auth/ticket" HOST "Authorization: Basic %b\r\nContent-Length: 0\r\n\r\n",
    /* Events. */
    "GET /sse?room=%r" HOST "\r\n",
    "GET /sse?room=%r&after=%u" HOST "Authorization: Bearer %k\r\n\r\n",
    "GET /sse?room=%r&room=%r&ticket=%k" HOST "\r\n",
    "GET /sse?room=%r&room=%r" HOST "Last-Event-ID: lobby=x:%u,ops=y:%u\r\n\r\n",
    "GET /sse?room=%r" HOST "Last-Event-ID: x:%u\r\n\r\n",
    "GET /readyz" HOST "\r\n",
};

const char *speech_name(struct slice *input) {
    return CHOOSE(input, names);
}

const char *speech_room(struct slice *input) {
    return CHOOSE(input, rooms);
}

static const char *word_for(char what, struct slice *input, const char *secret) {
    switch (what) {
    case 'n':
        return speech_name(input);
    case 'r':
        return speech_room(input);
    case 'u':
        return CHOOSE(input, numbers);
    case 'c':
        return CHOOSE(input, cids);
    case 't':
        return CHOOSE(input, texts);
    case 'p':
        return CHOOSE(input, passwords);
    case 'k':
        return CHOOSE(input, tokens);
    case 'l':
        return CHOOSE(input, roles);
    case 'a':
        return CHOOSE(input, addresses);
    case 'b':
        return CHOOSE(input, basics);
    default:
        return secret;
    }
}

static const char *form_for(enum speech kind, struct slice *input) {
    switch (kind) {
    case SPEECH_FRAME:
        return CHOOSE(input, frames);
    case SPEECH_LINE:
        return CHOOSE(input, lines);
    case SPEECH_REQUEST:
        break;
    }
    return CHOOSE(input, requests);
}

void speech_compose(enum speech kind, struct slice *input, const char *secret, struct buffer *out) {
    for (const char *at = form_for(kind, input); *at; at++) {
        if (*at == '%') {
            buffer_append_string(out, word_for(*++at, input, secret));
        } else {
            buffer_append_char(out, *at);
        }
    }
}
