/*  hands: who does the dryer's tasks: commands (rack.h), or whatever else fills this in. The dryer's role asks it once
 *  a turn; only the role's thread makes these calls, and none of them waits.
 *
 *  What is taken with dryer_take runs until dryer_done or dryer_return has all of it.
 */
#ifndef DISHES_ROLE_HANDS_H
#define DISHES_ROLE_HANDS_H

#include "core/dryer.h"

#include <sys/types.h>

typedef struct {
    void *arg;
    bool gathers; // a few results may wait for the next ones, for some ms, while there is enough to do
    //  What the sink wants with each result (WANT_*); holds from the next task on. 0, or -1 and errno.
    int (*want) (void *arg, uint8_t wants, const char *tagstring);
    //  One turn: takes results to the core, and starts what it gives where `may_start`. 0, or -1 and errno; 1:
    //  something went wrong that no result tells of: it was said, the work goes on, and the dryer's exit status shall
    //  tell.
    int (*work) (void *arg, dryer_t *core, int64_t now_ms, bool may_start);
    //  When to be called again; INT64_MAX: when the loop wakes.
    int64_t (*due_ms) (const void *arg);
    //  Ends what runs: its results may still come. At once, or with patience.
    void (*end) (void *arg, bool at_once, int64_t now_ms);
    //  What ends from now on without success goes back to the washer: it was not its own failure. NULL: it does so
    //  anyway.
    void (*give_up) (void *arg);
    //  Holds up what runs, and lets it go on. NULL: nothing can be held up.
    void (*stop) (void *arg, int64_t now_ms);
    void (*cont) (void *arg, int64_t now_ms);
    //  Tasks that run: while there are any the role does not end.
    uint32_t (*running) (const void *arg);
    //  Throws away what waits: the core that it is for is about to end.
    void (*forget) (void *arg);
    //  The core's ports of the same names; `cookie` is a result's. NULL: no result has one.
    ssize_t (*read) (void *arg, void *cookie, int stream, uint64_t offset, uint8_t *out, size_t size);
    void (*free_output) (void *arg, void *cookie);
    //  Another number of tasks at a time; what runs goes on. 0; or -1, errno, and it stays. NULL: it never changes.
    int (*resize) (void *arg, uint32_t slots);
} hands_t;

#endif
