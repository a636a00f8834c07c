/*  scenario: everything about a schedule that is decided before it begins, from the seed alone. */
#ifndef DISHES_SIM_SCENARIO_H
#define DISHES_SIM_SCENARIO_H

#include "core/block.h"
#include "rng.h"

#include <stdio.h>

enum { MAX_TASKS = 320, MAX_DRYERS = 4, MAX_FAULTS = 8 };

typedef enum {
    FAULT_KILL_DRYER,
    FAULT_STOP_DRYER, // SIGSTOP, later CONT: a zombie where it lasts longer than dead-after
    FAULT_STOP_WASHER,
    FAULT_STOP_SINK,
    FAULT_SUSPEND,   // the whole machine sleeps
    FAULT_CUT_DRYER, // from the sink, not from the washer
    FAULT_CUT_WASHER,
    FAULT_CUT_LANE,
    FAULT_RESET_IN,
    FAULT_RESET_OUT,
    FAULT_RESET_BOTH,
    FAULT_RESET_LANE,
    FAULT_WALL,       // no lane to a dryer can be connected
    FAULT_STRAY_LANE, // a second PULL takes part of a lane's messages
    FAULT_LEAVE,
    FAULT_JOIN,
    FAULT_SLOTS,
    FAULT_KILL_WASHER,
    FAULT_CHANGE_INPUT, // the washer is killed, and the next one has another input
    FAULT_KILL_SINK,
    FAULT_SLOW_COMMIT,
    FAULT_FULL_DISK,
    FAULT_SLOW_READER,
    FAULT_GARBAGE,
    FAULT_KINDS
} fault_kind_t;

extern const char *const fault_names[FAULT_KINDS];

typedef struct {
    fault_kind_t kind;
    int64_t at_ms, lasts_ms;
    uint64_t chance; // decides among the targets of the time
} fault_t;

typedef enum {
    WORK_OK,
    WORK_FAILS,       // fails `times` times, then succeeds
    WORK_POISON,      // its process dies, always
    WORK_POISON_ONCE, // its process dies at the first run of it
    WORK_DROPPED,     // was never put
} work_kind_t;

typedef struct {
    work_kind_t kind;
    uint32_t times;
    int64_t lasts_ms;
    uint32_t out_bytes, err_bytes;
} work_t;

typedef struct {
    uint32_t slots, prefetch, grain;
    int64_t starts_ms;
    bool supervised; // its parent tells the sink when it dies
    bool remote;     // its death is seen as silence only
    bool paces;      // it takes runs, of another length now and then, and gives some back in part
} dryer_plan_t;

typedef struct {
    uint64_t seed;
    uint32_t tasks;
    work_t work[MAX_TASKS + 1]; // from 1
    shape_t shape;
    uint32_t chunk; // tasks in one block of the input
    int64_t feed_gap_ms;
    uint32_t queue; // tasks that the washer reads ahead
    uint32_t retries, crash_limit;
    uint64_t order_window;
    bool durable, streams, timed; // timed: results say when they began
    bool items;                   // results say what the task was given, as --results wants it
    bool ends_badly;              // every peer's connection breaks as it is first told of the end
    bool same_endpoint;           // a restarted sink takes reports where the old one did
    int64_t dead_after_ms, grace_ms, wait_ms, deadline_ms;
    uint64_t output_bytes, backlog_bytes;
    int halt_when, halt_what;
    uint64_t halt_count;
    //  -1: it does not, or (a washer of the second of a chain) with the sink before it
    int64_t washer_starts_ms, sink_starts_ms, observer_starts_ms;
    uint64_t observer_run; // it means this run; 0: any
    int64_t delay_ms, jitter_ms;
    int64_t commit_ms;
    int64_t print_bytes_ms; // what the reader of stdout takes
    unsigned dryers;
    dryer_plan_t dryer[MAX_DRYERS];
    unsigned faults;
    fault_t fault[MAX_FAULTS];
    int64_t work_ms; // about as long as all of it takes
} scenario_t;

//  `mask` has a bit for each kind of fault that may happen.
void scenario_make (scenario_t *self, uint64_t seed, uint32_t mask);

//  The pipeline behind it, as far as that is decided before it begins.
void scenario_make_next (scenario_t *self, const scenario_t *before, uint32_t mask);
void scenario_print (const scenario_t *self, FILE *out);

#endif
