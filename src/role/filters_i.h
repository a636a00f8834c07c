/*  The inside of the filters: what filters.c (all slots), filter_seat.c (one), filter_answer.c (its items) and
 *  filter_end.c share.
 *
 *  A slot's filter: none -> open -> (closed ->) (ending ->) none. Closed: it sees the end of its input. Ending: we send
 *  it the term sequence. It is none again when it was reaped and all it had written was read.
 */
#ifndef DISHES_ROLE_FILTERS_I_H
#define DISHES_ROLE_FILTERS_I_H

#include "core/item.h"
#include "role/errands.h"
#include "role/filters.h"
#include "run/envp.h"
#include "run/filter.h"

typedef enum { FILTER_NONE, FILTER_OPEN, FILTER_CLOSED, FILTER_ENDING } filter_state_t;

//  Why a filter is ended by us.
typedef enum { END_NOT, END_RUN, END_TIMEOUT, END_LONG, END_SURPLUS } filter_end_t;

enum {
    SHOWN_BYTES = 60,
    FILTERS_LINGER_MS = 5000, // for a filter whose input has ended and that has answered all
};

typedef struct {
    uint32_t number;
    volatile pid_t *place; // the guardian's
    filter_t filter;
    errands_t errands;
    filter_state_t state;
    filter_end_t end;
    bool is_told; // that its input has ended
    bool exited;  // and reaped
    int status, signal;
    int step;       // the next one of the term sequence
    int64_t due_ms; // FILTER_CLOSED: until when it is waited for. FILTER_ENDING: of the next step
    watch_t exit_watch, in_watch, out_watch, err_watch;

    uint64_t window;   // items that it may have
    uint64_t answered; // of the present round
    int64_t round_ms;  // when that began
    uint64_t careful;  // so many items go one at a time
    uint32_t strikes;  // of the first of them
    int64_t pace_ms;   // it is busy: not looked at before; 0: not so

    result_t kept;              // of the item answered last, until it is known that nothing more comes; ticket 0: none
    text_t kept_bytes;          // all that it borrows, in the order of its fields
    int64_t kept_ms;            // until when
    int64_t head_ms, head_us;   // since when the first item is the first: of the clock, and since 1970
    int64_t look_ms;            // when to look whether it keeps its answers back
    int64_t look_cpu_ns;        // what it had used when it was looked at last
    uint64_t look_n;            // and which item was the first
    int64_t stalled_ms;         // when we took it for waiting; 0: not so, or answered since
    char last[SHOWN_BYTES + 8]; // the item answered last, when nothing else was asked
} seat_t;

struct filters {
    filters_opts_t opts;
    loop_t *loop;
    spawner_t *spawner;
    envp_t *envp;
    rendering_t *rendering;
    template_t *tag; // NULL: none is wanted
    uint8_t wants;   // WANT_*
    char tagstring[ENDPOINT_BYTES];
    seat_t **seats; // `made` of them; those beyond opts.runner.slots take nothing more
    uint32_t made;

    int64_t now_ms, now_us; // of the turn
    bool is_held;           // the sink takes no more output for now: nothing is read
    bool has_erred;         // what no result tells of
    bool is_ending;
    bool is_stopped;
    int64_t stopped_ms;
    bool keeps_back;  // a filter answers only when its buffer is full, or its input at its end
    int64_t stall_ms; // how long it may be silent, and idle, until it is taken for waiting
    writer_t item;
    text_t command, reason, err;
};

//  filter_answer.c: what becomes of an item

//  The first item, or false. Those that cannot be given have failed, and are passed.
bool answer_head (filters_t *self, seat_t *seat, dryer_t *core, errand_head_t *head);

//  Whole answers go to the core. False: there are more than was asked, and that was said.
bool answer_all (filters_t *self, seat_t *seat, dryer_t *core);

//  The result that is kept goes to the core.
void answer_release (filters_t *self, seat_t *seat, dryer_t *core);

//  The first item, which is there, has failed, for a reason without "dishes:".
void answer_fail (filters_t *self, seat_t *seat, dryer_t *core, const result_t *how, const char *format, ...)
    __attribute__ ((format (printf, 5, 6)));

//  There is more than was asked: what was answered last has failed, if it is still here. Else it is only said, and the
//  dryer has erred. Returns false.
bool answer_surplus (filters_t *self, seat_t *seat, dryer_t *core);

//  An item as it is named in a message.
void answer_name (const errand_head_t *head, char name[SHOWN_BYTES + 8]);

//  filter_seat.c: a filter's life

//  What it complains of when there is no item to go with.
void answer_last_words (filters_t *self, seat_t *seat);

//  One turn. 0, or -1 and errno.
int seat_turn (filters_t *self, seat_t *seat, dryer_t *core, bool may_start);

//  filter_end.c: how it ends

void seat_forget_watches (filters_t *self, seat_t *seat);

//  It sees the end of its input, and is waited for until then (INT64_MAX: for ever).
void seat_close_filter (filters_t *self, seat_t *seat, int64_t due_ms);

//  Begins the term sequence; seat_send_step is the next step of it.
void seat_begin_end (filters_t *self, seat_t *seat, filter_end_t why);
void seat_send_step (filters_t *self, seat_t *seat);

//  It has answered, or ended, after we took it for one that waits for the end of its input.
void seat_learn (filters_t *self, seat_t *seat);

//  It has exited. Then, when it was read to the end, who is to blame for what it has not answered.
void seat_reap (filters_t *self, seat_t *seat);
void seat_settle (filters_t *self, seat_t *seat, dryer_t *core);

//  Ends it, where it runs: lets it come to its end where nothing is unanswered, else by the term sequence (not for
//  END_NOT), or at once.
void seat_end (filters_t *self, seat_t *seat, filter_end_t why, bool at_once);
int64_t seat_due_ms (const filters_t *self, const seat_t *seat);
seat_t *seat_new (filters_t *self, uint32_t number); // NULL and errno
void seat_destroy (filters_t *self, seat_t **seat_p);

#endif
