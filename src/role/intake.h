/*  intake: the dryer's ends of its lanes, one PULL for each washer.
 */
#ifndef DISHES_ROLE_INTAKE_H
#define DISHES_ROLE_INTAKE_H

#include "core/dryer.h"
#include "net/packet.h"
#include "net/site.h"
#include "role/loop.h"
#include "role/talk.h"

typedef struct {
    uint64_t washer;
    uint32_t generation;
    lane_end_t lane;
    watch_t watch;
    bool is_told;     // the core knows that it is connected
    int64_t late_ms;  // when it is to be said that nobody is there; INT64_MAX: never
    endpoint_t given; // where it is, as it was told
} pipe_t;

//  Each pipe stays at its address.
typedef struct {
    site_t *site;       // borrowed; set by the owner
    loop_t *loop;       // borrowed
    const talk_t *talk; // borrowed
    pipe_t **pipes;
    size_t size, capacity;
    inbound_t inbound;
    bool oom;     // a message is lost
    bool is_new;  // some are not told yet
    bool is_said; // that a lane cannot be reached; once until one can
} intake_t;

void intake_init (intake_t *self, loop_t *loop, const talk_t *talk);
void intake_free (intake_t *self);

//  Connects to a lane of this washer, in place of an older one. 0; or -1 and errno, and a line in site_error: EPROTO
//  where the endpoint is none of this pipeline, and the order is to be dropped. That nobody is there is said after 3 s,
//  or sooner where the washer gives a lane up sooner: dead_after_ms, from its order on.
int intake_open (intake_t *self, uint64_t washer, uint32_t generation, const char *endpoint, int64_t dead_after_ms);
void intake_close (intake_t *self, uint64_t washer);
void intake_close_all (intake_t *self);

//  Tells the core about lanes that were opened; not to be called from its ports.
void intake_tell (intake_t *self, dryer_t *core, int64_t now_ms);

//  Hands what came to the core, closes lanes that broke, and says which cannot be reached. True where more is there.
bool intake_hear (intake_t *self, dryer_t *core, int64_t now_ms);
int64_t intake_due_ms (const intake_t *self); // INT64_MAX: never

#endif
