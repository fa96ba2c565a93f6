/* What the kinds of entries are called in an archive. Private to it. */
#pragma once

#include "hub/entry.h"

static const char *const archive_kinds[] = {
    [ENTRY_MESSAGE] = "message", [ENTRY_EDIT] = "edit",   [ENTRY_DELETE] = "delete",
    [ENTRY_REACTION] = "react",  [ENTRY_TOPIC] = "topic",
};

#define ARCHIVE_KINDS ((int)(sizeof(archive_kinds) / sizeof(archive_kinds[0])))
