/*  hatch: the washer's lanes as sockets, one PUSH for each dryer.
 */
#ifndef DISHES_ROLE_HATCH_H
#define DISHES_ROLE_HATCH_H

#include "core/washer.h"
#include "net/address.h"
#include "role/loop.h"

typedef struct {
    uint64_t dryer;
    uint32_t generation;
    void *push;
    watch_t watch;
    bool is_told;  // the core knows its endpoint
    bool is_stuck; // nobody was there to take the last message
    endpoint_t endpoint;
} port_t;

//  Each port stays at its address.
typedef struct {
    void *context;       // borrowed
    loop_t *loop;        // borrowed
    const address_t *at; // borrowed
    uint64_t washer;     // life
    port_t **ports;
    size_t size, capacity;
    bool is_new; // some are not told yet
} hatch_t;

//  Opens the lane. 0, or -1 and errno.
int hatch_open (hatch_t *self, uint64_t dryer, uint32_t generation);
void hatch_close (hatch_t *self, uint64_t dryer, uint32_t generation);
void hatch_free (hatch_t *self);

//  Tells the core about lanes that were opened; not to be called from its ports.
void hatch_tell (hatch_t *self, washer_t *core, int64_t now_ms);

//  Sends what is to be sent. A lane without a taker waits for its watch.
void hatch_send (hatch_t *self, washer_t *core);

#endif
