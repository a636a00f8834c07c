/*  The inside of the sink's role: sink_role.c turns, sink_ports.c is what its core asks for. Only they include this. */
#ifndef DISHES_ROLE_SINK_ROLE_I_H
#define DISHES_ROLE_SINK_ROLE_I_H

#include "role/archive.h"
#include "role/gate.h"
#include "role/guests.h"
#include "role/pulse.h"
#include "role/results.h"
#include "role/strangers.h"

#include <stdatomic.h>

typedef struct sink_role {
    const sink_role_config_t *config;
    const witness_t *witness;
    control_t *control;
    loop_t *loop;
    sink_t *core;
    site_t *site;
    gate_t gate;
    void *out, *out_monitor;
    watch_t out_watch, out_monitor_watch;
    strangers_t strangers;
    packet_t advert;         // the sign of life for everybody, where the loop is held up
    pulse_t *pulse;          // NULL: inproc
    atomic_bool was_sounded; // the pulse has sent it
    bool has_more;           // unread reports
    int64_t found_ms;        // until then somebody who looks for a sink over tcp may not have found it yet
    int64_t look_ms;         // when to look again whether it can be found
    bool is_removed;         // it cannot, and that was said
    guests_t guests;
    results_t results;
    archive_t archive;
    uint64_t run;
    bool was_decided; // the run, and the results were told
    bool is_told;     // the end, to late comers
    bool is_leaving;  // at once
    bool is_forsaken; // a part of this process has failed, and nobody else could hear of the end
    bool is_bereft;   // of the local dryers
    bool is_said;     // why the run is lost: by that part
    bool failed;      // said so already
    bool oom;         // a message could not be sent
    int signal;
    int64_t patience_ms; // when not to wait any longer for the reader of the results; INT64_MAX: never
} sink_role_t;

sink_ports_t sink_role_ports (sink_role_t *self);

//  What went wrong here: to our user, and to everybody who hears of the end.
void sink_role_say_error (sink_role_t *self, const char *what);

#endif
