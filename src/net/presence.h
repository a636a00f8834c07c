/*  presence: which lives have a connection to the sink.
 *
 *  A life is not there any more when all its connections are closed: that is how a killed dryer is noticed at once, and
 *  not after its silence. A connection is known by its descriptor, which the system gives to the next one as soon as it
 *  is free, while messages of the old one may still be unread. So what is seen is put in order, turn by turn: first
 *  take the events (presence_event), then read `in` until it is empty (presence_heard for each message), then
 *  presence_settle. Whatever a closed connection had sent was then read before its end counts, and a connection
 *  belongs to the life that is heard there after it was accepted. What is not certain yet is decided a turn later.
 *
 *  A life that comes back may get the same descriptor, and be heard before its old connection is seen to close. What
 *  was heard may then be of either; so the new one is its until another life is heard there.
 *
 *  Pure but for memory: where that ends, a life is merely not watched, and its silence tells in the end.
 */
#ifndef DISHES_NET_PRESENCE_H
#define DISHES_NET_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { PRESENCE_ACCEPTED, PRESENCE_CLOSED } presence_event_t;

typedef struct {
    bool is_open;
    bool is_guess; // nothing of this life was heard since it was accepted
    uint64_t life; // 0: not known yet
    uint64_t turn; // when it was heard last
} connection_t;

typedef struct {
    presence_event_t event;
    uint32_t fd;
} happened_t;

typedef struct {
    uint32_t fd;
    uint64_t life;
    bool is_guess;
    bool is_old; // one turn could not decide it
} claim_t;

//  All zero is nobody.
typedef struct {
    connection_t *connections; // by descriptor
    happened_t *happened;      // not settled yet
    claim_t *claims;           // who was heard where, and is not known there yet
    uint64_t *bereft;          // lives that lost a connection in this turn
    uint64_t turn;
    size_t connections_size, happened_size, claims_size, bereft_size;
    size_t connections_capacity, happened_capacity, claims_capacity, bereft_capacity;
} presence_t;

void presence_free (presence_t *self); // may be called twice

void presence_event (presence_t *self, presence_event_t event, uint32_t fd);

//  A message of this life came on this descriptor (-1: not known, as with inproc). False where the connection is known
//  to be another life's, or newly its: who does not trust every peer may drop such a message.
bool presence_heard (presence_t *self, int fd, uint64_t life);

typedef void presence_fn (void *arg, uint64_t life);

//  Calls `gone` for each life that has lost its last connection, and `back` for each that has one where it had none.
void presence_settle (presence_t *self, presence_fn *gone, presence_fn *back, void *arg);

#endif
