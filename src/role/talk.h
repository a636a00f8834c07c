/*  talk: how a role speaks to people. It never prints itself: whoever runs it gives it a talk_t.
 */
#ifndef DISHES_ROLE_TALK_H
#define DISHES_ROLE_TALK_H

#include "core/session.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    TALK_ERROR,  // something went wrong
    TALK_NOTICE, // worth knowing; --quiet leaves it out
    TALK_TRACE,  // a change of state
} talk_level_t;

//  Called from the threads of all roles, also at the same time.
typedef struct {
    void *arg;
    //  One line without newline, borrowed.
    void (*line) (void *arg, talk_level_t level, const char *text);
    //  Bytes for the progress line, as they are (store/progress.h).
    void (*draw) (void *arg, const char *bytes, size_t size);
    bool is_tracing; // TALK_TRACE is wanted
} talk_t;

//  Formats a line of at most a few hundred bytes; control characters in it, those of eight bits in UTF-8 too, become
//  '?'.
void talk_say (const talk_t *self, talk_level_t level, const char *format, ...) __attribute__ ((format (printf, 3, 4)));

//  Why a peer's pipeline is lost: by its own `reason`, or, where that is empty, by the word of the sink. Nothing where
//  the sink says that itself, to the same user.
void talk_loss (const talk_t *self, const char *reason, const ending_t *ending, bool is_beside_sink);

//  A change of state of a role, `from -event-> to`.
void talk_trace (const talk_t *self, const char *role, const char *from, const char *event, const char *to);

#endif
