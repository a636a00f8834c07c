/*  address: where a pipeline meets, and the endpoints that follow from it.
 *
 *  One address names a pipeline; each of its wires has an endpoint that is made from the address alone or, where the
 *  transport chooses (a port), is read back from the bound socket. The rest of the program sees endpoints as strings.
 */
#ifndef DISHES_NET_ADDRESS_H
#define DISHES_NET_ADDRESS_H

#include "core/session.h"

#include <stddef.h>
#include <stdint.h>

typedef enum { ADDRESS_INPROC } address_kind_t;

typedef struct {
    address_kind_t kind;
    char name[NAME_BYTES];
} address_t;

typedef char endpoint_t[ENDPOINT_BYTES];

//  Reads `inproc://NAME`. 0; or -1, EINVAL and one line without newline in `error`: what is wrong and would be right.
int address_parse (const char *text, address_t *self, char *error, size_t error_size);

//  The endpoints of `out` (orders, acks, counts) and of `in` (everybody's reports).
void address_out (const address_t *self, endpoint_t out);
void address_in (const address_t *self, endpoint_t out);

//  The endpoint of a lane: never the same for two generations, nor for two washers or dryers.
void address_lane (const address_t *self, uint64_t washer, uint64_t dryer, uint32_t generation, endpoint_t out);

#endif
