/*  The inside of the sink: what its files share. Only they include this. */
#ifndef DISHES_CORE_SINK_I_H
#define DISHES_CORE_SINK_I_H

#include "core/prints.h"
#include "core/roster.h"
#include "core/sink.h"

typedef enum {
    EVENT_WASHER,   // a washer was accepted
    EVENT_BEREAVED, // its life is over, not all is counted
    EVENT_HALT,     // --halt soon
    EVENT_END,      // decided
    EVENT_PARTED,   // every peer has left
} sink_event_t;

//  An observer hears at most one message in so long, and there are at most so many: nobody's looking costs the run.
enum { OBSERVER_GAP_MS = 100, OBSERVERS_MOST = 1000 };

//  Nobody honest is stopped by these; whoever has a credential cannot make the sink grow without end by them.
enum {
    UNHEARD_MOST = 1 << 8,    // letters that wait for the washer, beyond which no dryer is let in
    BEGUN_MOST = 1 << 16,     // tasks of a dryer whose output came in part
    WELCOMES_MOST = 16,       // of a dryer or washer that says HELLO again, …
    STRANGERS_MOST = 1 << 10, // … and to lives that are not known: answers in a while
};

struct sink {
    sink_config_t config;
    sink_ports_t ports;
    sink_state_t state;
    roster_t roster;
    outbox_t outbox;
    tally_t tally;
    ranges_t closed;      // lives that are over, as numbers
    uint64_t washer;      // the life that feeds us; 0: none
    uint64_t washer_high; // the last that did
    char washer_name[NAME_BYTES];
    uint64_t washer_hash;
    prints_t prints;      // of the input, where the caller keeps none
    uint64_t input_bytes; // the furthest place of the input that any life of the washer told of
    uint64_t input_told;  // … that this one did; 0: none yet
    uint64_t eof_life;
    before_t before; // of that EOF
    uint64_t redelivered;
    ranges_t unheld;  // since the washer was lost: reported as failed or returned
    writer_t counted; // COUNTED records that await their commit, or are held back
    uint32_t counted_records;
    uint64_t counted_tasks; // … in them
    int64_t counted_ms;     // when the last of them went
    bool is_awaited;        // the next ones are not to be held back
    bool uncommitted;
    uint64_t backlog;
    size_t guests;
    bool is_detained; // by what is not ours; it stays when all are told
    int64_t start_ms, waiting_ms, ticked_ms, orphan_ms, ended_ms, repeat_ms;
    uint8_t halt_status;
    uint8_t failure;    // exit status of a task that failed before the restart
    figures_t durable;  // as of the last commit
    bool commit_failed; // nothing after it is told
    bool restarted;     // from a journal
    bool halt_hit;
    bool is_fed;         // its washer has left when all was counted, or the end was told: a new life has other tasks
    int64_t deadline_ms; // INT64_MAX: there is none, or it is not running yet
    ending_t ending;
    uint64_t lost, refused, bad, strangers;
    bool is_bad_told;        // of what could not even be decoded
    patience_t patience;     // with strangers
    uint64_t lane_strangers; // all that washers told of
    char reason[WHY_BYTES];
    bool oom;
};

int64_t sink_deadline_ms (const sink_t *self, int64_t now_ms); // of a run that begins now
bool sink_enter (sink_t *self, sink_event_t event);
void sink_say (sink_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
void sink_letter (sink_t *self, peer_t *peer, uint8_t type, uint32_t count, writer_t *records);
void sink_reply (sink_t *self, uint64_t life, uint8_t role, uint8_t type, writer_t *records); // outside of any link
void sink_malign (sink_t *self, peer_t *peer); // what it says is not in the protocol: counted, and told once
void sink_check (sink_t *self, int rc);        // notes that memory ended

//  sink_hello.c: who comes
void peers_hello (sink_t *self, const message_t *message, int64_t now_ms);
void hello_welcome (sink_t *self, peer_t *washer);
void hello_end (sink_t *self, uint64_t life, uint8_t role); // how the run has ended

//  sink_peers.c: who is here, and who goes
peer_t *peers_washer (const sink_t *self); // NULL: there is none
//  Tells a dryer that all washer lives up to this one are over; it answers with what it (still) holds.
void peers_ask (sink_t *self, peer_t *dryer, uint64_t washer, bool drop);
void peers_settle (sink_t *self);                                          // welcomes the washer, presents the dryers
void peers_close (sink_t *self, peer_t *peer, bool blame, int64_t now_ms); // its life is over
void peers_judge (sink_t *self, int64_t now_ms);                           // who is silent, or gone for too long
int64_t peers_due_ms (const sink_t *self);
int64_t peers_beat_gap_ms (const sink_t *self);
int64_t peers_observer_gap_ms (const sink_t *self);
bool peers_all_held (const sink_t *self, bool *known); // what is not counted is held by living dryers

//  sink_input.c: what the washer puts
void input_heard (sink_t *self, peer_t *washer, reader_t *in, const message_t *message);
bool input_ends_early (sink_t *self, const peer_t *washer); // at its EOF; then the run has ended

//  sink_halt.c: --halt
void halt_check (sink_t *self, const completion_t *c); // what was just counted may be the last that was wanted
void halt_look (sink_t *self);  // by the figures alone: those of a restarted sink, or the total that is known now
void halt_begin (sink_t *self); // the washer takes back what was not started, and no dryer starts it meanwhile

//  sink_count.c: what they report
void count_letter (sink_t *self, peer_t *peer, const message_t *message, int64_t now_ms);
void count_commit (sink_t *self, int64_t now_ms); // durable first, then acked and told
int64_t count_due_ms (const sink_t *self);        // when what is held back is told; INT64_MAX: nothing is
void count_decide (sink_t *self, int64_t now_ms); // joined, halted?
void count_end (sink_t *self, end_t end, uint8_t status, int64_t now_ms);
void count_known (sink_t *self, const ranges_t *counted, uint64_t failed); // by the washer, from before
figures_t count_figures (const sink_t *self);

#endif
