/*  listener: whose program listens at a TCP port of this host. */
#ifndef DISHES_NET_LISTENER_H
#define DISHES_NET_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

//  Reads what the kernel tells of all connections: not for a loop. False where nobody listens there, or it is not told.
bool listener_find (uint16_t port, uid_t *user);

#endif
