//  stage_config: what was asked for in the words of the command line, in the words of the roles.

#include "cmd/stage.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/options_limits.h"
#include "cmd/options_values.h"
#include "cmd/program_talk.h"

enum {
    ORDER_WINDOW = 10000,  // tasks that --keep-order may be ahead of the first one that is missing
    BLOCKS_A_SLOT = 2,     // of --pipe, held for each slot: the one that is read, and the next
    OUTPUT_BYTES = 8 << 20 // of results under way, and of results that wait for the reader
};

//  A machine without a name is still one.
static void s_set_names (stage_t *self)
{
    const config_t *config = &self->config;
    if (gethostname (self->host, sizeof self->host - 1) == -1 || !*self->host)
        strcpy (self->host, "localhost");
    if (config->name)
        snprintf (self->name, sizeof self->name, "%s", config->name);
    else
        snprintf (self->name, sizeof self->name, "%.100s-%ld", self->host, (long)getpid ());
}

static station_config_t s_station (const config_t *config)
{
    static const uint8_t roles[PROGRAMS] = {[PROGRAM_DISHES] = ROLE_SINK,
                                            [PROGRAM_WASHER] = ROLE_WASHER,
                                            [PROGRAM_DRYER] = ROLE_DRYER,
                                            [PROGRAM_SINK] = ROLE_SINK};
    return (station_config_t){.at = config->address,
                              .role = roles[config->program],
                              .key = config->key,
                              .is_insecure = config->is_insecure,
                              .lane_first = config->lane_first,
                              .lane_last = config->lane_last,
                              .advertise = config->advertise,
                              .dead_after_ms = config->dead_after_ms};
}

//  The same ports: who opens a firewall for this process opens it once.
static station_config_t s_next_station (const config_t *config)
{
    station_config_t made = s_station (config);
    made.at = config->into_address;
    made.role = ROLE_WASHER;
    if (made.at.kind != ADDRESS_TCP)
        made.key = NULL;
    if (config->into_key) {
        made.key = config->into_key;
        made.is_insecure = false;
    }
    return made;
}

chain_config_t stage_chain (const stage_t *self)
{
    const config_t *config = &self->config;
    return (chain_config_t){.station = s_next_station (config), .input = &config->input, .is_named = config->name};
}

static washer_role_config_t s_washer (const stage_t *self)
{
    static const full_t full[] = {
        [WHEN_FULL_BLOCK] = FULL_BLOCK, [WHEN_FULL_STACK] = FULL_STACK, [WHEN_FULL_DROP] = FULL_DROP};
    const config_t *config = &self->config;
    //  Where the dryers are elsewhere, this machine's cores stand for their slots.
    uint64_t slots = config->jobs ? (uint64_t)config->jobs * (config->dryers ? config->dryers : 1) : limits_cores ();
    return (washer_role_config_t){.name = self->name,
                                  .input = self->input,
                                  .retries = config->retries,
                                  .wait_dryers = config->wait_dryers,
                                  .wait_ms = config->wait_ms,
                                  .when_full = full[config->when_full],
                                  .queue_tasks = config->queue_tasks,
                                  .queue_bytes = config->queue_bytes,
                                  .slots = slots,
                                  .slot_tasks = config->input.pipe ? BLOCKS_A_SLOT : 1,
                                  .talk = self->talk};
}

//  -0 is for both ways of a filter; other ends of items are for the input alone.
static answer_shape_t s_answers (const config_t *config)
{
    return (answer_shape_t){.delimiter = config->input.delimiter ? '\n' : '\0',
                            .lines = config->filter_lines ? config->filter_lines : 1,
                            .end = config->filter_end};
}

static dryer_role_config_t s_dryer (const stage_t *self)
{
    const config_t *config = &self->config;
    dryer_role_config_t made = {
        .name = self->name,
        .host = self->host,
        .runner = config->runner,
        .replace = config->command.replace,
        .brake = config->brake,
        .quota = {.most = limits_jobs (), .file = config->jobs_file, .parse = options_jobs_read},
        .is_filter = config->command.is_filter,
        .answers = s_answers (config),
        .crash_limit = config->crash_limit,
        .prefetch = config->prefetch,
        .wait_ms = config->wait_ms,
        .idle_ms = config->idle_ms,
        .stay = config->stay,
        .talk = self->talk};
    made.runner.slots = config->jobs;
    made.runner.command = self->command;
    made.runner.pipeline = config->at;
    made.runner.dryer = made.name;
    if (config->verbose)
        made.runner.on_start = program_talk_start;
    return made;
}

static uint8_t s_wants (const config_t *config)
{
    static const uint8_t modes[] = {[PRINTER_GROUP] = 0, [PRINTER_LINES] = WANT_LINES, [PRINTER_RAW] = WANT_RAW};
    return (uint8_t)((config->tagstring ? WANT_TAG : 0) | (config->joblog || config->json ? WANT_COMMAND : 0) |
                     (config->results || config->json ? WANT_ITEM : 0) | (config->journal ? WANT_TROUBLE : 0) |
                     (config->halt.when != HALT_NEVER ? WANT_VERDICT : 0) | modes[config->printer.mode]);
}

static sink_config_t s_sink_core (const config_t *config)
{
    sink_config_t made = {.dead_after_ms = config->dead_after_ms,
                          .wait_ms = config->wait_ms,
                          .grace_ms = config->grace_ms,
                          .deadline_ms = config->deadline_ms,
                          .crash_limit = config->crash_limit,
                          .order_window = config->printer.keep_order ? ORDER_WINDOW : 0,
                          .output_bytes = OUTPUT_BYTES,
                          .backlog_bytes = OUTPUT_BYTES,
                          .wants = s_wants (config),
                          .halt_when = config->halt.when,
                          .halt_what = config->halt.what,
                          .halt_count = config->halt.count,
                          .halt_percent = config->halt.percent,
                          .total_hint = config->total,
                          .stay = config->stay};
    if (config->tagstring)
        strncpy (made.tagstring, config->tagstring, sizeof made.tagstring - 1);
    return made;
}

//  A sink that is started again goes on; `dishes`, which has the whole input before it again, only where it is told to.
static journal_mode_t s_journal_mode (const config_t *config)
{
    if (config->resume_failed)
        return JOURNAL_RESUME_FAILED;
    if (config->resume)
        return JOURNAL_RESUME;
    return config->program == PROGRAM_SINK ? JOURNAL_CONTINUE : JOURNAL_NEW;
}

static sink_role_config_t s_sink (const stage_t *self)
{
    const config_t *config = &self->config;
    bool is_dry = config->runner.dry_run; // what an earlier run wrote stays
    printer_config_t printer = config->printer;
    printer.out_path = is_dry ? NULL : printer.out_path;
    return (sink_role_config_t){.core = s_sink_core (config),
                                .printer = printer,
                                .joblog = config->joblog,
                                .results = is_dry ? NULL : config->results,
                                .journal = config->journal,
                                .journal_mode = s_journal_mode (config),
                                .is_dry = is_dry,
                                .is_progress = config->is_progress,
                                .progress = {.style = config->progress_style, .terminal = isatty (STDERR_FILENO)},
                                .talk = self->talk};
}

local_config_t stage_config (stage_t *self)
{
    s_set_names (self);
    return (local_config_t){.station = s_station (&self->config),
                            .washer = s_washer (self),
                            .dryer = s_dryer (self),
                            .sink = s_sink (self)};
}
