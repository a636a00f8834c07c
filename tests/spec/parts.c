#include "parts.h"

#include "cmd/stage.h"
#include "role/observer_role.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SAID_BYTES = 8192, WORDS = 32, JOBS = 64 };

#define __attribute__ ((visibility ("default")))

//  ---- the desk: what a dryer has started, and what the test says of it

typedef struct {
    job_t job;
    bool is_over; // said so by the test
    uint16_t status;
    uint64_t out_bytes;
} work_t;

typedef struct {
    pthread_mutex_t lock;
    work_t works[JOBS];
    uint32_t size, slots;
    uint64_t started, ended, killed; // tasks; calls
} desk_t;

static int desk_want (void *arg, uint8_t wants, const char *tagstring)
{
    return 0;
}

static void desk_remove (desk_t *self, uint32_t i)
{
    slice_drop (&self->works[i].job.bytes);
    memmove (&self->works[i], &self->works[i + 1], (--self->size - i) * sizeof *self->works);
}

//  Outputs are so many bytes that are made up as they are read: the cookie only says that there are some.
static void desk_report (desk_t *self, dryer_t *core, int64_t now_ms)
{
    for (uint32_t i = 0; i < self->size;) {
        work_t *work = &self->works[i];
        if (!work->is_over) {
            i++;
            continue;
        }
        result_t result = {.ticket = work->job.ticket,
                           .n = work->job.n,
                           .count = 1,
                           .status = work->status,
                           .out_bytes = work->out_bytes,
                           .cookie = work->out_bytes ? self : NULL};
        dryer_done (core, &result, now_ms);
        desk_remove (self, i);
    }
}

static int desk_work (void *arg, dryer_t *core, int64_t now_ms, bool may_start)
{
    desk_t *self = arg;
    pthread_mutex_lock (&self->lock);
    desk_report (self, core, now_ms);
    while (may_start && self->size < self->slots && self->size < JOBS &&
           dryer_take (core, 1, &self->works[self->size].job)) {
        self->works[self->size++].is_over = false;
        self->started++;
    }
    pthread_mutex_unlock (&self->lock);
    return 0;
}

static int64_t desk_due_ms (const void *arg)
{
    return INT64_MAX;
}

static void desk_end (void *arg, bool at_once, int64_t now_ms)
{
    desk_t *self = arg;
    pthread_mutex_lock (&self->lock);
    self->killed += self->size;
    while (self->size)
        desk_remove (self, 0);
    self->ended++;
    pthread_mutex_unlock (&self->lock);
}

static uint32_t desk_running (const void *arg)
{
    desk_t *self = (desk_t *)(uintptr_t)arg;
    pthread_mutex_lock (&self->lock);
    uint32_t running = self->size;
    pthread_mutex_unlock (&self->lock);
    return running;
}

static void desk_forget (void *arg)
{
    desk_t *self = arg;
    while (self->size)
        desk_remove (self, 0);
}

static ssize_t desk_read (void *arg, void *cookie, int stream, uint64_t offset, uint8_t *out, size_t size)
{
    memset (out, 'x', size);
    return (ssize_t)size;
}

static void desk_free_output (void *arg, void *cookie)
{
}

static hands_t desk_hands (desk_t *self)
{
    return (hands_t){.arg = self,
                     .want = desk_want,
                     .work = desk_work,
                     .due_ms = desk_due_ms,
                     .end = desk_end,
                     .running = desk_running,
                     .forget = desk_forget,
                     .read = desk_read,
                     .free_output = desk_free_output};
}

//  ---- parts

struct spec_part {
    int kind;
    char at[200];
    char *words[WORDS]; // argv, copied; the config borrows from it
    stage_t stage;
    local_config_t config;
    station_t own;
    control_t *control;
    pthread_t thread;
    pthread_mutex_t lock;
    char said[SAID_BYTES];
    desk_t desk;
    hands_t hands;
    witness_t witness;
    atomic_int pause_ms; // how long the next turn is to last
    atomic_bool is_bound, is_done;
    address_t found; // where the sink is
    int status;
};

static void on_line (void *arg, talk_level_t level, const char *text)
{
    spec_part_t *self = arg;
    pthread_mutex_lock (&self->lock);
    size_t used = strlen (self->said);
    snprintf (self->said + used, sizeof self->said - used, "%s\n", text);
    pthread_mutex_unlock (&self->lock);
}

