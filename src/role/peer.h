/*  peer: the two wires of a part towards the sink: orders in, reports out.
 */
#ifndef DISHES_ROLE_PEER_H
#define DISHES_ROLE_PEER_H

#include "net/packet.h"
#include "net/site.h"
#include "role/loop.h"
#include "role/pulse.h"
#include "role/talk.h"

#include <stdatomic.h>

typedef struct {
    site_t *site;       // borrowed
    loop_t *loop;       // borrowed
    const talk_t *talk; // borrowed
    uint8_t role;
    uint64_t life;
    void *orders, *reports;
    watch_t orders_watch, reports_watch;
    inbound_t inbound;
    bool oom;    // a message is lost
    bool is_met; // the sink has answered, on these orders: it knows us
    //  A run that came and went since peer_open, without us, left its result (on ipc). One that lay there before says
    //  nothing: a part may be the first of the next run.
    bool has_missed;
    uint64_t old_run;
    bool is_refused; // and that was said
    bool is_bad_told;
    int64_t look_ms; // when to look again why the sink does not answer
    pulse_t *pulse;  // NULL: inproc
    unsigned rests;  // nested
    header_t last;   // of what went out last: the sign of life where the loop is held up
    atomic_bool was_sounded;
} peer_t;

//  Listens to the sink's `out`. 0; or -1 and errno, and a line in site_error; peer_close in either case.
int peer_open (peer_t *self, site_t *site, loop_t *loop, const talk_t *talk, uint8_t role, uint64_t life);
void peer_close (peer_t *self); // may be called twice

//  Once a turn: finds the way to a sink that came late, or came back; says why it does not let us in. 0, or -1 and
//  errno as above.
int peer_tick (peer_t *self, int64_t now_ms);
int64_t peer_due_ms (const peer_t *self); // INT64_MAX: never

//  Around whatever may wait for a disk: meanwhile no other call is made, and others see that this part lives.
void peer_rest (peer_t *self);
void peer_resume (peer_t *self);

//  The next order in `inbound`; PACKET_NONE, and the mark of its watch is gone, where there is none.
packet_found_t peer_receive (peer_t *self);

//  The sink takes reports here now; what was not sent yet to another endpoint is left to the protocol. 0; or -1 and
//  errno as above, EPROTO where the endpoint is none of this pipeline.
int peer_report_to (peer_t *self, const char *in);

//  True once each time that the sink has begun to listen.
bool peer_connected (peer_t *self);

//  Sends a report, and gives up the packet. What the wire does not take is lost, and the protocol heals it.
void peer_send (peer_t *self, packet_t *packet);

#endif
