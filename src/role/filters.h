/*  filters: hands that keep one long-lived command a slot: items go into its stdin, and what it prints for each is that
 *  item's result.
 *
 *  A filter starts with the first item of its slot and gets the next ones while it works on the first: as many as it
 *  answers in about FILTERS_ROUND_MS, one at least and FILTERS_WINDOW at most, so that a fast one never waits and a
 *  slow one holds nothing that another slot could do. Answers are read whenever there are any, also while items wait to
 *  be written: no size of a pipe or buffer can make the two wait for each other.
 *
 *  A filter that keeps its answers back in a buffer sees the end of its input when it has read all that there is, and
 *  for a while has neither answered nor used its CPU. What it answers then counts, and a fresh one goes on; from then
 *  on filters get as much as they may have. One that was merely slow is left alone for longer.
 *
 *  A filter that dies has done nothing for the items it has not answered: a fresh one gets them, one at a time until
 *  the last of them is answered, so that it is known which one it dies of. An item that so took `crash_limit` filters
 *  along has failed. One that ends well at the end of its input, and has answered less than it got, prints too little:
 *  what it has not answered has failed. One that prints what nobody asked for is ended: the item
 *  that it answered last has failed, or where that was told already the dryer has erred.
 */
#ifndef DISHES_ROLE_FILTERS_H
#define DISHES_ROLE_FILTERS_H

#include "role/hands.h"
#include "role/loop.h"
#include "role/talk.h"
#include "run/answers.h"
#include "run/runner.h"

enum { FILTERS_WINDOW = 1024, FILTERS_WINDOW_AHEAD = 8192, FILTERS_ROUND_MS = 10, FILTERS_ANSWER_BYTES = 64 << 20 };

typedef struct filters filters_t;

typedef struct {
    runner_opts_t runner; // slots, command, guardian, timeout (of an item whose turn it is), term-seq and so on
    const char *replace;  // -I, for the sink's --tagstring; NULL: {}
    answer_shape_t answers;
    uint32_t crash_limit; // filters that an item may take along; 0: no limit
    talk_t talk;
} filters_opts_t;

//  Borrows what `opts` borrows, and the loop. NULL and errno.
filters_t *filters_new (const filters_opts_t *opts, loop_t *loop);

//  Whatever runs is KILLed.
void filters_destroy (filters_t **self_p);

//  What the dryer's role asks of it.
hands_t filters_hands (filters_t *self);

#endif