static void on_draw (void *arg, const char *bytes, size_t size)
{
}

static void pause_turn (spec_part_t *self)
{
    int pause_ms = atomic_exchange (&self->pause_ms, 0);
    nanosleep (&(struct timespec){pause_ms / 1000, pause_ms % 1000 * 1000000L}, NULL);
}

static void on_sink_turned (void *arg, const sink_t *core)
{
    pause_turn (arg);
}

static void on_washer_turned (void *arg, const washer_t *core)
{
    pause_turn (arg);
}

static void on_dryer_turned (void *arg, const dryer_t *core)
{
    pause_turn (arg);
}

static void on_piece (void *arg, uint64_t dryer, uint64_t n, int stream, const slice_t *bytes)
{
}

static void on_drop (void *arg, uint64_t dryer, uint64_t n)
{
}

static void on_completed (void *arg, const completion_t *completion)
{
}

static void on_bound (void *arg, const address_t *at, uint64_t run)
{
    spec_part_t *self = arg;
    self->found = *at;
    atomic_store (&self->is_bound, true);
}

static int observe (spec_part_t *self)
{
    const config_t *config = &self->stage.config;
    observer_role_config_t observer = {.site = self->own.site,
                                       .name = "observer",
                                       .wait_ms = config->wait_ms,
                                       .run = config->run,
                                       .talk = self->stage.talk};
    observer.site = self->config.washer.site;
    observer_result_t result;
    if (observer_role_run (&observer, self->control, &result) == -1)
        return 125;
    on_line (self, TALK_NOTICE, result.reason);
    free (result.dryers);
    return result.ending.end == END_JOINED ? result.ending.status : 125;
}

static void *run_part (void *arg)
{
    spec_part_t *self = arg;
    sink_role_result_t result = {0};
    if (self->kind == PART_WASHER)
        self->status = washer_role_run (&self->config.washer, self->control);
    else if (self->kind == PART_DRYER)
        self->status = dryer_role_run (&self->config.dryer, self->control);
    else if (self->kind == PART_OBSERVER)
        self->status = observe (self);
    else
        sink_role_run (&self->config.sink, self->control, &result);
    if (self->kind == PART_SINK)
        self->status = result.status;
    atomic_store (&self->is_done, true);
    return NULL;
}

static int parse (spec_part_t *self, int argc, char **argv, int fd)
{
    static const program_t programs[] = {PROGRAM_WASHER, PROGRAM_DRYER, PROGRAM_SINK, PROGRAM_DISHES};
    stage_t *stage = &self->stage;
    for (int i = 0; i < argc && i < WORDS - 1; i++)
        self->words[i] = strdup (argv[i]);
    if (options_parse (&stage->config, programs[self->kind], argc, self->words, stage->error, sizeof stage->error) ==
        -1)
        return -1;
    if (address_parse (self->at, &stage->config.address, stage->error, sizeof stage->error) == -1)
        return -1;
    stage->config.input.stdin_fd = fd;
    stage->config.printer.out_fd = fd;
    stage->talk = (talk_t){self, on_line, on_draw, true};
    if (self->kind == PART_WASHER &&
        !(stage->input = input_new (&stage->config.input, stage->error, sizeof stage->error)))
        return -1;
    self->config = stage_config (stage);
    return 0;
}

static int open_station (spec_part_t *self, const station_t *shared)
{
    stage_t *stage = &self->stage;
    if (self->kind == PART_OBSERVER)
        self->config.station.role = ROLE_OBSERVER;
    if (!shared && station_open (&self->own, &self->config.station, stage->error, sizeof stage->error) == -1)
        return -1;
    const site_config_t *site = shared ? &shared->site : &self->own.site;
    self->config.sink.site = *site;
    if (shared)
        self->config.sink.site.at = stage->config.address;
    self->config.washer.site = self->config.dryer.site = self->config.sink.site;
    self->config.sink.site.dead_after_ms = self->config.station.dead_after_ms;
    return 0;
}

