/*  site: where a part stands in its pipeline: an address turned into sockets, whatever the transport.
 *
 *  A role opens its wires here and sees no difference between inproc, ipc and tcp. On ipc the sink locks the directory
 *  before it binds, and cleans up what killed parts have left. On tcp `out` is at the address's port, `in` at the next
 *  free one, and lanes where the system or --lane-ports says.
 *
 *  Which host is told. An endpoint that goes over the wire with `*` for its host means "the host at which you reached
 *  `out`": it holds through names, several interfaces, tunnels and address translation. `in` is told so, and so are the
 *  lanes of a washer on the sink's machine. A washer elsewhere tells the address from which it reaches the sink; where
 *  dryers cannot reach that, --advertise HOST says another. Lanes are bound to loopback where the address is, else to
 *  every address of the host, for nobody knows from where dryers come; the guard stands at each.
 *
 *  A site belongs to one thread, its guard and context to all. Calls that fail leave a line in site_error.
 */
#ifndef DISHES_NET_SITE_H
#define DISHES_NET_SITE_H

#include "core/frame.h"
#include "net/address.h"
#include "net/guard.h"
#include "net/lane_end.h"
#include "net/place.h"

typedef struct site site_t;

typedef struct {
    void *context;                  // borrowed, with as many I/O threads as address_io_threads says
    guard_t *guard;                 // borrowed
    address_t at;                   // resolved
    uint16_t lane_first, lane_last; // --lane-ports; 0: any
    const char *advertise;          // --advertise, or NULL; copied
    int64_t dead_after_ms;          // of a sink: connections bear as much silence; 0: the policy's
} site_config_t;

//  Opens (and makes) the directory of an ipc address. NULL, errno and one line.
site_t *site_new (const site_config_t *config, char *error, size_t error_size);

//  After the sockets were closed. Removes what is ours in the directory: the sink's sockets, the cookie.
void site_destroy (site_t **self_p);

//  One line about the last call that failed.
const char *site_error (const site_t *self);

//  ---- the sink

//  `in`, bound; `told` is what ADVERT says. On ipc this is where the lock is taken (EADDRINUSE: a sink runs there
//  already), and where the result of the last run goes. `monitor`, where it is not NULL, tells whose connections open
//  and close (presence.h), NULL on inproc; it is closed before the socket is. NULL and errno.
void *site_in (site_t *self, endpoint_t told, void **monitor);

//  Counts a stranger of whom a monitor tells (one of these events): he has shown nothing that the guard could judge.
#define SITE_STRANGER_EVENTS (ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
void site_stranger (site_t *self, spot_t spot, uint16_t event);

//  `out`, bound, after `in`; greets with `advert`. On tcp it is now that parts of the same user can find the cookie.
//  `monitor`, where it is not NULL, tells of strangers only, and is NULL where nobody can be one; closed like that of
//  `in`. NULL and errno.
void *site_out (site_t *self, const packet_t *advert, void **monitor);

//  The address as it can be dialled: with the port, where it was 0. After site_out.
void site_address (const site_t *self, endpoint_t out);
const address_t *site_at (const site_t *self); // borrowed

//  How the run ended, for late comers. Kept on ipc only; elsewhere nothing is written. 0, or -1 and errno.
int site_write_result (site_t *self, uint64_t run, const ending_t *ending);

//  ---- the others

//  The last run's end, where no sink is there any more. 0; or -1: ENOENT where there is none to be had.
int site_read_result (const site_t *self, uint64_t *run, ending_t *ending);

//  The wires to the sink. Where the way is not known yet (no cookie), orders is a socket that is not connected, and
//  site_renewed says when to open it again. One orders at a time, and it is closed by site_close_orders. NULL and
//  errno: EPROTO where the endpoint is none of this pipeline.
void *site_orders (site_t *self, uint8_t role, uint64_t life);
void site_close_orders (site_t *self, void **orders_p); // may be called twice
void *site_reports (site_t *self, const char *in);

//  To be called at every turn, and while the sink is not heard also at site_due_ms: true where orders is to be closed
//  and opened again, because the sink's cookie is there now, or is another. (The new ADVERT then tells where reports
//  go.)
bool site_renewed (site_t *self, int64_t now_ms);
int64_t site_due_ms (const site_t *self); // INT64_MAX: never

//  Of a sink, one line where nobody can find it any more: its socket was removed by somebody. NULL: it is there, or
//  there is none.
const char *site_removed (site_t *self);

//  Why the sink does not let us in, one line; NULL where it was not so. It will not by itself; --wait ends the trying.
const char *site_refused (site_t *self);

//  The same where we have no credential at all, as another user's sink gives us none: who has the port, one line. To be
//  asked again and again while no sink is found: NULL at first, and later but for once.
const char *site_owner (site_t *self);

//  The washer's end of a lane, bound; `told` is what the dryer is to be told. The dryer's end, connected to what it was
//  told. 0, or -1 and errno: EADDRINUSE where no port of --lane-ports is free, EPROTO as above.
int site_lane_push (site_t *self, uint64_t washer, uint64_t dryer, uint32_t generation, lane_end_t *lane,
                    endpoint_t told);
int site_lane_pull (site_t *self, const char *told, lane_end_t *lane);

//  What was told as it is dialled, for messages to people.
void site_dialled (site_t *self, const char *told, endpoint_t out);

#endif
