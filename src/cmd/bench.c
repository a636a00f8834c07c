//  bench: the run behind --bench. Over inproc the dryers are threads of one dishes_run; over ipc and tcp each is a
//  process of its own, forked while there is one thread yet, and told where the sink is when that is known.

#include "cmd/bench.h"

#include <dishes.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    BLOCK_BYTES = 256 << 10,
    SAMPLES = 1000, // of the time from put to counted
    SEEK_MS = 5000, // how long threads look for the sink
    LOOK_MS = 200,  // how often a wait looks for a signal
    ENOUGH_ITEMS = 50000000,
    ENOUGH_BYTES = 1000000000,
    CALLERS_MOST = DRYERS_MOST,
    CACHE_LINE = 64
};

typedef struct {
    stage_t *stage;
    dishes_opts_t opts;
    bench_figures_t figures;
    endpoint_t at;
    dishes_sink_t *sink;
    dishes_washer_t *washer;
    uint64_t told, last; // by the sink: tasks, and the number of the last one
    bool is_torn;        // it told of one twice, or left one out

    //  threads
    pthread_t thread;
    bool has_thread;
    int error; // errno of dishes_run, or 0

    //  processes
    pid_t *pids;
    unsigned started;
    int address[2], calls[2]; // pipes: where to go, and how many calls there were
} bench_t;

static volatile sig_atomic_t s_caught;

static void s_catch (int signal)
{
    s_caught = signal;
}

static int s_say (const bench_t *self, const char *what)
{
    if (!s_caught)
        talk_say (&self->stage->talk, TALK_ERROR, "--bench: %s: %s", what, dishes_error ());
    return -1;
}

static double s_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

//  ---- what is measured: a call a task that does nothing but count, without a word to other threads

typedef struct {
    uint64_t calls;
    char rest[CACHE_LINE - sizeof (uint64_t)];
} caller_t;

static caller_t s_callers[CALLERS_MOST];
static atomic_uint s_callers_size;
static _Thread_local caller_t *s_caller;

static int s_dry (void *arg, dishes_task_t *task)
{
    if (!s_caller)
        s_caller = &s_callers[atomic_fetch_add (&s_callers_size, 1) % CALLERS_MOST];
    s_caller->calls++;
    return 0;
}

static uint64_t s_calls (void)
{
    uint64_t calls = 0;
    for (unsigned i = 0; i < CALLERS_MOST; i++)
        calls += s_callers[i].calls;
    return calls;
}

//  ---- the dryers

static void *s_run_threads (void *arg)
{
    bench_t *self = arg;
    dishes_opts_t opts = self->opts;
    opts.wait_ms = SEEK_MS; // the sink is there already, or was ended by a signal
    int rc = dishes_run (self->figures.at, (int)self->figures.dryers, s_dry, NULL, &opts);
    self->error = rc == 0 ? 0 : errno;
    return NULL;
}

static int s_start_threads (bench_t *self)
{
    int error = pthread_create (&self->thread, NULL, s_run_threads, self);
    self->has_thread = error == 0;
    errno = error;
    return error ? -1 : 0;
}

//  In a process of its own: waits for the address; the end of the pipe is the end of the bench.
static void s_be_dryer (bench_t *self, pid_t parent)
{
    static char at[ENDPOINT_BYTES];
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    close (self->address[1]);
    close (self->calls[0]);
    if (getppid () != parent || read (self->address[0], at, sizeof at) != sizeof at)
        _exit (0);
    self->figures.at = at;
    int rc = dishes_run (at, 1, s_dry, NULL, &self->opts);
    if (rc == -1)
        s_say (self, "a dryer");
    uint64_t calls = s_calls ();
    if (write (self->calls[1], &calls, sizeof calls) != sizeof calls)
        rc = -1;
    exit (rc == 0 ? 0 : STATUS_ERROR);
}

//  Where not all could be started, those that were must still see the ends of the pipes.
static int s_fork_dryers (bench_t *self)
{
    self->pids = calloc (self->figures.dryers, sizeof *self->pids);
    if (!self->pids || pipe (self->address) == -1 || pipe (self->calls) == -1)
        return -1;
    pid_t parent = getpid ();
    for (; self->started < self->figures.dryers; self->started++) {
        pid_t pid = fork ();
        if (pid == 0)
            s_be_dryer (self, parent);
        if (pid == -1)
            break;
        self->pids[self->started] = pid;
    }
    close (self->address[0]);
    close (self->calls[1]);
    self->address[0] = self->calls[1] = -1;
    return self->started == self->figures.dryers ? 0 : -1;
}

