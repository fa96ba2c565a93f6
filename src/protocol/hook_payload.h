/* What is posted to a hook: the payload of Slack's incoming webhooks, as monitoring, CI and many
 * others know how to send it. Pure.
 *
 *   text                        with Slack's markup, see slack_text.h; `mrkdwn: false`: no styles
 *   blocks                      in place of a text that is missing
 *   attachments[]               below: pretext, title (title_link), text, fields (title: value),
 *                               blocks; `fallback` where there is nothing of these
 *   username                    signs the message
 *
 * Everything else there may be (channel, colours, pictures, buttons) is passed over. */
#pragma once

#include "wire/json.h"

#define HOOK_ATTACHMENTS_MAX 100 /* Slack's limit */
#define HOOK_SENDER_CHARACTERS 50

struct hook_payload {
    struct buffer text;
    struct buffer sender; /* empty: it does not say */
};

/* The payload in a body: JSON, or a form (`payload=…`) whose value is JSON. Of a longer text than
 * `max_text` bytes the beginning is taken. ERR_BAD_REQUEST, and in `*word` Slack's word for what
 * is wrong: "invalid_payload", "no_text", "too_many_attachments"; there is nothing to close then.
 */
int hook_payload_parse(struct slice body, size_t max_text, struct hook_payload *payload,
                       const char **word) MUST_USE;
void hook_payload_close(struct hook_payload *payload);
