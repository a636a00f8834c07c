/*  local: washer, sink and dryer in one process, a thread each, over the same wires and by the same code as apart.
 *
 *  The calling thread waits and takes the signals meanwhile: INT, TERM and HUP end the run (the second one at once),
 *  TSTP stops what runs and then this process. Those that are ignored stay so.
 */
#ifndef DISHES_ROLE_LOCAL_H
#define DISHES_ROLE_LOCAL_H

#include "role/dryer_role.h"
#include "role/sink_role.h"
#include "role/washer_role.h"

typedef struct {
    washer_role_config_t washer;
    dryer_role_config_t dryer; // its guardian is made here
    sink_role_config_t sink;
} local_config_t;

typedef struct {
    int status; // the exit status
    int signal; // that ended the run and is to be raised again; else 0
    ending_t ending;
} local_result_t;

//  Runs to the end; call it while there is one thread. While it runs SIGPIPE and SIGXFSZ are ignored; the signals that
//  it takes stay blocked when it returns, so that none is lost before it is raised. 0, or -1 and errno: nothing ran.
int local_run (const local_config_t *config, local_result_t *result);

#endif
