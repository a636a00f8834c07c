/*  session: how a washer, a dryer or an observer stands to the sink.
 *
 *  A peer seeks the sink (its ADVERT), says HELLO until WELCOME comes back, then both beat; what must not be lost goes
 *  through the link. A sink that comes back as a new life of the same run is greeted again, and what was not acked
 *  goes to it; a sink of another run ends the pipeline. Time is in milliseconds of any monotone clock, as an argument.
 */
#ifndef DISHES_CORE_SESSION_H
#define DISHES_CORE_SESSION_H

#include "core/link.h"

enum { ROLE_WASHER = 'w', ROLE_DRYER = 'd', ROLE_OBSERVER = 'o', ROLE_SINK = 's' };
enum { NAME_BYTES = 128, ENDPOINT_BYTES = 256, REASON_BYTES = 160, WHY_BYTES = 256 };

//  What a part may be called: 1 to NAME_BYTES - 1 bytes without control characters.
bool session_is_name (const char *text);

typedef enum {
    SESSION_SEEK,  // no sink was seen yet
    SESSION_HELLO, // the sink is known, WELCOME is awaited
    SESSION_UP,    // welcomed
    SESSION_BYE,   // has said BYE, waits for its answer
    SESSION_OVER,  // no more is to be said
} session_state_t;

//  How a pipeline ended.
typedef enum {
    END_NONE,
    END_JOINED,      // everything that was put is counted
    END_HALTED,      // --halt
    END_DEADLINE,    // --deadline
    END_INTERRUPTED, // by the user
    END_LOST,        // a part was lost and did not come back
} end_t;

//  The figures of a run, as the sink knows them.
typedef struct {
    uint64_t total; // tasks put; 0 where it is not known (see `eof`)
    uint64_t ok, failed, broken, dropped;
    uint64_t redelivered; // tasks sent again after a loss
    uint64_t duplicates;  // completions refused: already counted
    uint64_t lost;        // dryers lost
} figures_t;

typedef struct {
    end_t end;
    uint8_t status; // the exit status that the sink has decided
    figures_t figures;
    char why[WHY_BYTES]; // of END_LOST: what happened at the sink, one line; "": it did not say
} ending_t;

//  How the items have ended, where there is more to say than that they have. They are the results of another pipeline:
//  how that has ended. Or they could not be read to their end: END_LOST.
typedef struct {
    end_t end;      // END_JOINED, END_HALTED, END_DEADLINE or END_LOST; END_NONE: no more to say
    uint8_t status; // its exit status, in which that of those before it is
} before_t;

typedef struct {
    uint8_t role;
    session_state_t state;
    uint64_t life, run, sink;
    link_t link;
    int64_t wait_ms;      // how long to seek a sink, or wait for one to come back; 0: for ever
    int64_t silence_ms;   // the sink's dead-after, told in WELCOME
    bool durable;         // the sink keeps a journal: it may come back
    bool quiet;           // nothing was heard for silence_ms
    int64_t since_ms;     // since when this state lasts
    int64_t heard_ms;     // when the sink was heard last
    int64_t ticked_ms;    // when we were last awake
    int64_t paused_ms;    // we slept until the last tick, for longer than we meant to: no wait counts that; 0: not
    int64_t hello_ms;     // when the next HELLO (or BYE) is due
    int64_t hello_gap_ms; // doubles from one to the next
    int64_t beat_ms;      // when the next beat is due
    uint64_t credit;      // output credit granted by the sink
    uint64_t gauge;       // told on each message. Of a washer: tasks sent again after losses; of a dryer: tasks that
                          // wait there for a slot
    uint64_t strangers;   // of a washer: refused by its process so far
    uint64_t strangers_before; // … of these, what its earlier lives have told
    uint64_t strangers_told;   // … what this life has told
    bool strangers_due;        // there is something to tell …
    int64_t strangers_ms;      // … but not before then
    bool is_welcomed;          // this life was, at some time: the sink may know things of it
    bool is_run_given;         // no other run will do
    bool stays;                // STOP said that another run follows
    ending_t ending;           // end != END_NONE once JOINED or STOP was heard
    char reason[REASON_BYTES]; // why the session is lost, one line
} session_t;

//  What a received message means to the role.
typedef enum {
    HEARD_NOTHING, // dealt with, or dropped
    HEARD_SINK,    // ADVERT: a sink (a new life of it): connect to the endpoint in the records, then say HELLO
    HEARD_WELCOME, // the first WELCOME of this life of the sink; of an observer, who may ask again, each
    HEARD_LETTER,  // a letter of the link, in order: handle its records
    HEARD_GONE,    // this life was closed: end what runs, start anew with a new life
    HEARD_REFUSED, // the sink does not want us; `reason` says why
    HEARD_END,     // JOINED or STOP: `ending` is set
    HEARD_LOST,    // another run stands at this address
    HEARD_BAD,     // malformed, or for somebody else: dropped, to be counted
} heard_t;

void session_init (session_t *self, uint8_t role, uint64_t life, int64_t wait_ms, int64_t now_ms);
void session_free (session_t *self);

//  A new life of the same peer, at the same sink: says HELLO again, with a new link.
void session_reborn (session_t *self, uint64_t life, int64_t now_ms);

heard_t session_heard (session_t *self, const message_t *message, int64_t now_ms);

//  Called at every turn. HEARD_LOST where a wait has ended (`reason` is set), else HEARD_NOTHING. Sets `quiet`.
heard_t session_tick (session_t *self, int64_t now_ms);

//  When session_tick wants to be called next; INT64_MAX: never.
int64_t session_due_ms (const session_t *self);

//  True where a HELLO (state HELLO) or a BYE (state BYE) is due now; moves the time of the next.
bool session_hello_due (session_t *self, int64_t now_ms);

//  The wire to the sink has opened: HELLO is due now.
void session_connected (session_t *self, int64_t now_ms);

//  Begins a packet to the sink outside the link (HELLO, BYE, BEAT), stamped.
packet_t session_packet (session_t *self, uint8_t type);

//  Moves what is due into the outbox: letters, and a beat where nothing else went out.
void session_pump (session_t *self, outbox_t *out, int64_t now_ms);

//  Of a washer: so many strangers were refused at its lanes since its process began. Its beats tell of them.
void session_strangers (session_t *self, uint64_t refused);

//  Takes leave: BYE is said until it is answered, at most silence_ms.
void session_bye (session_t *self, int64_t now_ms);

//  Remembers that a life is over; of very many only the newer half. 0, or -1: ENOMEM.
int lives_close (ranges_t *closed, uint64_t life);

void put_figures (writer_t *out, const figures_t *figures);
figures_t get_figures (reader_t *in);
void put_before (writer_t *out, before_t before);
before_t get_before (reader_t *in);

//  What a pipeline that has joined comes to with what was before it: an end before its time is the end of the whole,
//  and failures add up.
void ending_after (ending_t *self, before_t before);

void put_ending (writer_t *out, const ending_t *ending);
ending_t get_ending (reader_t *in);

#endif
