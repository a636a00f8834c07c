/*  spout: bytes on their way into a command's standard input.
 *
 *  They are written from where they lie, whatever the command does meanwhile: what fits into the pipe before it starts,
 *  the rest as it reads, a good part of the pipe at a time. It is no error where a command does not read to the end:
 *  what it leaves is dropped.
 *
 *  SIGPIPE must be ignored. One thread at a time.
 */
#ifndef DISHES_RUN_SPOUT_H
#define DISHES_RUN_SPOUT_H

#include "core/block.h"

typedef struct {
    int fd;          // our end of the pipe, non-blocking; -1: nothing is left to write
    slice_t rest;    // owned
    int64_t look_ms; // when to pour again, by the caller's clock; INT64_MAX: when `fd` can be written to
    size_t room;     // bytes that the pipe holds
    int wait_ms;     // between two looks; 0: none yet
    bool is_fast;    // whoever reads takes more than half of what the pipe holds in a millisecond
} spout_t;

//  What of a task's bytes is for stdin: all, or the value where it has a length before it. False where there are
//  several, and so nothing that would stand between them, or none.
bool spout_find (const shape_t *shape, slice_t *bytes);

//  Makes the pipe and fills it; `read_fd` is the command's end, the caller's to close (close-on-exec). Takes a
//  reference to the bytes. -1 and errno: there is no pipe.
int spout_open (spout_t *self, const slice_t *bytes, int *read_fd);

//  Writes what fits now. False where that was the rest, or nobody reads it any more: it is closed then.
bool spout_pour (spout_t *self, int64_t now_ms);

void spout_close (spout_t *self); // may be called twice

#endif
