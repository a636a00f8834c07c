/*  sim: whole pipelines of cores over a simulated network and clock.
 *
 *  A world runs one schedule. Its processes are lives of a washer, dryers, a sink and an observer; each holds a core
 *  and is driven as the real loops do: take in all messages that are there, tick, empty the outbox, sleep until
 *  something is due. Wires are FIFO within a connection; a change of connection loses a tail and lets what is left
 *  be read later, in turn with the new connection's. Every message crosses a wire as bytes.
 */
#ifndef DISHES_SIM_SIM_H
#define DISHES_SIM_SIM_H

#include "core/dryer.h"
#include "core/observer.h"
#include "core/prints.h"
#include "core/sink.h"
#include "core/washer.h"

#include "heap.h"
#include "scenario.h"

#include <stdlib.h>

enum { MAX_LIVES = 256, MAX_WASHERS = 16, TOLD_MOST = 64, MAX_PRINTS = 1024 };

typedef struct process process_t;
typedef struct world world_t;
typedef struct parcel parcel_t;

//  One way of one connection after another between two processes.
typedef struct {
    bool up;
    bool keeps;             // what could not be sent waits for the next connection
    uint32_t epoch;         // of the connection
    uint64_t sent;          // messages handed to it so far
    uint64_t cut;           // of an older epoch: messages from this one on are lost
    int64_t hold_ms;        // of an older epoch: the others are read at this time or later
    int64_t last_ms;        // when the last of this epoch arrives
    int64_t blocked_ms;     // partition: nothing arrives before this time
    parcel_t *first, *tail; // waits for a connection
} tube_t;

//  A message under way.
struct parcel {
    parcel_t *next;
    tube_t *wire;
    int receiver; // process
    int lane;     // of a lane's message; else -1
    uint32_t epoch;
    uint64_t number, order; // order: its place among all events, which it keeps when it is held up
    slice_t frame, body;
    bool has_body;
};

typedef struct {
    int washer, puller;          // processes; puller -1: none
    uint64_t washer_life, dryer; // the lives it is between
    uint32_t generation;
    bool open;
    int stray; // process that takes every second message; -1: none
    tube_t wire;
} lane_line_t;

//  A job that runs in a slot of a dryer.
typedef struct {
    bool used, ripe;
    job_t job;
    uint64_t done; // of its tasks
    uint64_t streamed;
    int64_t since_ms;
} slot_job_t;

//  A result's output, kept until the core has handed it over.
typedef struct {
    uint64_t n;
    uint32_t attempt;
    uint64_t life;
} cookie_t;

enum { MAX_JOBS = 32, DRYER_RUN_MOST = 6, DRYER_PREFETCH_MOST = 12 };

typedef struct {
    dryer_t *core;
    int plan; // of the scenario; -1: joined by a fault
    dryer_plan_t how;
    slot_job_t jobs[MAX_JOBS];
    int lane_of[MAX_WASHERS]; // by washer process (its `nth`): the lane it is to connect to, -1: none
    unsigned cookies;         // out at the core
    uint32_t run;             // tasks that a slot takes at a time, where it paces
    bool leaving;
} dryer_shell_t;

typedef struct {
    washer_t *core;
    uint32_t fed;
    bool eof;
    unsigned said;           // lines for the user
    bool changed;            // its input is not the first one
    print_t told[TOLD_MOST]; // the last places of the input it told of; `hash` is the letter's sequence
    unsigned told_size;
} washer_shell_t;

//  Output of a task that is not whole yet, as the sink passed it on.
typedef struct partial {
    struct partial *next;
    uint64_t dryer, n;
    uint8_t *bytes[2];
    size_t size[2], capacity[2];
} partial_t;

//  A death, as somebody saw it.
typedef struct {
    uint64_t life;
    int process;
    int seen;
} notice_t;

enum { MAX_NOTICES = 16 };

typedef struct {
    sink_t *core;
    partial_t *partials;
    bool lives_gone[MAX_LIVES];    // processes whose connections are all closed, as the sink sees it
    notice_t notices[MAX_NOTICES]; // deaths that it is to look at when it has read what lies there
    unsigned notices_count;
} sink_shell_t;

typedef enum { PROC_WASHER, PROC_DRYER, PROC_SINK, PROC_OBSERVER } process_kind_t;

