/*  The inside of the washer: what its files share. Only they include this. */
#ifndef DISHES_CORE_WASHER_I_H
#define DISHES_CORE_WASHER_I_H

#include "core/lane.h"
#include "core/notes.h"
#include "core/prints.h"
#include "core/stock.h"
#include "core/washer.h"

struct washer {
    washer_config_t config;
    washer_ports_t ports;
    washer_state_t state;
    session_t session;
    outbox_t outbox;
    stock_t stock;
    ink_t ink;            // over all that was put
    prints_t unsaid;      // of it, not yet said to the sink
    uint64_t asked_bytes; // a place of the input that the sink asked for; it may be passed
    ledger_t ledger;      // what is out in deliveries of this life
    ledger_t foreign;     // what dryers still do for an earlier life
    lanes_t lanes;
    notes_t notes;
    ranges_t todo;     // put, not out, not counted
    ranges_t suspects; // of these, to be sent alone
    ranges_t counted;
    ranges_t closed; // dryer lives that are over, as numbers: an UP of one is answered with CLOSED
    uint64_t cell;   // the dryer kept free for suspects; 0: none
    uint32_t crash_limit;
    uint64_t presented;    // the letter up to which the sink tells who holds what: before it nothing is dealt
    uint64_t order_window; // 0: no order
    bool eof, eof_said, halted_said;
    before_t before;
    bool has_begun; // as many dryers as were to be waited for were there
    bool dirty;     // something changed that dealing may act on
    bool oom;
    int64_t now_ms;   // of the call that is handled
    int64_t alone_ms; // since when tasks wait and no dryer has come; -1: not so
    bool alone_told;  // the user was told so
    washer_status_t figures;
    ending_t ending;
};

//  washer_book.c: where each task is
void book_put (washer_t *self, uint64_t n, uint64_t count); // of a resumed input: not to be done again
void book_counted (washer_t *self, uint64_t n, uint64_t count, bool failed);
void book_back (washer_t *self, uint64_t n, uint64_t count); // out no more: to be sent again
//  What of the run is out in just that delivery comes back, and how much that is; what answers another sending is
//  dropped.
uint64_t book_returned (washer_t *self, const lane_t *lane, uint64_t washer, uint64_t seq, run_t run);
void book_lane_over (washer_t *self, lane_t *lane, bool blame);
void book_unreceived (washer_t *self, lane_t *lane, uint64_t got); // what follows `got` never arrived: it comes back
void book_inventory (washer_t *self, lane_t *lane, reader_t *in);
bool book_complete (const washer_t *self); // EOF is known and all is counted

//  washer_input.c: what the sink is told of the input
void input_noted (washer_t *self, const slice_t *bytes); // these are put next
void input_asked (washer_t *self, uint64_t bytes); // the sink knows an input up to here: it is told of this place, too
void input_say (washer_t *self);
void input_end (washer_t *self); // here the input ends

//  washer_deal.c: who gets what
void deal (washer_t *self);

//  washer_hears.c: the letters of the sink
void washer_letter_heard (washer_t *self, const message_t *message);
void lane_end (washer_t *self, lane_t *lane, bool blame); // the dryer's life, or ours, is over

//  washer_lane.c: the wire to one dryer
void lane_begin (washer_t *self, lane_t *lane); // asks for a socket of the next generation
void lane_look (washer_t *self);                // shuts what does not get through, tries what was shut
int64_t lane_due_ms (const washer_t *self);
void lane_order (washer_t *self, const lane_t *lane); // tells the dryer where to connect
void lane_resume (washer_t *self, lane_t *lane, uint32_t generation, uint64_t got);

void washer_halt (washer_t *self); // takes back what was not started
void washer_say (washer_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
void washer_letter (washer_t *self, uint8_t type, uint32_t count, writer_t *records, slice_t *body);

#endif
