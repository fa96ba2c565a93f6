/* The browser client, embedded when the server is built (web/meson.build). */
#pragma once

#include <stddef.h>

#include "protocol/protocol.h"

extern const struct asset web_assets[];
extern const size_t web_asset_count;