static int s_tell_address (bench_t *self)
{
    char at[ENDPOINT_BYTES] = "";
    strncpy (at, self->figures.at, sizeof at - 1);
    for (unsigned i = 0; i < self->started; i++)
        if (write (self->address[1], at, sizeof at) != sizeof at)
            return -1;
    return 0;
}

static bool s_is_inproc (const bench_t *self)
{
    return self->stage->config.address.kind == ADDRESS_INPROC;
}

//  ---- the sink and the washer

static void s_hear (void *arg, const dishes_result_t *result)
{
    bench_t *self = arg;
    self->told += result->count;
    self->is_torn |= result->outcome != DISHES_OK;
    uint64_t last = result->number + result->count - 1;
    self->last = last > self->last ? last : self->last;
}

static int s_open (bench_t *self)
{
    dishes_opts_t opts = self->opts;
    opts.result = s_hear;
    opts.result_arg = self;
    opts.result_runs = 1;
    self->sink = dishes_sink_new (self->figures.at, &opts);
    if (!self->sink)
        return s_say (self, "the sink");
    snprintf (self->at, sizeof self->at, "%s", dishes_sink_address (self->sink)); // with its port
    self->figures.at = self->at;
    self->washer = dishes_washer_new (self->figures.at, &self->opts);
    if (!self->washer)
        return s_say (self, "the washer");
    if ((s_is_inproc (self) ? s_start_threads : s_tell_address) (self) == 0)
        return 0;
    talk_say (&self->stage->talk, TALK_ERROR, "--bench: cannot start the dryers: %s", strerror (errno));
    return -1;
}

static int s_put (bench_t *self, const char *block, size_t size)
{
    int64_t put;
    do
        put = dishes_put_block (self->washer, block, size, '\n', LOOK_MS);
    while (put == -1 && errno == ETIMEDOUT && !s_caught);
    return put == -1 || s_caught ? s_say (self, "put") : 0;
}

static int s_join (bench_t *self)
{
    int rc;
    do
        rc = dishes_join (self->washer, LOOK_MS);
    while (rc == -1 && errno == ETIMEDOUT && !s_caught && !self->error);
    return rc == -1 ? s_say (self, "join") : 0;
}

//  ---- the two measurements