struct process {
    int id, nth; // of all; of its kind
    process_kind_t kind;
    uint64_t life;
    bool alive, stopped;
    bool lost;                           // killed, closed or given up: not ended as it should
    bool over;                           // ended by itself
    int64_t born_ms, over_ms, harmed_ms; // harmed: when a fault that cut it off last ended
    int64_t busy_ms;                     // blocked in a commit until then
    int64_t walled_ms;                   // dryer: no lane to it can be connected until then
    int64_t wake_ms;                     // the wake-up that counts
    int64_t found_ms;                    // to connect its reports; INT64_MAX: not asked for
    int reports_to;                      // the process that `sink_found` named; -1: none
    tube_t to_sink, from_sink;
    bool announced;         // its connection to the sink is new: the sink is to hear of it
    parcel_t *first, *tail; // inbox
    ending_t ending;        // when it was over
    union {
        washer_shell_t washer;
        dryer_shell_t dryer;
        sink_shell_t sink;
        observer_t *observer;
    };
    uint64_t touched[MAX_TASKS / 64 + 1]; // dryer: tasks that were put on its lane
    uint64_t told_high;                   // washer: the highest sequence sent to it; dryer: by it
    uint64_t output_bytes, granted;       // dryer: of output, sent and allowed
    bool missed_end;                      // peer: see ends_badly
    bool blamed;                          // dryer: it was lost, as the sink sees it
    bool crashed;                         // dryer: by a task
    bool down;                            // dryer: the washer was told that it is over
};

//  A completion on its way to the journal, and what the journal knows of a task.
typedef struct {
    uint64_t n, count;
    outcome_t outcome;
    uint32_t attempt;
    uint16_t status;
    uint64_t dryer, bytes;
} record_t;

typedef struct {
    uint8_t known[MAX_TASKS + 2]; // 0, or outcome + 1
    uint16_t status[MAX_TASKS + 2];
    uint32_t attempt[MAX_TASKS + 2];
    uint64_t by[MAX_TASKS + 2]; // the dryer's life
    ranges_t counted;
    figures_t figures;
    bool eof;
    uint64_t total, eof_life;
    uint64_t washer_life;
    ending_t ending;
    // since the last commit
    record_t *waiting;
    size_t size, capacity;
    bool eof_waits, eof_known, ending_waits;
    uint64_t eof_total, eof_by;
    uint64_t washer_next;            // 0: the same
    print_t prints[MAX_PRINTS];      // of the input: these are durable, …
    size_t prints_size, prints_next; // … and these wait
    ending_t ending_next;
    unsigned commits;
    bool full;                       // the next commit fails
    uint16_t printed[MAX_TASKS + 2]; // in this order
    uint32_t printed_size;
    bool before_waits;
    before_t before, before_next; // with the EOF
} journal_t;

//  Who reads what is printed.
typedef struct {
    uint64_t next;                 // --keep-order: whose turn it is
    uint64_t early[MAX_TASKS + 2]; // bytes + 1 of those whose turn has not come
    uint64_t backlog;              // bytes
    int64_t at_ms, stalled_ms;
} printer_t;

typedef struct {
    uint64_t schedules, events, messages, virtual_ms, joined, halted, deadline, lost;
    uint64_t fault[FAULT_KINDS], tasks, executions, redelivered, duplicates, refused, bad, lives_lost, messages_lost,
        overtaken, gone, broken, restored, late, noticed, chains;
} stats_t;

