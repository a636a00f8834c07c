/*  errands: what a filter was given and has not answered, in order, and what it is still to be given.
 *
 *  An errand is a run of tasks of one job whose bytes go into the filter's stdin as they lie in their block. Where the
 *  block has another delimiter, or lengths, each task is an errand of its own with a copy that has each of its values
 *  on a line. A task of which a value holds the delimiter is never given: it is seen by its `text` when its turn comes.
 */
#ifndef DISHES_ROLE_ERRANDS_H
#define DISHES_ROLE_ERRANDS_H

#include "core/dryer.h"

#include <sys/uio.h>

typedef struct {
    uint64_t ticket;
    uint64_t n, count; // not answered
    uint32_t attempt;
    shape_t shape;
    slice_t bytes; // owned: of these tasks
    uint8_t *copy; // owned: the task as the filter reads it, where that differs
    size_t size;   // bytes that the filter reads
    size_t given;  // of these, written
    bool unfit;    // it cannot be given
} errand_t;

typedef struct {
    uint8_t delimiter; // of what the filter reads
    errand_t *items;
    size_t head, size, capacity;
    size_t next;    // the first errand, from the head, of which something is to be written
    uint64_t tasks; // in all
} errands_t;

//  The task that is to be answered next.
typedef struct {
    uint64_t ticket, n;
    uint32_t attempt;
    bool unfit;
    bool is_given;        // whole
    const shape_t *shape; // borrowed, with the bytes
    const uint8_t *data;
    size_t size;   // bytes of the task
    size_t length; // of what the filter reads
} errand_head_t;

//  Takes the job's bytes. 0, or -1 and ENOMEM: then some of its tasks may have been added.
int errands_add (errands_t *self, job_t *job);

bool errands_head (const errands_t *self, errand_head_t *head); // false: there is none
void errands_drop_head (errands_t *self, const errand_head_t *head);

//  What is to be written next, in at most `most` parts; how many there are. `alone`: of the head only. Then
//  errands_gave.
int errands_parts (const errands_t *self, struct iovec *parts, int most, bool alone);
void errands_gave (errands_t *self, size_t size); // so many bytes were written
void errands_again (errands_t *self);             // another filter: nothing was written

//  Gives all back to the core, or forgets them where that is NULL.
void errands_return (errands_t *self, dryer_t *core);
void errands_free (errands_t *self);

#endif