static int s_order (const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

//  One item at a time. The first of them waits for the first dryer, and is none of the samples.
static int s_measure_latency (bench_t *self, const char *item)
{
    static double taken[SAMPLES];
    unsigned samples = self->figures.samples;
    for (unsigned i = 0; i < samples + 1; i++) {
        double start = s_now ();
        if (s_put (self, item, self->figures.size) == -1 || s_join (self) == -1)
            return -1;
        taken[i ? i - 1 : 0] = s_now () - start;
    }
    qsort (taken, samples, sizeof *taken, s_order);
    self->figures.median_us = taken[samples / 2] * 1e6;
    self->figures.p99_us = taken[samples * 99 / 100] * 1e6;
    return 0;
}

static int s_measure_items (bench_t *self, const char *block, uint64_t block_items)
{
    double start = s_now ();
    for (uint64_t left = self->figures.items; left;) {
        uint64_t items = left < block_items ? left : block_items;
        if (s_put (self, block, items * self->figures.size) == -1)
            return -1;
        left -= items;
    }
    if (s_join (self) == -1)
        return -1;
    self->figures.seconds = s_now () - start;
    return 0;
}

static int s_measure (bench_t *self)
{
    size_t size = self->figures.size;
    uint64_t items = size < BLOCK_BYTES ? BLOCK_BYTES / size : 1;
    char *block = malloc (items * size);
    if (!block) {
        talk_say (&self->stage->talk, TALK_ERROR, "--bench: no memory for items of this size");
        return -1;
    }
    memset (block, 'x', items * size);
    for (uint64_t i = 1; i <= items; i++)
        block[i * size - 1] = '\n';
    int rc = s_measure_latency (self, block);
    if (rc == 0)
        rc = s_measure_items (self, block, items);
    free (block);
    return rc;
}

//  ---- the end

//  How many calls there were in all dryers; they are gone then.
static uint64_t s_end_dryers (bench_t *self)
{
    uint64_t all = 0, calls;
    if (self->has_thread)
        pthread_join (self->thread, NULL);
    for (int i = 0; i < 2; i++)
        if (self->address[i] != -1)
            close (self->address[i]);
    for (unsigned i = 0; i < self->started; i++) {
        if (s_caught)
            kill (self->pids[i], SIGKILL);
        while (self->calls[0] != -1 && !s_caught && read (self->calls[0], &calls, sizeof calls) == sizeof calls)
            all += calls;
        while (waitpid (self->pids[i], NULL, 0) == -1 && errno == EINTR)
            ;
    }
    for (int i = 0; i < 2; i++)
        if (self->calls[i] != -1)
            close (self->calls[i]);
    return all + s_calls ();
}

//  Each was called for, and counted, exactly once.
static int s_check (const bench_t *self, const dishes_figures_t *count, uint64_t calls)
{
    uint64_t put = self->figures.items + self->figures.samples + 1;
    bool is_once = count->end == DISHES_JOINED && count->total == put && count->ok == put && !count->duplicates;
    if (is_once && calls == put && self->told == put && self->last == put && !self->is_torn)
        return 0;
    talk_say (&self->stage->talk, TALK_ERROR,
              "--bench: %llu items were put, %llu done, %llu counted, %llu of them twice: these are no figures",
              (unsigned long long)put, (unsigned long long)calls, (unsigned long long)count->ok,
              (unsigned long long)count->duplicates);
    return -1;
}

static int s_finish (bench_t *self, int rc)
{
    dishes_figures_t count = {0};
    if (rc == 0) {
        dishes_end (self->washer);
        rc = s_join (self);
    }
    if (rc == -1 && self->sink)
        dishes_sink_cancel (self->sink);
    if (rc == 0 && dishes_sink_wait (self->sink, -1, &count) == -1)
        rc = s_say (self, "the sink");
    uint64_t calls = 0;
    if (rc == 0)
        calls = s_end_dryers (self);
    dishes_washer_destroy (&self->washer);
    dishes_sink_destroy (&self->sink);
    if (rc == -1)
        s_end_dryers (self);
    free (self->pids);
    return rc == 0 ? s_check (self, &count, calls) : -1;
}

static void s_prepare (bench_t *self)
{
    static const char *const kinds[] = {[ADDRESS_INPROC] = "inproc", [ADDRESS_IPC] = "ipc", [ADDRESS_TCP] = "tcp"};
    const config_t *config = &self->stage->config;
    uint64_t size = config->bench_size, enough = ENOUGH_BYTES / size;
    uint64_t items = enough < ENOUGH_ITEMS ? enough + 1 : ENOUGH_ITEMS;
    self->opts = (dishes_opts_t){.size = sizeof self->opts, .key = config->key, .insecure = config->is_insecure};
    self->figures = (bench_figures_t){.at = config->at,
                                      .kind = kinds[config->address.kind],
                                      .items = config->bench_items ? config->bench_items : items,
                                      .size = size,
                                      .dryers = config->dryers};
    self->figures.samples = self->figures.items < SAMPLES ? (unsigned)self->figures.items : SAMPLES;
}

int bench (stage_t *stage, int *signal_p)
{
    bench_t self = {.stage = stage, .address = {-1, -1}, .calls = {-1, -1}};
    s_prepare (&self);
    int rc = s_is_inproc (&self) ? 0 : s_fork_dryers (&self);
    if (rc == -1)
        talk_say (&stage->talk, TALK_ERROR, "--bench: cannot start the dryers: %s", strerror (errno));
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        sigaction (ends[i], &(struct sigaction){.sa_handler = s_catch}, NULL);
    signal (SIGPIPE, SIG_IGN);
    if (rc == 0)
        rc = s_open (&self);
    if (rc == 0)
        rc = s_measure (&self);
    rc = s_finish (&self, rc);
    *signal_p = s_caught;
    if (rc == -1)
        return STATUS_ERROR;
    (stage->config.json ? bench_show_json : bench_show) (&self.figures, stdout);
    return stage_flush (stage);
}
