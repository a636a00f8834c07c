/*  observer_role: asks how a run stands (--status), or waits for its end (--join), and meanwhile tells somebody how it
 *  goes on (--top), from any process or host.
 *
 *  On ipc the end of the last run stands in a file, from which who comes too late is answered at once; over tcp there
 *  is nobody left to ask, and --wait ends the search.
 */
#ifndef DISHES_ROLE_OBSERVER_ROLE_H
#define DISHES_ROLE_OBSERVER_ROLE_H

#include "core/observer.h"
#include "net/site.h"
#include "role/control.h"
#include "role/talk.h"

//  Somebody who looks on; the calls come in the role's thread.
typedef struct {
    void *arg;
    int64_t every_ms; // from one answer to the next question how the run stands
    //  It is told now: `dryers` are those of the status. Borrowed.
    void (*told) (void *arg, uint64_t run, const sink_status_t *status, const dryer_row_t *dryers, size_t count);
    int fds[2]; // that bring the next turn when they are readable; -1: none
    //  Each turn. False: to leave.
    bool (*turned) (void *arg);
} onlooker_t;

typedef struct {
    site_config_t site; // of a station of ROLE_OBSERVER
    const char *name;
    bool is_asking;             // for the status only; false: for the end
    int64_t wait_ms;            // for a sink; 0: for ever
    int64_t deadline_ms;        // for all of it; 0: none
    uint64_t run;               // the run that is meant; 0: whichever is there
    const onlooker_t *onlooker; // borrowed; NULL: none
    talk_t talk;
} observer_role_config_t;

typedef struct {
    uint64_t run;    // that was found; 0: none
    ending_t ending; // END_NONE: not over yet; END_LOST: the pipeline was lost, or nobody was there (then run is 0)
    bool is_late;    // the deadline has passed
    char reason[REASON_BYTES];
    bool has_status; // of a sink that lives; the figures of a run that is over are in `ending`
    sink_status_t status;
    dryer_row_t *dryers; // owned by the caller: free
    size_t dryers_size;
} observer_result_t;

//  Runs until it is answered, or `control` is asked for anything. 0; or -1: an error of ours, and then said so.
int observer_role_run (const observer_role_config_t *config, control_t *control, observer_result_t *result);

#endif
