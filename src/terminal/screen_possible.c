/* By itself, because term.h makes macros of common words. */
#include <unistd.h>

#include <curses.h>
#include <term.h>

bool screen_possible(void);

bool screen_possible(void) {
    int error = 0;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return false;
    if (setupterm(NULL, STDOUT_FILENO, &error) != OK)
        return false;
    char *address = tigetstr("cup");
    bool possible = address != NULL && address != (char *)-1; /* the cursor can be moved */
    del_curterm(cur_term);
    return possible;
}
