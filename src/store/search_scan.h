/* Searching without an index: one message after the other is compared with the question. For logs
 * in memory, and the measure for the index: both find the same messages. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "hub/search.h"
#include "store/search_query.h"

/* A question made ready to be compared. */
struct search_scan {
    const struct search_question *question;
    struct buffer terms[LIMIT_SEARCH_TERMS];
    struct buffer senders[LIMIT_SEARCH_TERMS];
    struct buffer text; /* the message under comparison */
};

void search_scan_init(struct search_scan *scan, const struct search_question *question);
void search_scan_close(struct search_scan *scan);

/* How well a message of this sender, time and content fits; 0: not at all. More often and in fewer
 * words is better. */
unsigned search_scan_rate(struct search_scan *scan, struct slice sender, int64_t timestamp_us,
                          struct slice content);
