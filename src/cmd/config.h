/*  config: what a command line of `dishes` asks for, as plain data.
 *
 *  options_parse reads argv and the environment, opens nothing and starts nothing. Everything is checked that can be
 *  checked without touching the world: what is left are files that cannot be opened, a command that is not found, and
 *  a shell line that is wrong (template_new).
 */
#ifndef DISHES_CMD_CONFIG_H
#define DISHES_CMD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/sink.h"
#include "input/input.h"
#include "run/runner.h"
#include "run/template.h"
#include "store/printer.h"
#include "store/progress.h"

typedef enum { ACTION_RUN, ACTION_HELP, ACTION_VERSION } action_t;
typedef enum { WHEN_FULL_BLOCK, WHEN_FULL_STACK, WHEN_FULL_DROP } when_full_t;

typedef struct {
    halt_when_t when;
    halt_what_t what;
    uint64_t count;   // this many …
    uint32_t percent; // … or, if not 0, this share of the total
} halt_t;

//  Strings and words are borrowed from argv and the environment.
typedef struct {
    action_t action;
    const char *at; // inproc://NAME

    //  what runs
    uint32_t jobs;           // commands at a time, 1...
    template_opts_t command; // `words` are COMMAND; none: each task is a shell line
    runner_opts_t
        runner;       // timeout, term-seq, delay, nice, output, dry_run, want_text; the rest is the role's to fill in
    uint32_t retries; // tries in all; 0: for ever

    //  what it runs on
    input_config_t input; // with its sources in order; none: standard input
    uint64_t queue_tasks; // bound on what is read ahead; both 0: the default
    uint64_t queue_bytes;
    when_full_t when_full;
    uint64_t total; // tasks, a hint for bars and --halt N%; 0: unknown

    //  what comes out
    printer_config_t printer;
    const char *tagstring; // for template_text_new; NULL: no tags
    const char *joblog;    // path, or NULL
    bool is_progress;      // draw `progress_style` on stderr
    progress_style_t progress_style;
    bool verbose; // -t, -v: commands to stderr
    bool quiet;

    //  how it ends
    int64_t deadline_ms; // for the whole run; 0: none
    halt_t halt;

    //  as written, folded into the fields above
    struct {
        bool bar, eta, progress;
        bool quote; // there is nothing to quote: no shell sees the words
        input_source_t *sources;
    } given;
} config_t;

//  File descriptors that the limit on open files must have room for: CONFIG_FDS_OWN, and CONFIG_FDS_A_JOB for each of
//  `jobs`. options_parse grants no more jobs than fit below the hard limit; raising the soft one is the caller's.
enum { CONFIG_FDS_OWN = 64, CONFIG_FDS_A_JOB = 6, CONFIG_JOBS_MAX = 32768 };

//  Fills `config`, whatever it held. Returns 0, or -1 (EINVAL, ENOMEM) and one line without newline in `error`, what
//  is wrong and what would be right; either way config_free gives back what it owns. argv must outlive it. With
//  ACTION_HELP or ACTION_VERSION nothing else is meaningful.
int options_parse (config_t *config, int argc, char **argv, char *error, size_t error_size);
void config_free (config_t *config); // may be called twice

//  The text of --help.
void options_help (FILE *out);

#endif
