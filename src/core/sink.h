/*  sink: the core of the role that counts every task exactly once, knows who lives, and decides when it is over.
 *
 *  Order of things: a completion is accepted (first final one of its task), the caller commits it, then it is acked
 *  and COUNTED goes to the washer. Only the sink closes a life. Pure: bytes and the time go in; packets and calls of
 *  the ports come out. Not safe for several threads.
 */
#ifndef DISHES_CORE_SINK_H
#define DISHES_CORE_SINK_H

#include "core/ranges.h"
#include "core/status.h"
#include "core/tally.h"

typedef struct sink sink_t;

enum { DRYERS_MOST = 1 << 14 }; // a sink has room for so many

//  A completion that counts: a run of tasks with the same result; count > 1 only where there is no output.
typedef struct {
    uint64_t n, count;
    outcome_t outcome;
    uint64_t dryer;          // life; 0 for broken and dropped
    const char *name, *host; // of that dryer, borrowed; NULL for those
    uint32_t attempt;
    uint16_t status;
    uint8_t signal, flags; // RESULT_* of core/dryer.h
    int64_t start_us;
    uint64_t runtime_us;
    const uint8_t *out, *err, *tag, *command; // borrowed; output that came in the record itself
    size_t out_size, err_size, tag_size, command_size;
    const uint8_t *values; // borrowed; what the task was given (core/item.h), where it is told: NULL
    size_t values_size;
    bool pieces;         // output came before, through `piece`
    const slice_t *item; // of a broken task: its bytes
} completion_t;

typedef struct {
    void *arg;
    //  A part of the output of a task that is not yet whole (`streamed`: to be shown as it comes).
    void (*piece) (void *arg, uint64_t dryer, uint64_t n, int stream, bool streamed, const void *tag, size_t tag_size,
                   const slice_t *bytes);
    //  The pieces of this task that came from this dryer are void; n = 0: of all its tasks.
    void (*drop) (void *arg, uint64_t dryer, uint64_t n);
    //  A completion that counts: make it ready to be committed and then shown.
    void (*completed) (void *arg, const completion_t *completion);
    //  EOF, its total and the washer's life (0 and 0: it was made void), or the end, are to be durable.
    void (*eof) (void *arg, bool known, uint64_t total, uint64_t washer);
    void (*ended) (void *arg, const ending_t *ending);
    //  Makes everything since the last call durable. 0, or -1: the sink ends at once and counts nothing of it. It may
    //  say why by sink_explain ().
    int (*commit) (void *arg);
    void (*trace) (void *arg, const char *from, const char *event, const char *to);
    void (*log) (void *arg, const char *line); // something a user should read: a dryer was lost, a task is broken
    //  What the washer remembers as counted, and how many of these failed (which ones, nobody knows): what of it was
    //  not counted is now, without its output, and is to be durable as well. This one and the rest may be NULL.
    void (*known) (void *arg, const ranges_t *counted, uint64_t failed);
    //  A washer's life was accepted: it, and the hash of its input (0: none), are to be durable.
    void (*washer) (void *arg, const char *name, uint64_t life, uint64_t input_hash);
    void (*dryer) (void *arg, uint64_t life, const char *name, const char *host); // a dryer was
    //  The first `bytes` bytes of the input hash to this: 0 where nothing else is known of just this place (it is to be
    //  durable, and known from now on), or -1 where they hashed to something else: the run ends. Places come in order
    //  but for one that was asked for and those of a washer that begins again. NULL: this core keeps what it hears
    //  itself.
    int (*input) (void *arg, uint64_t bytes, uint64_t hash);
    //  What the items are the results of is to be durable with the EOF that follows.
    void (*before) (void *arg, before_t before);
} sink_ports_t;

typedef enum { HALT_NEVER, HALT_SOON, HALT_NOW } halt_when_t;
typedef enum { HALT_FAIL, HALT_SUCCESS, HALT_DONE } halt_what_t;

