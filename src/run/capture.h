/*  capture: what a command wrote on one stream, whole.
 *
 *  In memory up to a limit, beyond it in a temporary file that has no name (nothing is left behind, whatever dies).
 *  A capture is never silently short: when it cannot be stored, the append fails.
 *
 *  One thread at a time. Reading does not change anything, so a capture that is complete may be read by any thread.
 */
#ifndef DISHES_RUN_CAPTURE_H
#define DISHES_RUN_CAPTURE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct capture capture_t;

//  New and empty. Copies `dir`, where the temporary file will be; NULL: $TMPDIR, or /tmp. `memory_bytes` is the limit
//  of what stays in memory. NULL and ENOMEM.
capture_t *capture_new (const char *dir, size_t memory_bytes);
void capture_destroy (capture_t **self_p);

//  Adds bytes at the end. 0, or -1 and errno (ENOSPC, EMFILE, ENOMEM, the file system's): then the bytes are not in it.
//  Blocks as long as the disk does.
int capture_append (capture_t *self, const void *data, size_t size);

uint64_t capture_size (const capture_t *self); // bytes

//  Reads up to `size` bytes from `offset`. Returns how many, 0 at the end, or -1 and errno.
ssize_t capture_read (const capture_t *self, uint64_t offset, void *buffer, size_t size);

//  All the bytes while they are in memory (never NULL then); NULL where they are in a file. Borrowed until the next
//  append, clear or destroy.
const void *capture_memory (const capture_t *self);

//  Empty again; keeps a small buffer for the next use.
void capture_clear (capture_t *self);

//  The directory that a file would be in, for error lines.
const char *capture_dir (const capture_t *self);

#endif
