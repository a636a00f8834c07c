//  Memory ends in a pipeline of cores: each says so through x_failed, and nothing is counted twice, leaked, or torn.
//  ctest: one-thread
#include "test_alloc_help.h"
#include "test_core_pipe.h"

enum { DRYERS = 2, TASKS = 40, TURNS = 400 };

static const sink_config_t sink_config = {
    .dead_after_ms = 5000, .crash_limit = 2, .output_bytes = 300000, .backlog_bytes = 1 << 20, .wants = WANT_TAG};
static const washer_config_t washer_config = {.shape = {BLOCK_DELIMITED, '\n', 1, 1}, .retries = 2};
static const dryer_config_t dryer_config = {.slots = 2, .prefetch = 3, .grain = 1, .unsure = 2};

typedef struct {
    pipe_t pipe;
    pipe_dryer_t dryers[DRYERS];
    unsigned jobs;
    bool refused; // a put or an EOF was
} story_t;

static bool failed (const story_t *self)
{
    bool any = self->refused || washer_failed (self->pipe.washer) || sink_failed (self->pipe.sink);
    for (int i = 0; i < DRYERS; i++)
        any = any || dryer_failed (self->dryers[i].core);
    return any;
}

static bool begun (const story_t *self)
{
    bool all = self->pipe.washer && self->pipe.sink;
    for (int i = 0; i < DRYERS; i++)
        all = all && self->dryers[i].core;
    return all;
}

static void put (story_t *self, unsigned tasks)
{
    char text[2 * TASKS];
    for (unsigned i = 0; i < tasks; i++)
        memcpy (text + 2 * i, "x\n", 2);
    block_t *block = block_new (2 * tasks);
    if (!block) {
        self->refused = true;
        return;
    }
    memcpy (block_data (block), text, 2 * tasks);
    slice_t slice = slice_of (block, 0, 2 * tasks);
    block_unref (block);
    if (washer_put (self->pipe.washer, &slice, tasks) == -1) {
        self->refused = true;
        slice_drop (&slice);
    }
}

//  Every third job fails, every fifth has an output of some size, every seventh streams a little.
static void finish (story_t *self, pipe_dryer_t *dryer, job_t *job)
{
    result_t result = {.ticket = job->ticket, .n = job->n, .count = job->count, .tag = "tag", .tag_size = 3};
    unsigned which = self->jobs++;
    result.status = which % 3 == 2 ? 1 : 0;
    result.start_us = which % 2;
    if (which % 5 == 4) {
        result.out_bytes = which % 2 ? 100000 : 1000;
        result.cookie = self;
    }
    if (which % 7 == 6)
        dryer_stream (dryer->core, job->ticket, 1, "tag", 3, "stream", 6);
    dryer_done (dryer->core, &result, self->pipe.now_ms);
    slice_drop (&job->bytes);
}

static void work (story_t *self)
{
    job_t job;
    for (int i = 0; i < DRYERS; i++)
        if (dryer_take (self->dryers[i].core, 1, &job))
            finish (self, &self->dryers[i], &job);
}

//  An observer says HELLO.
static void look_on (pipe_t *pipe)
{
    static const uint8_t hello[] = {ROLE_OBSERVER, 1, 0, 'o', 0, 0};
    message_t message = {.header = {.type = MSG_HELLO, .run = PIPE_RUN, .from = 4000, .to = PIPE_SINK},
                         .records = hello,
                         .records_size = sizeof hello};
    sink_heard (pipe->sink, &message, pipe->now_ms);
}

//  What else happens in a run, each at its turn.
static void happen (story_t *self, int turn)
{
    pipe_t *pipe = &self->pipe;
    if (turn == 0)
        pipe_advert (pipe);
    if (turn == 8)
        look_on (pipe);
    if (turn == 10)
        put (self, TASKS / 2);
    if (turn == 12)
        put (self, TASKS / 2);
    if (turn == 13)
        self->refused = washer_put_dropped (pipe->washer, &(slice_t){0}, 2) == -1 || self->refused;
    if (turn == 14)
        washer_lane_lost (pipe->washer, PIPE_DRYER + 1, 1, pipe->now_ms);
    if (turn == 16)
        sink_died (pipe->sink, PIPE_DRYER + 1, pipe->now_ms);
    if (turn == 20)
        washer_eof (pipe->washer);
    if (turn == 22)
        dryer_slots (self->dryers[0].core, 3, pipe->now_ms);
}

static bool run_pipe (void *arg)
{
    story_t *self = arg;
    *self = (story_t){0};
    pipe_begin (&self->pipe, self->dryers, DRYERS, &sink_config, &washer_config, &dryer_config);
    bool good = begun (self);
    for (int turn = 0; good && turn < TURNS && sink_state (self->pipe.sink) < SINK_ENDED; turn++) {
        happen (self, turn);
        pipe_turn (&self->pipe);
        if (turn % 3 == 0)
            work (self);
        self->pipe.now_ms += 5;
        good = !failed (self);
    }
    if (good) { // then it has done all
        assert_int_equal (sink_ending (self->pipe.sink)->end, END_JOINED);
        assert_int_equal (self->pipe.completed, TASKS + 2);
    }
    pipe_end (&self->pipe);
    return good;
}

static void test_a_pipeline_says_that_memory_ended (void **state)
{
    story_t *story = calloc (1, sizeof *story);
    long rounds = play_all (run_pipe, story);
    assert_true (rounds > 300);
    free (story);
}

int main (void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test (test_a_pipeline_says_that_memory_ended)};
    return cmocka_run_group_tests (tests, NULL, NULL);
}