typedef struct {
    uint64_t run, life;
    char endpoint[ENDPOINT_BYTES];                         // of `in`, told in ADVERT
    int64_t dead_after_ms, wait_ms, grace_ms, deadline_ms; // 0: never (dead_after: 5000)
    uint32_t crash_limit;                                  // 0: never
    uint64_t order_window;  // --keep-order: tasks that may be ahead of the first uncounted; 0: no order
    uint64_t output_bytes;  // output that each dryer may have under way
    uint64_t backlog_bytes; // output that may wait to be printed before no more credit is granted
    uint8_t wants;          // WANT_* of core/dryer.h
    char tagstring[ENDPOINT_BYTES];
    bool durable; // a journal is kept
    bool stay;    // another run will follow at this address
    halt_when_t halt_when;
    halt_what_t halt_what;
    uint64_t halt_count;   // this many …
    uint32_t halt_percent; // … or, if not 0, this share of the total
    uint64_t total_hint;   // --total, for halt_percent before EOF; 0: unknown
} sink_config_t;

//  What a restarted sink knows from its journal.
typedef struct {
    bool is_resumed; // by a user, with parts that are all new: nobody of before is waited for
    char washer_name[NAME_BYTES];
    bool eof;                 // it is known where the input ends
    before_t before;          // told with it
    uint64_t total, eof_life; // and which life said so; without `eof` it counts when that life comes back; 0: none
    uint64_t washer_life;     // the highest that was accepted: a lower one is not any more
    uint64_t input_hash;      // of that washer; 0: none
    uint64_t input_bytes;     // the furthest place that `input` was told of; 0: none
    uint8_t failure;          // the exit status of a task that failed, for --halt fail=1; 0: not known (1 is told)
    ranges_t counted;         // borrowed
    figures_t figures;
    ending_t ending; // end != END_NONE: it was decided
} sink_restored_t;

sink_t *sink_new (const sink_config_t *config, const sink_ports_t *ports, const sink_restored_t *restored,
                  int64_t now_ms);
void sink_destroy (sink_t **self_p);

//  The welcome message of `out`: what a new subscriber gets at once. Without records where memory ended.
packet_t sink_advert (const sink_t *self);

void sink_heard (sink_t *self, const message_t *message, int64_t now_ms);
void sink_bad_message (sink_t *self); // one that could not even be decoded

//  All connections of this peer are closed, or it is back. The life is closed if none is back in time.
void sink_disconnected (sink_t *self, uint64_t life, int64_t now_ms);
void sink_reconnected (sink_t *self, uint64_t life);

void sink_died (sink_t *self, uint64_t life, int64_t now_ms); // a supervisor saw it die
void sink_backlog (sink_t *self, uint64_t bytes);             // what now waits to be printed
//  Who subscribes to `out` and has not said HELLO yet: at the end they are waited for, for a second.
void sink_guests (sink_t *self, size_t guests);
//  While it has other things to do the sink does not leave, and tells the end to who asks.
void sink_detain (sink_t *self, bool is_detained);
bool sink_knows (const sink_t *self, uint64_t life);      // it lives, or was closed
bool sink_has_washer (const sink_t *self, uint64_t life); // it lives, and is a washer's

void sink_strangers (sink_t *self, uint64_t refused); // connections refused at `in` and `out` so far
//  Why the run is about to be lost: everybody is told with the end. The first word of a life of the sink counts.
void sink_explain (sink_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
void sink_stop (sink_t *self, end_t end, uint8_t status, int64_t now_ms); // ends the run now

//  After every turn in which `in` was read until empty: commits, acks, counts, judges who is silent.
void sink_tick (sink_t *self, int64_t now_ms);
int64_t sink_due_ms (const sink_t *self);
bool sink_packet (sink_t *self, packet_t *out);

sink_state_t sink_state (const sink_t *self);
const ending_t *sink_ending (const sink_t *self);
const char *sink_reason (const sink_t *self);
bool sink_input_failed (const sink_t *self); // its washer said so: lost when what was read is counted
bool sink_failed (const sink_t *self);

sink_status_t sink_status (const sink_t *self);
size_t sink_dryers (const sink_t *self, dryer_row_t *rows,
                    size_t most); // the living ones; returns how many were filled
const ranges_t *sink_counted (const sink_t *self);

#endif
