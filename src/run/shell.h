/*  shell: where replacement strings may stand in a line of shell.
 *
 *  The values of a task never become shell text: the line runs as `sh -c LINE dishes V1 V2 ...`, and each replacement
 *  string in it is rewritten once, by where it stands: to "${1}" where the line is unquoted, to ${1} inside double
 *  quotes. Where neither is right it is refused, with what to write instead: inside single quotes, a here-document, a
 *  comment, ${...}, arithmetic, [[ ]] or a subscript (in the last three bash evaluates what a variable holds), behind
 *  a backslash or a $, in backquotes that are quoted; and wherever shells disagree about what the text before it means.
 *
 *  To know where it stands, the line is read as POSIX shells, dash and bash read it: a stack of what is open (quotes,
 *  substitutions, parentheses). Not more than that: what the shell would not accept fails in the shell.
 *
 *  What the line itself evaluates is the line's business: eval, let, declare -i, test -v, unset, sh -c "..." take their
 *  arguments as text, and bash's arithmetic what a variable holds; and inside a shell function, or behind set or shift,
 *  $1 is something else.
 */
#ifndef DISHES_RUN_SHELL_H
#define DISHES_RUN_SHELL_H

#include <stdbool.h>
#include <stddef.h>

typedef enum { SHELL_BARE, SHELL_DOUBLE } shell_place_t;

typedef struct {
    size_t at, size;     // of the replacement string in the line, bytes
    shell_place_t place; // what shell_check found
} shell_mark_t;

//  Finds the place of each mark; they are in the line's order. 0, or -1, EINVAL and one line in `error`.
int shell_check (const char *line, size_t size, shell_mark_t *marks, size_t count, char *error, size_t error_size);

//  Does the text hold what only a shell understands: a blank, a newline, or one of | & ; < > ( ) $ " ' * ? [ # ~ ` \ ?
bool shell_wanted (const char *text, size_t size);

//  The shell to use: `path` unless NULL, else $DISHES_SHELL, $PARALLEL_SHELL, /bin/sh. Borrowed.
const char *shell_path (const char *path);

#endif
