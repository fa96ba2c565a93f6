/* What the operator does to a data folder without a server: `banterd verify`, `export`,
 * `import`, `user`, `token` and `hook`. */
#pragma once

#include <stdbool.h>

/* Carries out the command that `values[1]` names. False: it names none. */
bool operator_command(int count, char **values, int *status);