struct world {
    scenario_t plan;
    world_t *before, *after; // in a chain: the other one, or NULL
    bool is_broken_off;      // the one after it is over
    rng_t rng;
    heap_t heap;
    int64_t now_ms;
    int64_t clock_ms; // what a step of the clock adds to the start times
    process_t *process[MAX_LIVES];
    int processes;
    int sink, washer; // the living ones; -1: none
    lane_line_t **lanes;
    int lane_count;
    size_t lane_capacity;
    int sink_lives;
    journal_t journal;
    printer_t printer;
    uint64_t last_life;
    uint64_t run;
    int64_t quiet_ms;   // no fault acts any more from then on
    int64_t decided_ms; // -1: nothing decided
    ending_t decided;
    int64_t washer_away_ms, sink_away_ms;
    bool dryers_safe;    // no fault could make anyone take a dryer for dead
    bool may_lose, hurt; // a fault may end the run; any fault touched a process
    uint32_t executions[MAX_TASKS + 2], failures[MAX_TASKS + 2], crashes[MAX_TASKS + 2];
    uint32_t washer_lives;
    uint64_t changed_from;    // the first task that is another from now on; 0: none is
    uint64_t told_bytes;      // of the input as it was at first, the sink has acked to be told
    bool changed_eof;         // the last EOF that the sink heard was of the other input
    bool told[MAX_TASKS + 2]; // the washer's life of now was told that it is counted
    int kinds[4];             // processes of each kind so far
    int pending_starts;       // processes that are to come
    uint64_t events, same_time;
    stats_t *stats;
    FILE *trace;
    const char *broken; // the invariant, once one is violated
    char why[400];
    parcel_t *spare;
    //  A script's eye on what is sent; false: it is lost.
    bool (*watch) (world_t *self, const process_t *from, const packet_t *packet);
    void *script;
};

enum {
    EV_WAKE,
    EV_ARRIVE,
    EV_START,
    EV_CONNECT_OUT,
    EV_CONNECT_IN,
    EV_LANE_BOUND,
    EV_LANE_CONNECT,
    EV_LANE_NOTICE,
    EV_JOB,
    EV_FAULT,
    EV_CONT,
    EV_SINK_SEES,
    EV_MISS_END,
    EV_KINDS
};

//  world.c
typedef struct {
    uint64_t seed;
    uint32_t mask;   // of faults
    bool is_chained; // there is a second pipeline behind it
    FILE *trace;     // or NULL
    stats_t *stats;
} schedule_t;

//  Runs one schedule. True where every invariant held; else `why` says which did not.
bool world_run (const schedule_t *schedule, char *why, size_t size);

//  chain.c: the same of two worlds in a row
bool chain_run (const scenario_t *plan, const schedule_t *schedule, char *why, size_t size);
bool chain_at_end (const world_t *self, before_t *before);
uint32_t chain_items (const world_t *self);
uint64_t chain_source (const world_t *self, uint64_t n);
uint64_t chain_unread (const world_t *self);
void chain_begins (world_t *self);
void chain_committed (world_t *self);
void chain_fed (world_t *self);
void chain_sink_over (world_t *self, end_t end);
void chain_washer_over (world_t *self);
world_t *chain_first (world_t *self);

//  The same in steps, for those who script one. There is one world at a time, or the two of a chain.
world_t *world_open (const scenario_t *plan, FILE *trace, stats_t *stats);
world_t *world_open_second (const scenario_t *plan, FILE *trace, stats_t *stats); // of a chain
int64_t world_next_ms (const world_t *self);                                      // INT64_MAX: nothing happens any more
bool world_step (world_t *self);                                                  // false where nothing more happens
bool world_end (world_t *self, char *why, size_t size);                           // runs what is left, then checks
void world_close (world_t *self);                                                 // frees it

