/*  template: a command with replacement strings, compiled once, filled in for each task.
 *
 *  Values are the task's values in order, over all its items. In a word of the command
 *
 *    {}    every value          {.}  without its extension   {/}  without its directory
 *    {//}  its directory        {/.} without both            {N} {N.} {N/} {N//} {N/.}  the same of value N
 *    {#}   the task's number    {%}  the slot, 1..N
 *
 *  and -I S takes the place of {}. Where a task has several values, a word that holds {} or its kind becomes
 *    the word alone:    one argument a value            {}      a b  ->  [a] [b]
 *    inside a word:     the values joined by a blank, which parts arguments as in GNU parallel
 *                                                       x{}y    a b  ->  [xa] [by]
 *    with `context`:    the word again for each value   x{}y    a b  ->  [xay] [xby]      (-X)
 *  {N} beyond the last value is empty; as a word alone it is no argument. No replacement string in the whole command:
 *  the values go last, one argument each.
 *
 *  A value is one argument, whatever bytes it holds. It cannot hold NUL or be longer than TEMPLATE_VALUE_MAX: such a
 *  task is refused with a reason.
 *
 *  A command that is a shell line (see shell.h) gives the values to the shell as "$1", "$2", ...: they never become
 *  shell text. Without any command each task is itself a shell line: its values, joined by blanks.
 *
 *  The text of a command is what one would paste into a shell. Values are quoted as GNU parallel does: bare when they
 *  consist of letters, digits and - _ . + /, else in single quotes, a single quote in them as '"'"'. The command's own
 *  words likewise, but = , : @ % stay bare in them. In a shell line the line is as it was written, the values quoted
 *  for the place they stand in.
 *
 *  A template does not change once it is made and may be used by any thread; a rendering belongs to one thread, and
 *  its memory is used again by the next one.
 */
#ifndef DISHES_RUN_TEMPLATE_H
#define DISHES_RUN_TEMPLATE_H

#include "core/block.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEMPLATE_VALUE_MAX = 131071 }; // bytes of an argument that execve takes, without the NUL

typedef struct template template_t;

typedef struct {
    char *const *words; // COMMAND, `count` of them; none: each task is a shell line
    size_t count;
    const char *replace; // -I: what stands for {}; NULL: "{}"
    const char *shell;   // the shell's path; NULL: DISHES_SHELL, PARALLEL_SHELL, else /bin/sh
    bool force_shell;    // --shell: the words, joined by blanks, are a shell line
    bool context;        // -X
    bool is_filter;      // started once a slot: of the replacement strings there is only {%}, and no value goes last
    bool pipe;           // --pipe: the items go to stdin, so no replacement string may stand for them
} template_opts_t;

//  Compiles; copies what it needs. NULL and one line in `error` (errno EINVAL: the user's mistake, ENOMEM).
template_t *template_new (const template_opts_t *opts, char *error, size_t error_size);

//  Compiles one text for template_line; never a shell line. A --tagstring that is empty (--tag) is the item.
template_t *template_text_new (const char *text, const char *replace, char *error, size_t error_size);
template_t *template_tag_new (const char *tagstring, const char *replace, char *error, size_t error_size);
void template_destroy (template_t **self_p);

//  The name of the program that every task runs, borrowed (the shell where there is one), to be looked up before any
//  input is read; NULL where the name itself holds a replacement string.
const char *template_program (const template_t *self);
bool template_is_shell (const template_t *self);

//  One task, all borrowed.
typedef struct {
    uint64_t n;    // {#}
    uint32_t slot; // {%}
    const shape_t *shape;
    const uint8_t *data; // exactly the task's bytes
    size_t size;
} template_task_t;

typedef struct rendering rendering_t;

rendering_t *rendering_new (void); // NULL and ENOMEM
void rendering_destroy (rendering_t **self_p);

//  The arguments, ended by NULL, owned by `into` and good until its next use. NULL where the task cannot be run so:
//  EINVAL and template_reason (), or ENOMEM.
char **template_argv (const template_t *self, rendering_t *into, const template_task_t *task);

//  Why the last template_argv returned NULL with EINVAL, in one line without a full stop, borrowed from `into`.
const char *template_reason (const rendering_t *into);

//  The command as text; NULL and ENOMEM. Ends with NUL (a value may hold NUL as well: `size` counts). Owned by `into`.
const char *template_command (const template_t *self, rendering_t *into, const template_task_t *task, size_t *size);

//  The words joined by blanks, nothing quoted, several values joined by blanks (--tagstring). As template_command.
const char *template_line (const template_t *self, rendering_t *into, const template_task_t *task, size_t *size);

#endif
