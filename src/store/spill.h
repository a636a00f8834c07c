/*  spill: bytes that are kept until their turn.
 *
 *  A spill is a string of bytes that grows at its end and is read at any place. Spills belong to a pool, which holds
 *  them in memory up to a limit for each and a limit for all; what is more goes to ONE unlinked temporary file that
 *  they share. One file and not one a spill, because a hundred thousand outputs may wait for their turn, and the
 *  limit of open files is lower than that. Nothing stays on the disk when the process is killed.
 *
 *  A pool may have a file with a name instead. Spills can be kept there (spill_keep): they outlive the process, and
 *  another pool finds them. What of it is free is never told: it is what nobody finds.
 *
 *  The file is made of segments. A spill that outgrew its limit has segments of its own, the small ones that came
 *  when the memory was full share one; a segment whose bytes are all gone gives its space back to the file system and
 *  is used again.
 *
 *  Calls block on the disk at most. A pool and its spills belong to one thread.
 */
#ifndef DISHES_STORE_SPILL_H
#define DISHES_STORE_SPILL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct spill_pool spill_pool_t;
typedef struct spill spill_t;

typedef struct {
    const char *directory; // copied; NULL: $TMPDIR, or /tmp
    size_t memory_bytes;   // in memory for all spills; 0: 8 MiB
    size_t each_bytes;     // in memory for one spill; 0: 1 MiB
    const char *path;      // copied; NULL: the file has no name. It is made 0600 when it is needed, must not be there
                           // before, and goes with the pool where nothing is kept in it
} spill_config_t;

//  So many bytes at this place in the file.
typedef struct {
    uint64_t offset, size;
} spill_place_t;

//  A new pool; the file is not made before it is needed. `config` may be NULL. NULL and ENOMEM.
spill_pool_t *spill_pool_new (const spill_config_t *config);

//  Every spill of the pool must have been destroyed.
void spill_pool_destroy (spill_pool_t **self_p);

size_t spill_pool_memory_bytes (const spill_pool_t *self); // held in memory now
uint64_t spill_pool_file_bytes (const spill_pool_t *self); // held in the file now
const char *spill_pool_where (const spill_pool_t *self);   // the file's path, or its directory where it has no name

//  A new, empty spill; NULL and ENOMEM.
spill_t *spill_new (spill_pool_t *pool);

//  Frees the bytes and their place in the file.
void spill_destroy (spill_t **self_p);

//  Adds bytes at the end. 0, or -1 with errno from making or writing the file (ENOSPC, EFBIG, EIO, EMFILE, …) or
//  ENOMEM, and then the spill holds what it held before.
int spill_append (spill_t *self, const void *data, size_t size);

uint64_t spill_size (const spill_t *self);

//  Reads up to `size` bytes from `offset`. Returns how many, 0 only at the end; -1 and errno (EIO).
ssize_t spill_read (const spill_t *self, uint64_t offset, void *data, size_t size);

//  ---- with a path: spills that outlive the process

//  Puts all of the spill into the file, and keeps its places there: they are not used again, whatever becomes of the
//  spill, but for spill_part. Nothing is added to it any more. 0, or -1 and errno as above.
int spill_keep (spill_t *self);

//  The places of a kept spill, one after the other: how many, and each.
size_t spill_places (const spill_t *self);
spill_place_t spill_place (const spill_t *self, size_t index);

//  Makes what is kept durable, the file's name too. 0, or -1 and errno.
int spill_pool_sync (spill_pool_t *self);

//  The spill need not be kept any more after the next spill_pool_release (when that is durable).
void spill_part (spill_t *self);
void spill_pool_release (spill_pool_t *self);

//  The file of an earlier pool, if it is there: call it first, then spill_found for each place that was kept, at the
//  end of a new spill, and spill_pool_found. 0, or -1 and errno; ENODATA: that place is not in the file, or is
//  another's.
int spill_pool_find (spill_pool_t *self);
int spill_found (spill_t *self, spill_place_t place);
void spill_pool_found (spill_pool_t *self);

#endif
