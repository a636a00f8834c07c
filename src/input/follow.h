/*  follow: how far a file may be read that somebody else still writes.
 *
 *  The writer says how many of its bytes count, and when there will be no more; the reader (a source of kind
 *  INPUT_FOLLOW) never sees a byte beyond that. Each has a thread of its own.
 */
#ifndef DISHES_INPUT_FOLLOW_H
#define DISHES_INPUT_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

typedef struct follow follow_t;

//  Nothing may be read yet. NULL and errno.
follow_t *follow_new (void);
void follow_destroy (follow_t **self_p); // when both have done with it

//  ---- the writer

void follow_grown (follow_t *self, uint64_t bytes); // so many may be read; never fewer than before
void follow_end (follow_t *self);                   // and no more will come

//  ---- the reader

//  How many bytes may be read now; `ended`: more will not come.
uint64_t follow_bytes (follow_t *self, bool *ended);

//  The descriptor that is readable when the writer has said something since follow_quiet.
int follow_fd (const follow_t *self);

//  Before follow_bytes is asked again, so that nothing is missed that is said in between.
void follow_quiet (follow_t *self);

#endif
