/* Keys that ncurses has no names for. */
#pragma once

void screen_define_keys(void);
