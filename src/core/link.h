/*  link: a reliable, ordered stream of messages over a wire that may lose and overtake.
 *
 *  One link stands between two lives and its sequence is never restarted. Two numbers go back: `got` (received in
 *  order: do not send again) and `ack` (committed: forget). There is no retransmission timer: the sender goes back
 *  only when the receiver shows that it lacks something: a message that leaves a gap, or a beat whose `sent` is higher
 *  than what was received. What waits here is bounded by the windows of its owner, not by the link.
 */
#ifndef DISHES_CORE_LINK_H
#define DISHES_CORE_LINK_H

#include "core/frame.h"

typedef struct {
    uint8_t type;
    uint32_t count;
    bool transient;        // of no use to another life of the receiver: dropped by link_restart
    slice_t records, body; // owned
} letter_t;

typedef struct {
    // what we send: letters acked + 1 … sent, in a queue that begins at `head`
    letter_t *letters;
    size_t head, size, capacity;
    uint64_t acked; // the peer has committed these: forgotten here
    uint64_t next;  // the next one to hand to the wire; sent + 1 where all are out
    uint64_t high;  // the highest that was ever handed to the wire
    // what we receive
    uint64_t got;      // received in order
    uint64_t ack;      // committed; the owner moves it, never past `got`
    uint64_t gap_told; // the value of got for which the gap was reported last, plus 1
    bool gap;          // something behind `got` was lost, the peer is to be told
    uint64_t untold;   // records received since the peer heard our got and ack
    bool failed;       // memory ended: the owner must end
} link_t;

//  Appends a letter; takes both slices, also when it fails (then `failed` is set).
void link_push (link_t *self, uint8_t type, uint32_t count, slice_t *records, slice_t *body);

uint64_t link_sent (const link_t *self); // the highest sequence used

//  The next letter for the wire; fills type, count, seq and the slices (new references). False where there is none.
bool link_next (link_t *self, packet_t *out);

//  Fills got, ack, sent and the gap flag of any message to the peer, and notes that the peer was told.
void link_stamp (link_t *self, header_t *header);

//  Takes in the numbers of any message of the peer. Numbers that cannot be true are ignored.
void link_heard (link_t *self, const header_t *header);

//  True where the message (seq > 0; its `count` is `records`) is the next in order and is to be handled now; else it is
//  a duplicate or leaves a gap.
bool link_accept (link_t *self, uint64_t seq, uint32_t records);

//  Everything received is also committed: for owners that commit nothing.
void link_ack_all (link_t *self);

//  True where the peer waits for our numbers: a gap to report, or many letters received.
bool link_must_tell (const link_t *self);

//  Marks the letter pushed last as of no use to another life of the receiver.
void link_transient (link_t *self);

//  The i-th letter that is not acked, NULL behind the last: for who must know what is on its way.
const letter_t *link_letter (const link_t *self, size_t i);

//  The other end is a new life: what was not acked and is not transient is sent again from sequence 1, and reception
//  begins anew.
void link_restart (link_t *self);

bool link_idle (const link_t *self); // all that was sent is acked

void link_free (link_t *self);

#endif
