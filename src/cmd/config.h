/*  config: what a command line of `dishes`, `washer`, `dryer` or `sink` asks for, as plain data.
 *
 *  options_parse reads argv and the environment, opens nothing, asks no name service and starts nothing. Everything is
 *  checked that can be checked without touching the world: what is left are files that cannot be opened, a command that
 *  is not found, a shell line that is wrong (template_new), and a host that is not there.
 */
#ifndef DISHES_CMD_CONFIG_H
#define DISHES_CMD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/options.h"
#include "core/sink.h"
#include "input/input.h"
#include "net/address.h"
#include "run/brake.h"
#include "run/runner.h"
#include "run/template.h"
#include "store/printer.h"
#include "store/progress.h"

typedef enum { PROGRAM_DISHES, PROGRAM_WASHER, PROGRAM_DRYER, PROGRAM_SINK, PROGRAMS } program_t;
typedef enum {
    ACTION_RUN,
    ACTION_HELP,
    ACTION_VERSION,
    ACTION_JOIN,   // wait for the end of a pipeline
    ACTION_STATUS, // tell how far one is
    ACTION_TOP,    // show how one goes on
    ACTION_KEYGEN, // make key files
    ACTION_BENCH,  // measure what is to be had here
} action_t;
typedef enum { WHEN_FULL_BLOCK, WHEN_FULL_STACK, WHEN_FULL_DROP } when_full_t;

typedef struct {
    halt_when_t when;
    halt_what_t what;
    uint64_t count;   // this many …
    uint32_t percent; // … or, if not 0, this share of the total
} halt_t;

enum { CONFIG_ROWS = 128 }; // more than any program has options

//  Strings and words are borrowed from argv and the environment. What a program has no options for keeps its default.
typedef struct {
    program_t program;
    action_t action;

    //  where it meets the others
    const char *at; // as written, of --join and --status too
    address_t address;
    const char *key;                // path, or NULL
    bool is_insecure;               // no credentials
    uint16_t lane_first, lane_last; // 0: any
    const char *advertise;          // host, or NULL
    const char *name;               // of a washer or dryer; NULL: of its host and process

    //  --into: where the results go on
    const char *into; // as written; NULL: nowhere
    address_t into_address;
    const char *into_key; // path; NULL: as here

    //  what runs
    uint32_t jobs;           // commands at a time, 1...
    const char *jobs_file;   // of -j FILE: what it holds counts, also later; NULL: none
    uint32_t prefetch;       // tasks that wait at the dryer beyond those
    uint32_t dryers;         // processes of `dishes` over ipc or tcp; 0: none (--no-local); inproc: 1, a thread
    template_opts_t command; // `words` are COMMAND; none: each task is a shell line
    runner_opts_t
        runner; // timeout, term-seq, delay, nice, output, dry_run, want_text; the rest is the role's to fill in
    brake_config_t brake;
    uint32_t filter_lines;  // of a result of --filter; 0: not given
    const char *filter_end; // the line that ends one, or NULL
    uint32_t retries;       // tries in all; 0: for ever
    uint32_t wait_dryers;   // the first task waits for so many; 0: for any one

    //  what it runs on
    input_config_t input; // with its sources in order; none: standard input
    uint64_t queue_tasks; // bound on what is read ahead; both 0: the default
    uint64_t queue_bytes;
    when_full_t when_full;
    uint64_t total; // tasks, a hint for bars and --halt N%; 0: unknown

    //  what comes out
    printer_config_t printer;
    const char *tagstring; // for template_text_new; "": the item, whatever the dryers call it; NULL: no tags
    const char *joblog;    // path, or NULL
    const char *results;   // directory, or NULL
    const char *journal;   // path, or NULL
    bool resume, resume_failed;
    bool is_progress; // draw `progress_style` on stderr
    progress_style_t progress_style;
    bool verbose; // -t, -v: commands to stderr
    bool quiet;

    //  how it ends
    int64_t deadline_ms;   // for the whole run; 0: none
    int64_t wait_ms;       // for a part that is not there; 0: for ever
    int32_t dead_after_ms; // silence after which a part is lost; WELCOME has 32 bits for it
    int64_t grace_ms;      // for a new life of a lost washer
    uint32_t crash_limit;  // dryers, or filters, that a task may take with it; 0: no limit
    int64_t idle_ms;       // a dryer with nothing to do for so long leaves; 0: never
    bool stay;             // goes on with the next pipeline
    halt_t halt;

    //  what is asked of another pipeline, or made for one
    uint64_t run;       // --join: only this run; 0: any
    bool json;          // also of results: `printer` has it
    const char *keygen; // directory

    //  --bench; `dryers` is of threads or processes
    uint64_t bench_items; // 0: enough for a second or so
    uint64_t bench_size;  // bytes of an item, with its newline

    //  as written, folded into the fields above
    struct {
        bool bar, eta, progress;
        bool quote; // there is nothing to quote: no shell sees the words
        bool tag, no_local;
        input_source_t *sources;
        const option_t *rows[CONFIG_ROWS]; // each option that was given, once
        size_t rows_size;
    } given;
} config_t;

//  File descriptors that the limit on open files must have room for: CONFIG_FDS_OWN, and CONFIG_FDS_A_JOB for each of
//  `jobs`. options_parse grants no more jobs than fit below the hard limit; raising the soft one is the caller's.
enum { CONFIG_FDS_OWN = 64, CONFIG_FDS_A_JOB = 6, CONFIG_JOBS_MAX = 32768 };

//  Fills `config`, whatever it held. Returns 0, or -1 (EINVAL, ENOMEM) and one line without newline in `error`, what
//  is wrong and what would be right; either way config_free gives back what it owns. argv must outlive it. With
//  ACTION_HELP or ACTION_VERSION nothing else is meaningful; with the others but ACTION_RUN, what belongs to them.
int options_parse (config_t *config, program_t program, int argc, char **argv, char *error, size_t error_size);
void config_free (config_t *config); // may be called twice

//  The text of --help.
void options_help (program_t program, FILE *out);

//  "dishes", "washer", "dryer", "sink".
const char *program_name (program_t program);

#endif
