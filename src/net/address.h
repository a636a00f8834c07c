/*  address: where a pipeline meets, and the endpoints that follow from it.
 *
 *  One address names a pipeline: `inproc://NAME` within a process, `ipc://NAME` or `ipc:///DIR` among the processes of
 *  one user, `tcp://HOST:PORT` among hosts. Each of its wires has an endpoint that is made from the address alone or,
 *  where the transport chooses (a port), is read back from the bound socket. The rest of the program sees endpoints as
 *  strings; only site.h makes them of ipc and tcp.
 */
#ifndef DISHES_NET_ADDRESS_H
#define DISHES_NET_ADDRESS_H

#include "core/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { ADDRESS_INPROC, ADDRESS_IPC, ADDRESS_TCP } address_kind_t;

enum { HOST_BYTES = 64 };

typedef struct {
    address_kind_t kind;
    char name[NAME_BYTES]; // of tcp: the host as written, without brackets; `*`: every address of this host
    uint16_t port;         // of tcp; 0: one that is free
    //  Of tcp, by address_resolve:
    char host[HOST_BYTES]; // in digits, without brackets; `*`; "": not resolved
    bool is_loopback;      // reached from this host only
} address_t;

typedef char endpoint_t[ENDPOINT_BYTES];

//  Every form, for messages and help texts.
#define ADDRESS_KINDS "inproc://NAME, ipc://NAME, ipc:///DIR or tcp://HOST:PORT"

//  Reads an address; touches nothing. 0; or -1, EINVAL and one line without newline in `error`: what is wrong and would
//  be right. PORT may be `*` or 0.
int address_parse (const char *text, address_t *self, char *error, size_t error_size);

//  Finds the host of a tcp address; does nothing to others. May wait for the name service. Where a name has several
//  addresses it is the first of IPv4, else the first of IPv6, at every part alike. 0; or -1, errno and one line.
int address_resolve (address_t *self, char *error, size_t error_size);

//  The address as text again, with the port that was found where it was 0.
void address_show (const address_t *self, endpoint_t out);

//  I/O threads that its context needs: one makes the order of events certain (monitor.h), none is cheaper.
unsigned address_io_threads (const address_t *self);

//  Of inproc: the endpoints of `out` (orders, acks, counts) and of `in` (everybody's reports).
void address_out (const address_t *self, endpoint_t out);
void address_in (const address_t *self, endpoint_t out);

//  Of inproc: the endpoint of a lane, never the same for two generations, nor for two washers or dryers.
void address_lane (const address_t *self, uint64_t washer, uint64_t dryer, uint32_t generation, endpoint_t out);

//  The end of a lane's path in a directory: short, because such paths are (LANE_FILE_BYTES with the zero), and as
//  little the same twice.
enum { LANE_FILE_BYTES = 32 };
void address_lane_file (uint64_t washer, uint64_t dryer, uint32_t generation, char out[LANE_FILE_BYTES]);

#endif
