/* What tells an account's token from a guest's secret where either may be shown. */
#pragma once

/* Tokens begin with it; secrets of guests never do (wire/secret.h). */
#define TOKEN_PREFIX "bt_"
