/*  dryer_role: the dryer's core, its wires and its runner, as one loop.
 *
 *  The thread that calls it makes the children, so it must live as long as they do.
 */
#ifndef DISHES_ROLE_DRYER_ROLE_H
#define DISHES_ROLE_DRYER_ROLE_H

#include "core/dryer.h"
#include "net/site.h"
#include "role/control.h"
#include "role/hands.h"
#include "role/quota.h"
#include "role/talk.h"
#include "run/answers.h"
#include "run/brake.h"
#include "run/runner.h"

enum { DRYER_WAS_IDLE = -1 }; // idle_ms have passed

typedef struct {
    site_config_t site; // of the station (role/station.h)
    const char *name, *host;
    runner_opts_t runner; // slots, command, guardian and so on; tag, output and want_text are as the sink wants them
    const hands_t *hands; // in place of the runner, of which only `slots` counts then; borrowed. NULL: the runner
    const char *replace;  // -I, for the sink's --tagstring; NULL: {}
    brake_config_t brake; // of the runner: what holds back starts
    quota_config_t quota; // what changes the number of slots; {0}: nothing does
    bool is_filter;       // the command is a filter, one a slot: it answers items (role/filters.h)
    answer_shape_t answers;
    uint32_t crash_limit; // filters that an item may take along; 0: no limit
    uint32_t prefetch;    // tasks that may wait here beyond those that run
    int64_t wait_ms;      // for a sink; 0: for ever
    int64_t idle_ms;      // leaves after so long without anything to do; 0: never. Where no sink was found yet wait_ms
                          // counts, and this one only with `stay`
    bool stay;            // a run that ended without us is no reason to leave
    bool is_beside_sink;  // which says itself why a run is lost
    talk_t talk;
    //  After CONTROL_SUSPEND, when all that runs is stopped; what runs goes on when this returns. NULL: not used.
    void (*suspended) (void *arg);
    void *suspended_arg;
    //  Called after each turn. NULL: not used.
    void (*turned) (void *arg, const dryer_t *core);
    void *turned_arg;
} dryer_role_config_t;

//  Runs until the end of the pipeline, and until nothing runs any more. 0; DRYER_WAS_IDLE; or 125 where that end was a
//  loss or an error of ours, and then said so; where it could not even begin errno has the reason.
int dryer_role_run (const dryer_role_config_t *config, control_t *control);

#endif
