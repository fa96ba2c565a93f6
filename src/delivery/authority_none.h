/* The authority of a server without one: it knows nobody, and no credential is valid. */
#pragma once

#include "hub/authority.h"

struct authority *authority_none_open(void);
