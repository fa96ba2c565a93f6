/* The dialects over WebSocket. */
#pragma once

#include "bench/dialect.h"

extern const struct dialect text_dialect, json_dialect;
