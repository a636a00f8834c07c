/*  roster: who is known to the sink, by life. */
#ifndef DISHES_CORE_ROSTER_H
#define DISHES_CORE_ROSTER_H

#include "core/session.h"

//  A report for the washer that came while there was none.
typedef struct {
    uint8_t type;
    uint32_t count;
    slice_t records;
} relay_t;

//  Answers given since then; what floods us gets no more in a while, and comes again.
typedef struct {
    int64_t since_ms;
    unsigned answers;
} patience_t;

bool patience_has (patience_t *self, unsigned most, int64_t now_ms); // counts the answer that is given then

typedef struct {
    uint64_t life;
    uint8_t role;
    char name[NAME_BYTES], host[NAME_BYTES];
    bool expected;    // named by the washer, has not said HELLO to this life of the sink
    bool leaving;     // its window is 0: answers are prompt
    bool prompt;      // it waits for an ack
    bool uncommitted; // letters came in since the last commit
    link_t link;
    int64_t heard_ms;
    int64_t gone_ms;     // when its last connection closed; -1: connected
    bool died;           // it was seen to: closed when all that came from it is read
    int64_t beat_ms;     // when we owe it a sign of life
    patience_t patience; // with its HELLO
    // an observer's
    int64_t told_ms; // when something was said to it last
    // a washer's
    bool welcomed;
    uint64_t strangers; // it told of so many at its lanes
    // a dryer's
    uint32_t slots, prefetch, grain, unsure;
    uint64_t waiting;      // tasks that wait there for a slot, as it said last
    slice_t inventory;     // records: what it held when it said so last
    uint64_t asked;        // WASHER-DOWN of this life is to be answered by HOLDING; 0: not
    uint64_t dropped_for;  // it was told to drop what it held for lives before this washer's
    bool announced;        // the washer has its DRYER-UP
    uint64_t output_bytes; // received in all
    uint64_t granted;      // output credit
    uint64_t credit_told;  // as far as the dryer was told
    ranges_t begun;        // tasks whose output came in part
    relay_t *relays;
    size_t relays_size, relays_capacity, relays_bytes;
    bool is_malign; // it says what is not in the protocol, and that was told
} peer_t;

//  In the order of lives; each peer stays at its address.
typedef struct {
    peer_t **peers;
    size_t size, capacity;
} roster_t;

peer_t *roster_find (const roster_t *self, uint64_t life); // NULL: not on it
peer_t *roster_add (roster_t *self, uint64_t life);        // NULL: ENOMEM
void roster_remove (roster_t *self, peer_t *peer);         // frees it
void roster_free (roster_t *self);

//  Keeps a report until there is a washer; takes the records. -1: ENOMEM, or E2BIG: it has more to say than it can
//  hold.
int peer_keep (peer_t *self, uint8_t type, uint32_t count, slice_t *records);

//  True where its inventory names tasks of a washer life other than this.
bool peer_holds_for_others (const peer_t *self, uint64_t washer);

//  Whether the rest of a message is an inventory, and nothing else.
bool inventory_fits (reader_t in);

//  Adds the task numbers of its inventory to a set. -1: ENOMEM.
int peer_held (const peer_t *self, ranges_t *out);

#endif
