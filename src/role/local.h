/*  local: the parts of a pipeline that one process runs, a thread each, by the same code alone and together.
 *
 *  The calling thread waits and takes the signals meanwhile. INT, TERM and HUP end what is here, the second one at
 *  once; a dryer that is alone drains at TERM and HUP. Where a dryer is, TSTP stops what runs and then this process.
 *  USR1 and USR2 give each dryer here a slot more and a slot less, by its quota's balance. Signals that are ignored
 *  stay so.
 *
 *  In a chain each of the two pipelines has an end of its own, and the status is the greater of the two: 0, how many
 *  failed, 124, 125. Where the next one ends first the sink's run is broken off, and does not count.
 */
#ifndef DISHES_ROLE_LOCAL_H
#define DISHES_ROLE_LOCAL_H

#include "role/chain.h"
#include "role/dryer_role.h"
#include "role/sink_role.h"
#include "role/station.h"
#include "role/washer_role.h"

//  The sites of the parts, the guardian of the dryer and the like are filled in here.
typedef struct {
    station_config_t station;
    bool has_washer, has_dryer, has_sink;
    washer_role_config_t washer;
    dryer_role_config_t dryer;
    sink_role_config_t sink;
    //  The washer is one of the next pipeline, and its items are the sink's results. NULL: it is of the same.
    const chain_config_t *chain;
    bool is_warded;  // one of these processes: its starter has said what is to be said
    unsigned dryers; // this many as processes of their own, by `dryer`; not with inproc
} local_config_t;

typedef struct {
    int status; // the exit status
    int signal; // that ended the run and is to be raised again; else 0
    ending_t ending;
    bool was_idle; // the dryer has left after its idle_ms
} local_result_t;

//  Runs to the end; call it while there is one thread. While it runs SIGPIPE and SIGXFSZ are ignored; the signals that
//  it takes stay blocked when it returns, so that none is lost before it is raised. 0; or -1, errno and one line:
//  nothing ran.
int local_run (const local_config_t *config, local_result_t *result, char *error, size_t error_size);

#endif
