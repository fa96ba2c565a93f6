/* Who said something, for readers that see nothing but text: the line protocols, and the client
 * where it writes plain lines. */
#pragma once

#include "base/buffer.h"
#include "base/slice.h"

/* The signature of a message. A name as it is; a label, which may hold anything, without what would
 * let it pass for words of the server or of somebody else: ':' , the end of "->" and a '*' in front
 * become U+FFFD, as do controls, and one that reads like an announcement ("Jason edited", "Jason
 * has kicked Jay from lobby") gets U+FFFD at its end. */
void signature_append(struct buffer *out, struct slice sender);
