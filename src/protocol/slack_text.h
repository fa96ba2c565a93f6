/* The markup of Slack's messages, as plain text. Pure. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"

/* Appends `text` (valid UTF-8), never more bytes than it has:
 *
 *   <https://x/|label>      label (https://x/); one of them where they say the same
 *   <https://x/>            https://x/, and so mailto: and every other scheme
 *   <@U1|ann> <#C1|ops>     @ann, #ops
 *   <!here> <!date^…|May 1> @here, May 1
 *   &amp; &lt; &gt;         & < >
 *   *bold* _it_ ~gone~      bold it gone, where `styled`
 *   `code` ```code```       as it is
 *
 * What looks like markup and is none stays. U+0000 is left out. */
void slack_text_append(struct buffer *out, struct slice text, bool styled);
