/*  notes: what the washer remembers of tasks that had trouble: failures, strikes, where they failed last.
 *
 *  Only such tasks have a note, and it goes when the task is counted, so there are as many as are in trouble now.
 */
#ifndef DISHES_CORE_NOTES_H
#define DISHES_CORE_NOTES_H

#include <stdint.h>
#include <stddef.h>

typedef struct {
    uint64_t n;
    uint32_t failures; // attempts that failed
    uint32_t strikes;  // dryers that died with this task alone aboard
    uint64_t avoid;    // the dryer that failed it last; 0: none
} note_t;

typedef struct {
    note_t *notes; // sorted by n
    size_t size, capacity;
} notes_t;

note_t *notes_find (const notes_t *self, uint64_t n);          // NULL: no trouble known
note_t *notes_from (const notes_t *self, uint64_t n);          // the first at or behind n; NULL: none
note_t *notes_add (notes_t *self, uint64_t n);                 // finds or makes; NULL: ENOMEM
void notes_remove (notes_t *self, uint64_t n, uint64_t count); // of all tasks of the run
void notes_free (notes_t *self);

#endif
