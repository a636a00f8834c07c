/*  sink_role: the sink's core, its wires, and where results go, as one loop.
 *
 *  The order of things in a turn: `in` is read empty, the core commits and counts, the counts go out, and only then is
 *  anything printed. A reader of stdout who is slow, or gone, never keeps the loop from its messages.
 */
#ifndef DISHES_ROLE_SINK_ROLE_H
#define DISHES_ROLE_SINK_ROLE_H

#include "core/sink.h"
#include "net/site.h"
#include "role/control.h"
#include "role/talk.h"
#include "store/journal.h"
#include "store/printer.h"
#include "store/progress.h"

//  Somebody who sees what the results see, in the sink's thread; the calls are those of sink_ports_t. What comes in
//  pieces is for the witness to keep.
typedef struct {
    void *arg;
    void (*piece) (void *arg, uint64_t dryer, uint64_t n, int stream, const slice_t *bytes);
    void (*drop) (void *arg, uint64_t dryer, uint64_t n);
    void (*completed) (void *arg, const completion_t *completion);
    void (*turned) (void *arg, const sink_t *core); // after each turn
} witness_t;

typedef struct {
    site_config_t site; // of the station (role/station.h)
    sink_config_t core; // run, life and endpoint are filled in here
    printer_config_t printer;
    const char *joblog;  // path, or NULL
    const char *results; // directory, or NULL
    const char *journal; // path, or NULL
    journal_mode_t journal_mode;
    bool is_dry;         // nothing is done: the job log is read and not written
    const char *command; // what is run, for the journal; NULL: not known
    bool is_progress;
    bool is_beside_washer;      // which says itself why its input ends too early
    progress_config_t progress; // start_ms is filled in here
    talk_t talk;
    //  Called in the sink's thread when others can find it: this run, at this address, whose port is the one that was
    //  found where it was 0. NULL: not used.
    void (*bound) (void *arg, const address_t *at, uint64_t run);
    //  How the run has ended is about to be told to the others. In the sink's thread; or NULL.
    void (*ending) (void *arg);
    //  Each turn: so many bytes of the output file may be read by others, with a journal those that are durable. With
    //  an `ending` the run is decided, and these are all. In the sink's thread; or NULL.
    void (*shown) (void *arg, uint64_t bytes, const ending_t *ending);
    void *notes_arg;          // of these
    const witness_t *witness; // borrowed; NULL: none
} sink_role_config_t;

typedef struct {
    int status;  // the exit status
    int signal;  // SIGPIPE where the reader of the results went away: to be raised; else 0
    bool failed; // by an error of the sink's own, and that was said
    bool is_out; // all results are written
    ending_t ending;
} sink_role_result_t;

//  Runs until every peer has left and everything is printed. What could not be written is said, and the status is 125;
//  where it could not even begin errno has the reason.
void sink_role_run (const sink_role_config_t *config, control_t *control, sink_role_result_t *result);

#endif
