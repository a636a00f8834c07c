/*  The inside of the dryer: what its files share. Only they include this. */
#ifndef DISHES_CORE_DRYER_I_H
#define DISHES_CORE_DRYER_I_H

#include "core/dryer.h"
#include "core/jobs.h"
#include "core/report.h"

//  The lane we are connected to. Its link goes on over generations, as long as both lives last.
typedef struct {
    uint64_t washer;     // life; 0: none yet
    uint32_t generation; // of its socket
    uint64_t got;        // the highest sequence received in order
    uint64_t gap_told;   // got + 1 where a gap there was reported
    bool closed;         // the washer's life is over: nothing of it is taken any more
    bool shut;           // there is no socket until the next generation
} entrance_t;

struct dryer {
    dryer_config_t config;
    dryer_ports_t ports;
    dryer_state_t state;
    session_t session;
    uint64_t unsent;   // tasks done, whose reports are held back
    int64_t pumped_ms; // when such reports went last
    bool is_pressing;  // something else is to go at once
    outbox_t outbox;
    entrance_t lane;
    held_queue_t held;
    running_set_t running;
    reports_t reports;
    dryer_status_t figures;
    ending_t ending;
    uint8_t wants;     // WANT_*
    uint32_t sure_of;  // the `unsure` that the sink knows for certain until it has acked …
    uint64_t pace_seq; // … this letter; 0: none
    bool halted;       // nothing more is to be started
    bool told_of;      // the user was told that the lane cannot be made
    bool was_quiet;
    unfit_t unfit;
    bool oom;
};

void dryer_letter (dryer_t *self, uint8_t type, uint32_t count, writer_t *records);
void dryer_say (const dryer_t *self, const char *line); // to the user

//  dryer_lane.c
//  What it holds; `reported`: also what is under way to the sink.
void dryer_put_inventory (const dryer_t *self, writer_t *out, bool reported);
void dryer_put_returned (writer_t *out, uint64_t n, uint64_t count, uint64_t seq);
void dryer_give_back_all (dryer_t *self);
void dryer_lane_order (dryer_t *self, reader_t *in); // LANE

#endif
