/*  What the parts of the spill share: spill.c has the bytes, spill_keep.c what outlives the process. */
#ifndef DISHES_STORE_SPILL_I_H
#define DISHES_STORE_SPILL_I_H

#include <stdbool.h>

#include "store/spill.h"

enum { SEGMENT_BYTES = 256 * 1024 };

//  Set in a segment's count of live bytes while somebody may still write to it.
#define SEGMENT_OPEN 0x80000000u

//  The rest of a segment that is being filled; left == 0: none.
typedef struct {
    uint64_t at;
    size_t left;
} room_t;

struct spill_pool {
    char *directory; // NULL where it has a path
    char *path;
    size_t memory_limit, each_limit, memory_used;
    uint64_t file_bytes;
    int fd;
    uint32_t *live; // bytes in use, a segment
    size_t segments, live_capacity;
    uint32_t *unused; // segments without a byte; room for all of them, so that giving back cannot fail
    size_t unused_size, unused_capacity;
    room_t shared;
    uint64_t kept_bytes;  // of the file
    uint64_t found_bytes; // the size that it was found with
    bool is_searched;     // between spill_pool_find and spill_pool_found
    uint64_t round;       // counts spill_pool_release
    spill_place_t *parting;
    size_t parting_size, parting_capacity;
};

struct spill {
    spill_pool_t *pool;
    uint64_t size;
    uint8_t *data; // while in memory
    size_t capacity;
    spill_place_t first; // in the file: this one, then the array
    spill_place_t *more;
    size_t extents, more_capacity;
    room_t own;
    bool kept;
    uint64_t parts; // the round after which it need not be kept; 0: always
};

//  Makes or opens the file of a pool with a path. -1 and errno.
int spill_open_named (const char *path);

//  Nothing is in the segment any more.
void spill_segment_free (spill_pool_t *self, size_t segment);

//  Bytes of the file are no longer needed, wherever its segments begin.
void spill_places_free (spill_pool_t *self, uint64_t offset, uint64_t size);

void spill_room_close (spill_pool_t *pool, room_t *room);

spill_place_t *spill_extent (const spill_t *self, size_t index);
void spill_cut (spill_t *self, uint64_t size); // gives back what is in the file behind `size`
int spill_to_file (spill_t *self);             // what is in memory; 0, or -1 and errno

//  Gives back of a kept spill what may be given back.
void spill_kept_free (spill_t *self);

#endif
