/*  gate: the sink's `in`: what its peers report, who of them may say it, and whose connections are still there.
 */
#ifndef DISHES_ROLE_GATE_H
#define DISHES_ROLE_GATE_H

#include "core/sink.h"
#include "net/packet.h"
#include "net/presence.h"
#include "net/site.h"
#include "role/loop.h"

//  All zero, and after gate_close: nothing is open.
typedef struct {
    loop_t *loop; // borrowed
    site_t *site; // borrowed
    void *in, *monitor;
    watch_t in_watch, monitor_watch;
    inbound_t inbound;
    presence_t presence;
    bool oom;       // a report is lost
    bool is_strict; // there is a key: a worker's connection speaks for its own life only
} gate_t;

//  Binds `in`; `told` is its endpoint for ADVERT. 0; or -1 and errno, and a line in site_error; gate_close in either
//  case.
int gate_open (gate_t *self, site_t *site, bool is_strict, loop_t *loop, endpoint_t told);
void gate_close (gate_t *self); // may be called twice

//  From when on `in` wakes the loop: when the core is there to hear it. 0, or -1 and errno.
int gate_watch (gate_t *self);

//  Hands what came to the core, and when all is read, who went and who came back. True where more is there.
bool gate_hear (gate_t *self, sink_t *core, int64_t now_ms);

#endif
