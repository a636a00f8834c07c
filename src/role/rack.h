/*  rack: where the dryer has its tasks done: a runner as the sink wants it, and what its results wait for.
 *
 *  A result whose output the core still needs stays with the runner until the core has handed the output over. Pieces
 *  that the credit does not cover wait here, and with them what comes behind them of the same task; the rest of such an
 *  output stays in the command's pipe.
 *
 *  Where memory is short (brake.h), the newest of several tasks is ended and goes back to the washer.
 */
#ifndef DISHES_ROLE_RACK_H
#define DISHES_ROLE_RACK_H

#include "role/hands.h"
#include "role/loop.h"
#include "run/brake.h"
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
    bool is_changing;  // there is a next one
    bool is_giving_up; // what fails now was ended by us
    brake_t brake;
    bool is_held_back; // something could be started, but for the brake
    uint64_t shed;     // the task that we end because memory is short, by its ticket; 0: none
    size_t lent;       // results that the core holds
    waiting_t *waiting;
    size_t size, capacity;
} rack_t;

//  Borrows what `opts` borrows.
void rack_init (rack_t *self, const runner_opts_t *opts, const brake_config_t *brake, const char *replace,
                loop_t *loop);

//  Whatever runs is KILLed.
void rack_free (rack_t *self);

//  What the dryer's role asks of it.
hands_t rack_hands (rack_t *self);

#endif
