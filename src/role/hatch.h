/*  hatch: the washer's lanes as sockets, one PUSH for each dryer.
 */
#ifndef DISHES_ROLE_HATCH_H
#define DISHES_ROLE_HATCH_H

#include "core/washer.h"
#include "net/site.h"
#include "role/loop.h"

typedef struct {
    uint64_t dryer;
    uint32_t generation;
    lane_end_t lane;
    watch_t watch;
    watch_t news;  // of its monitor
    bool is_told;  // the core knows its endpoint
    bool is_stuck; // nobody was there to take the last message
    endpoint_t endpoint;
} port_t;

//  Each port stays at its address.
typedef struct {
    site_t *site;    // borrowed
    loop_t *loop;    // borrowed
    uint64_t washer; // life
    port_t **ports;
    size_t size, capacity;
    bool oom;    // a message cannot be sent
    bool is_new; // some are not told yet
} hatch_t;

//  Opens the lane. 0; or -1 and errno, and a line in site_error.
int hatch_open (hatch_t *self, uint64_t dryer, uint32_t generation);
void hatch_close (hatch_t *self, uint64_t dryer, uint32_t generation);
void hatch_free (hatch_t *self);

//  Tells the core about lanes that were opened, and those that were lost; not to be called from its ports.
void hatch_tell (hatch_t *self, washer_t *core, int64_t now_ms);

//  True where it is to be told at once, and not at the next turn that something else brings.
bool hatch_must_tell (const hatch_t *self);

//  Sends what is to be sent. A lane without a taker waits for its watch.
void hatch_send (hatch_t *self, washer_t *core);

#endif
