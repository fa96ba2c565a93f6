/* What the protocols without framing share: how words of others are written so that they stay what
 * they are. Whoever reads a line knows nothing but its text, so the text alone must show who said
 * it. Private to protocol/. */
#pragma once

#include "protocol/format.h"

/* Text as one line, without LF: controls and everything that ends a line become U+FFFD. */
void plain_append_text(struct buffer *out, struct slice text);

/* Each line of `text` with `prefix` before it and LF after it. Lines end at LF, CR LF, CR, VT, FF,
 * NEL, U+2028 and U+2029; a last empty one is left out. When the prefixes come to many times the
 * text (a message of nothing but line breaks), what remains is written as one line, so that a small
 * message never grows large. */
void plain_append_lines(struct buffer *out, struct slice prefix, struct slice text);

/* A number of entries in the words of `feed`, as a batch brings them. */
void plain_append_batch(struct buffer *out, const struct feed_format *feed, enum format format,
                        const struct reply *reply);

/* The people of a direct-message room, "@ann,bob"; false for any other room. */
bool plain_direct_names(struct slice room, struct slice *first, struct slice *second);

/* What went wrong, in one sentence for people; valid as long as the reply. */
struct slice plain_error(const struct reply *reply);

/* Why a connection is closed, for its last line; empty for a clean end. Static. */
struct slice plain_goodbye(uint16_t close_code);

/* "line too long, N bytes at most". */
void plain_append_too_long(struct buffer *out, const struct protocol_settings *settings);

/* Bytes a line may have, its ending not counted. */
size_t plain_line_limit(const struct protocol_settings *settings);
