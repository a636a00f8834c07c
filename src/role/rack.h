/*  rack: where the dryer has its tasks done: a runner as the sink wants it, and what its results wait for.
 *
 *  A result whose output the core still needs stays with the runner until the core has handed the output over. Pieces
 *  that the credit does not cover wait here, and with them what comes behind them of the same task; the rest of such an
 *  output stays in the command's pipe.
 */
#ifndef DISHES_ROLE_RACK_H
#define DISHES_ROLE_RACK_H

#include "core/dryer.h"
#include "role/loop.h"
#include "run/runner.h"

//  A result that could not be handed on, or only a part of it.
typedef struct {
    runner_result_t *result;
    size_t taken; // bytes of a piece
} waiting_t;

typedef struct {
    runner_opts_t opts;
    const char *replace; // borrowed
    loop_t *loop;        // borrowed
    runner_t *runner;    // NULL until it is known what is wanted
    template_t *tag;
    watch_t watch;
    uint8_t wants;      // of the runner that stands
    uint8_t next_wants; // of the one that takes its place when nothing runs
    char tagstring[ENDPOINT_BYTES];
    bool is_changing; // there is a next one
    size_t lent;      // results that the core holds
    waiting_t *waiting;
    size_t size, capacity;
} rack_t;

void rack_init (rack_t *self, const runner_opts_t *opts, const char *replace, loop_t *loop);

//  Whatever runs is KILLed.
void rack_free (rack_t *self);

//  What the sink wants with each result (WANT_*); holds from the next task on. 0, or -1 and errno.
int rack_want (rack_t *self, uint8_t wants, const char *tagstring);

//  One turn: takes results to the core, and starts what it gives where `may_start`. 0, or -1 and errno.
int rack_work (rack_t *self, dryer_t *core, int64_t now_ms, bool may_start);

//  Ends what runs: KILL, or the term sequence.
void rack_end (rack_t *self, bool at_once, int64_t now_ms);

void rack_stop (rack_t *self, int64_t now_ms); // SIGSTOP to all, then SIGCONT
void rack_cont (rack_t *self, int64_t now_ms);

uint32_t rack_running (const rack_t *self);
int64_t rack_due_ms (const rack_t *self);

//  Throws away what waits: the core that it is for is about to end.
void rack_forget (rack_t *self);

//  For the core's ports: `cookie` is a result's.
ssize_t rack_read (void *cookie, int stream, uint64_t offset, uint8_t *out, size_t size);
void rack_free_output (rack_t *self, void *cookie);

#endif
