/*  intake: the dryer's ends of its lanes, one PULL for each washer.
 */
#ifndef DISHES_ROLE_INTAKE_H
#define DISHES_ROLE_INTAKE_H

#include "core/dryer.h"
#include "net/packet.h"
#include "role/loop.h"

typedef struct {
    uint64_t washer;
    uint32_t generation;
    void *pull;
    watch_t watch;
    bool is_told; // the core knows that it is connected
} pipe_t;

//  Each pipe stays at its address.
typedef struct {
    void *context; // borrowed
    loop_t *loop;  // borrowed
    pipe_t **pipes;
    size_t size, capacity;
    inbound_t inbound;
    bool is_new; // some are not told yet
} intake_t;

void intake_init (intake_t *self, void *context, loop_t *loop);
void intake_free (intake_t *self);

//  Connects to a lane of this washer, in place of an older one. 0, or -1 and errno.
int intake_open (intake_t *self, uint64_t washer, uint32_t generation, const char *endpoint);
void intake_close (intake_t *self, uint64_t washer);
void intake_close_all (intake_t *self);

//  Tells the core about lanes that were opened; not to be called from its ports.
void intake_tell (intake_t *self, dryer_t *core, int64_t now_ms);

//  Hands what came to the core. True where more is there.
bool intake_hear (intake_t *self, dryer_t *core, int64_t now_ms);

#endif