void world_at (world_t *self, int64_t at_ms, int kind, int process, uint64_t a, uint64_t b);
void world_violated (world_t *self, const char *invariant, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
void world_trace (world_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
#define TRACE(world, ...)                                                                                              \
    do {                                                                                                               \
        if ((world)->trace)                                                                                            \
            world_trace (world, __VA_ARGS__);                                                                          \
    } while (0)

//  process.c: lives and deaths
process_t *process_new (world_t *world, process_kind_t kind, const dryer_plan_t *plan, int plan_number);
void process_wake (world_t *world, process_t *self, int64_t at_ms);
void process_turn (world_t *world, process_t *self);
void process_over (world_t *world, process_t *self); // it ended by itself
typedef enum { SEEN_BY_PARENT, SEEN_BY_WIRE, SEEN_BY_NOBODY } seen_t;
void process_kill (world_t *world, process_t *self, seen_t seen);
void chain_killed (world_t *self, int64_t back_ms, seen_t seen);
void process_free (world_t *world, process_t *self);
process_t *process_of_life (const world_t *world, uint64_t life);
process_t *process_alive (const world_t *world, int id); // NULL: no such process, or it is dead
uint64_t process_life (world_t *world);                  // a new one
const char *process_name (const process_t *self);        // a static buffer or two
void world_start (world_t *world, int64_t at_ms, process_kind_t kind, int plan);

//  net.c: wires
void net_send (world_t *world, process_t *from, packet_t *packet); // takes the packet
void net_arrive (world_t *world, parcel_t *parcel);
void net_connect_out (world_t *world, process_t *peer);
void net_connect_in (world_t *world, process_t *peer);
void net_find (world_t *world, process_t *peer, const char *endpoint); // sink_found
void net_reset (world_t *world, tube_t *wire, bool keeps);
void net_block (tube_t *wire, int64_t until_ms); // a partition
bool net_read (process_t *self, parcel_t **out); // next of the inbox
void net_free (world_t *world, parcel_t *parcel);
bool net_decode (const parcel_t *parcel, message_t *out);
void net_garbage (world_t *world, process_t *to);
void net_later (world_t *world, int64_t at_ms, parcel_t *parcel); // back on its way

//  lanes.c
int lanes_open (world_t *world, process_t *washer, uint64_t dryer, uint32_t generation);
void lanes_close (world_t *world, process_t *washer, uint64_t dryer, uint32_t generation);
lane_line_t *lanes_current (world_t *world, const process_t *washer, uint64_t dryer);
void lanes_drain (world_t *world, process_t *washer); // puts on the lanes what may go
void lanes_reset (world_t *world, int lane, bool noticed);
void lanes_wall (world_t *world, process_t *dryer, int64_t until_ms); // none can be made to it
void lanes_of_dead (world_t *world, process_t *dead, bool noticed);
void lanes_connect (world_t *world, int lane, int dryer);
bool lanes_pulls (const world_t *world, int lane, const process_t *dryer); // its socket is there, or it strays
void lanes_notice (world_t *world, int lane);

//  The roles
void washer_begin (world_t *world, process_t *self);
void washer_turn (world_t *world, process_t *self);
void washer_bound (world_t *world, process_t *self, int lane);
void washer_lane_is_lost (world_t *world, process_t *self, const lane_line_t *line);
void dryer_begin (world_t *world, process_t *self);
void dryer_turn (world_t *world, process_t *self);
void dryer_job_ends (world_t *world, process_t *self, unsigned slot);
void dryer_check_idle (world_t *world, process_t *self);
void sink_begin (world_t *world, process_t *self);
void sink_turn (world_t *world, process_t *self);
void sink_sees (world_t *world, process_t *self, uint64_t life, process_t *dead, seen_t seen);
void sink_partials_free (sink_shell_t *self);
void observer_begin (world_t *world, process_t *self);
void observer_turn (world_t *world, process_t *self);

//  faults.c
void fault_happens (world_t *world, unsigned number);

//  journal.c: what the sink commits, and who reads what it prints
void journal_add (world_t *world, const completion_t *completion);
void journal_known (world_t *world, const ranges_t *counted, uint64_t failed);
int journal_commit (world_t *world, process_t *sink);
int journal_print (journal_t *self, print_t print);
void journal_crash (world_t *world); // what was not committed is gone
void journal_restore (const world_t *world, sink_restored_t *out);
uint64_t printer_backlog (world_t *world);
int64_t printer_due_ms (const world_t *world);
void journal_free (journal_t *self);

//  work.c: what tasks are made of, and what they print
slice_t work_item (const world_t *world, uint64_t n, uint64_t count, bool changed);
uint64_t work_common_bytes (const world_t *world);          // that the first and the changed input begin with
uint64_t work_bytes (const world_t *world, uint64_t count); // of the first tasks, before any change
bool work_check_item (const world_t *world, uint64_t n, uint64_t count, const slice_t *bytes);
void work_output (uint64_t n, uint32_t attempt, uint64_t life, int stream, uint64_t offset, uint8_t *out, size_t size);
enum { WORK_NAME_BYTES = 1 };
const uint8_t *work_name (uint64_t n); // what its result says that it was given
uint16_t work_status (const world_t *world, uint64_t n, uint32_t attempt);

//  check.c
void check_step (world_t *world, process_t *turned);
void check_completion (world_t *world, process_t *sink, const completion_t *completion, partial_t *partial);
void check_ended (world_t *world, const ending_t *ending);
void check_input (world_t *world, const ending_t *ending, const char *reason);
void check_packet (world_t *world, process_t *from, const packet_t *packet);
void check_end (world_t *world);

#endif