static void hook (spec_part_t *self)
{
    self->desk.slots = self->stage.config.jobs;
    self->hands = desk_hands (&self->desk);
    self->witness = (witness_t){self, on_piece, on_drop, on_completed, on_sink_turned};
    self->config.washer.input = self->stage.input;
    self->config.washer.turned = on_washer_turned;
    self->config.dryer.turned = on_dryer_turned;
    self->config.dryer.hands = &self->hands;
    self->config.sink.witness = &self->witness;
    self->config.sink.bound = on_bound;
    self->config.washer.turned_arg = self->config.dryer.turned_arg = self->config.sink.notes_arg = self;
}

spec_part_t *spec_part_new (int kind, const char *at, int argc, char **argv, int fd, const station_t *shared,
                            char *error, size_t error_size)
{
    spec_part_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->kind = kind;
    snprintf (self->at, sizeof self->at, "%s", at);
    pthread_mutex_init (&self->lock, NULL);
    pthread_mutex_init (&self->desk.lock, NULL);
    if (parse (self, argc, argv, fd) == -1 || open_station (self, shared) == -1) {
        snprintf (error, error_size, "%s", self->stage.error);
        spec_part_destroy (self);
        return NULL;
    }
    hook (self);
    self->control = control_new ();
    if (self->control && pthread_create (&self->thread, NULL, run_part, self))
        control_destroy (&self->control);
    if (!self->control) {
        snprintf (error, error_size, "%s", strerror (errno));
        spec_part_destroy (self);
        return NULL;
    }
    return self;
}

void spec_part_destroy (spec_part_t *self)
{
    if (self->control) {
        control_ask (self->control, self->kind == PART_SINK ? CONTROL_KILL : CONTROL_LEAVE | CONTROL_KILL);
        pthread_join (self->thread, NULL);
    }
    control_destroy (&self->control);
    station_close (&self->own);
    input_destroy (&self->stage.input);
    config_free (&self->stage.config);
    for (size_t i = 0; i < WORDS; i++)
        free (self->words[i]);
    free (self);
}

bool spec_part_done (spec_part_t *self, int *status)
{
    bool is_done = atomic_load (&self->is_done);
    *status = is_done ? self->status : -1;
    return is_done;
}

int spec_part_bound (spec_part_t *self)
{
    return atomic_load (&self->is_bound) ? self->found.port : -1;
}

void spec_part_said (spec_part_t *self, char *out, size_t size)
{
    pthread_mutex_lock (&self->lock);
    snprintf (out, size, "%s", self->said);
    pthread_mutex_unlock (&self->lock);
}

void spec_part_ask (spec_part_t *self, unsigned what)
{
    control_ask (self->control, what);
}

void spec_part_pause (spec_part_t *self, int pause_ms)
{
    atomic_store (&self->pause_ms, pause_ms);
    control_ask (self->control, 0);
}

int spec_part_running (spec_part_t *self, uint64_t *numbers, int most)
{
    int count = 0;
    pthread_mutex_lock (&self->desk.lock);
    for (; count < (int)self->desk.size && count < most; count++)
        numbers[count] = self->desk.works[count].job.n;
    pthread_mutex_unlock (&self->desk.lock);
    return count;
}

bool spec_part_finish (spec_part_t *self, uint64_t n, int status, uint64_t out_bytes)
{
    bool is_there = false;
    pthread_mutex_lock (&self->desk.lock);
    for (uint32_t i = 0; i < self->desk.size; i++) {
        work_t *work = &self->desk.works[i];
        if (work->job.n != n)
            continue;
        work->status = (uint16_t)status;
        work->out_bytes = out_bytes;
        work->is_over = is_there = true;
    }
    pthread_mutex_unlock (&self->desk.lock);
    control_ask (self->control, 0);
    return is_there;
}

uint64_t spec_part_started (spec_part_t *self, uint64_t *killed)
{
    pthread_mutex_lock (&self->desk.lock);
    uint64_t started = self->desk.started;
    *killed = self->desk.killed;
    pthread_mutex_unlock (&self->desk.lock);
    return started;
}

//  ---- what the parts of one process share

station_t *spec_station_new (const char *at)
{
    char error[512];
    station_config_t config = {.role = ROLE_SINK};
    station_t *self = calloc (1, sizeof *self);
    if (self && address_parse (at, &config.at, error, sizeof error) == 0 &&
        station_open (self, &config, error, sizeof error) == 0)
        return self;
    free (self);
    return NULL;
}

void *spec_station_context (station_t *self)
{
    return self->site.context;
}

void spec_station_destroy (station_t *self)
{
    station_close (self);
    free (self);
}
