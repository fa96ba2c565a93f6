/* Every cap that is not configurable, in one place. Sizes in bytes unless the name says otherwise.
 */
#pragma once

#define LIMIT_NAME_CHARACTERS 64
#define LIMIT_NAME 256 /* bytes of a name or label: 64 characters of UTF-8 */
#define LIMIT_CID 256  /* bytes of a cid: 64 characters of UTF-8 */
#define LIMIT_CID_CHARACTERS 64
#define LIMIT_EPOCH_CHARACTERS 64 /* that a client may show; ours are shorter */
#define LIMIT_ROOM_KEY 600 /* folded name, or "@" and two identities */
#define LIMIT_ROOMS_PER_SESSION 1000
#define LIMIT_OUTSTANDING 1024 /* requests of one session under way; then its input is paused */
#define LIMIT_RETRIES 32 /* of them, messages over the rate that may have been stored before */
#define LIMIT_PAGE_ENTRIES 128 /* entries of one page read from a store */
#define LIMIT_PAGE_BYTES (256 * 1024)
#define LIMIT_BATCH_ENTRIES 100 /* items of one batch frame */
#define LIMIT_MEMORY_MARKS                                                                         \
    100000                        /* read marks kept in memory; then those told of longest ago go  \
                                   */
#define LIMIT_SEARCH_TEXT 1024    /* what is searched for, as it is typed */
#define LIMIT_SEARCH_TERMS 16     /* words and phrases of one search, and of each kind of filter */
#define LIMIT_SEARCH_ROOMS 100    /* rooms named in one search */
#define LIMIT_SEARCH_OFFSET 10000 /* how far down the results of a search can be read */
#define LIMIT_SEARCH_SCAN (2 * 1024 * 1024) /* text of a log in memory that one search looks at */
#define LIMIT_LIST_ITEMS 1000               /* rooms or members in one answer */
#define LIMIT_LIST_TOPIC 256                /* bytes of a room's topic in a list of rooms */
#define LIMIT_CONTROL_OUTPUT                                                                       \
    (64 * 1024) /* answers waiting for a peer; then its input is paused                            \
                 */
#define LIMIT_PAGE_CACHE_BYTES (16 * 1024 * 1024)
#define LIMIT_STREAM_BYTES (256 * 1024 * 1024) /* kept ready to send in all rooms together */
#define LIMIT_TLS_HELLO (8 * 1024)             /* the first record of a client that begins TLS */
#define LIMIT_HANDSHAKES 2000                  /* of TLS, under way; then the oldest is given up */
#define LIMIT_HANDSHAKES_PER_ADDRESS 500       /* the same, of one address */
#define LIMIT_HTTP_HEAD (16 * 1024)            /* request line and headers */
#define LIMIT_SSE_ROOMS 32                     /* of one stream of events */
#define LIMIT_JSON_DEPTH 32
#define LIMIT_JSON_VALUES 5000 /* in what a stranger sends: each costs more than its bytes */
#define LIMIT_SECRET 8192      /* a password or a token, as it is shown */
#define LIMIT_LOGINS 32 /* passwords that wait to be checked; then they are refused at once */
#define LIMIT_CREDENTIALS 4096          /* the same of tokens */
#define LIMIT_TICKET_S 30               /* seconds that a ticket is good for */
#define LIMIT_LINE_OVERHEAD 256         /* a command and a name before the text of a line */
#define LIMIT_MEMORY_ROOM_ENTRIES 10000 /* kept of a room whose log is in memory only */
#define LIMIT_MEMORY_ROOM_BYTES (64 * 1024 * 1024)
#define LIMIT_MEMORY_BYTES (512 * 1024 * 1024) /* of all such rooms together */
#define LIMIT_MEMORY_ROOMS 200000 /* such rooms that are known without being followed */
#define LIMIT_STORE_QUEUE_ENTRIES                                                                  \
    65536 /* appends that wait for a store's commit; beyond that they are refused */
#define LIMIT_STORE_QUEUE_BYTES (64 * 1024 * 1024)
#define LIMIT_STORE_ROOMS 16384      /* rooms whose state a store on disk remembers */
#define LIMIT_META 2048              /* title, tags, click of a notification, as JSON */
#define LIMIT_REACTION_CHARACTERS 64 /* of a reaction's key */
#define LIMIT_DIRECTS_PER_SESSION                                                                  \
    1000 /* direct-message rooms; then those go whose other side will not come back */
#define LIMIT_DEVICES 1000       /* connections of one account at once */
#define LIMIT_LINGERING 100000   /* lost sessions that may come back; then the oldest goes */
#define LIMIT_QUOTA_KEYS 50000   /* addresses, and rooms, whose use is remembered, see quota.c */
#define LIMIT_LOGIN_ATTEMPTS 3   /* wrong credentials on one connection; then it is closed */
#define LIMIT_REASON 512         /* why somebody was banned, in bytes */
#define LIMIT_RULED_ROOMS 20000  /* rooms that have rules of their own */
#define LIMIT_ROOM_ROLES 10000   /* members, moderators and owners of one */
#define LIMIT_ROOM_BANS 1000     /* bans of one, and mutes */
#define LIMIT_SERVER_BANS 10000  /* bans, and mutes, on the whole server */
#define LIMIT_SLOW_WRITERS 10000 /* who wrote last in a slow room; then the oldest is forgotten */
#define LIMIT_RULES_ITEMS 100    /* roles, bans and mutes, or changes, in one answer */
#define LIMIT_CALLERS                                                                              \
    10000 /* those without a session whose rate is remembered; then the oldest goes */
