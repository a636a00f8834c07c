/*  feed: the washer's items as a program puts them: from its threads into blocks, out of which the role reads.
 *
 *  A task is written into a block of FEED_BLOCK_BYTES behind those before it, as BLOCK_PREFIXED with one value; tasks
 *  that are put together, as BLOCK_DELIMITED, with one copy of all. The role reads whatever is there, so nothing waits
 *  for a block to be full; while it is busy, what is put comes to it together. Bytes that a slice shows are never
 *  written again.
 */
#ifndef DISHES_API_FEED_H
#define DISHES_API_FEED_H

#include "api/latch.h"
#include "core/session.h"
#include "role/supply.h"

enum { FEED_BLOCK_BYTES = 256 << 10, FEED_HELD_BYTES = 8 * FEED_BLOCK_BYTES };

typedef struct feed feed_t;

//  At most `queue_tasks` (0: no bound) are put and not yet counted. NULL and errno.
feed_t *feed_new (uint64_t queue_tasks);
void feed_destroy (feed_t **self_p);

//  ---- the caller's threads

//  One task; copies it. Waits while the feed is full. 0; or -1: ETIMEDOUT, EPIPE after feed_end, what feed_over said,
//  ENOMEM.
int feed_put (feed_t *self, const void *data, size_t size, int timeout_ms);

//  Those in `data`, each ended by `delimiter`, the last one by that or by the end; copies them. All or none. How many
//  they are; or -1 as feed_put.
int64_t feed_put_block (feed_t *self, const void *data, size_t size, uint8_t delimiter, int timeout_ms);

//  No more will be put.
void feed_end (feed_t *self);

//  Waits until all that was put before the call is counted and, after feed_end, until the role is over. 0; or -1:
//  ETIMEDOUT, or what feed_over said.
int feed_join (feed_t *self, int timeout_ms);

uint64_t feed_tasks (feed_t *self); // put so far

//  ---- the role's thread

supply_t feed_supply (feed_t *self);

//  `counted` tasks are counted, and of these all up to the number `counted_to`.
void feed_counted (feed_t *self, uint64_t counted, uint64_t counted_to);

//  The role is over: `error` is 0 where all was counted, else what put and join fail with from now on.
void feed_over (feed_t *self, int error);

#endif
