#include "role/lookout.h"
#include "store/joblog_read.h"

#include <string.h>

//  True where there is something to compare: the number of the slot, where the command has it, is another each time.
static bool hash_of (lookout_t *self, const template_task_t *task, uint64_t *hash)
{
    uint64_t hashes[2];
    for (uint32_t slot = 1; slot <= 2; slot++) {
        template_task_t there = *task;
        size_t size;
        there.slot = slot;
        const char *text = template_command (self->command, self->rendering, &there, &size);
        if (!text)
            return false;
        hashes[slot - 1] = samples_hash (text, size);
    }
    *hash = hashes[0];
    return hashes[0] == hashes[1];
}

static bool is_another (lookout_t *self, const batch_t *batch, const sample_t *sample)
{
    const shape_t *shape = batch->shape.items ? &batch->shape : &self->under.shape;
    size_t skipped = shape_skip (shape, batch->bytes.data, batch->bytes.size, sample->n - self->next);
    if (skipped == SIZE_MAX)
        return false;
    const uint8_t *data = batch->bytes.data + skipped;
    size_t left = batch->bytes.size - skipped, size = shape_skip (shape, data, left, 1);
    template_task_t task = {.n = sample->n, .shape = shape, .data = data, .size = size == SIZE_MAX ? left : size};
    uint64_t hash;
    return hash_of (self, &task, &hash) && hash != sample->hash;
}

static void look_at (lookout_t *self, const batch_t *batch)
{
    uint64_t end = self->next + batch->tasks;
    for (; self->at < self->samples.size && self->samples.samples[self->at].n < end; self->at++) {
        const sample_t *sample = &self->samples.samples[self->at];
        if (!is_another (self, batch, sample))
            continue;
        talk_say (&self->talk, TALK_NOTICE,
                  "task %llu is not the one that the job log %s tells of: items or command have changed since",
                  (unsigned long long)sample->n, self->joblog);
        self->at = self->samples.size; // once
        break;
    }
    self->next = end;
}

static int read_supply (void *arg, batch_t *out)
{
    lookout_t *self = arg;
    int rc = self->under.read (self->under.arg, out);
    if (rc == 1)
        look_at (self, out);
    return rc;
}

static bool eof_of_supply (const void *arg)
{
    const lookout_t *self = arg;
    return self->under.eof (self->under.arg);
}

static int fd_of_supply (const void *arg)
{
    const lookout_t *self = arg;
    return self->under.fd (self->under.arg);
}

static const char *error_of_supply (const void *arg)
{
    const lookout_t *self = arg;
    return self->under.error (self->under.arg);
}

supply_t lookout_open (lookout_t *self, input_t *input, const template_t *command, const char *joblog, talk_t talk)
{
    char error[512];
    joblog_jobs_t jobs;
    *self =
        (lookout_t){.under = supply_of_input (input), .command = command, .joblog = joblog, .talk = talk, .next = 1};
    if (joblog_read (joblog, &jobs, error, sizeof error) == 0) {
        self->rendering = rendering_new ();
        if (self->rendering)
            self->samples = jobs.samples;
        joblog_jobs_free (&jobs);
    }
    samples_sort (&self->samples);
    supply_t supply = self->under;
    supply.arg = self;
    supply.read = read_supply;
    supply.eof = eof_of_supply;
    supply.fd = fd_of_supply;
    supply.error = error_of_supply;
    return supply;
}

void lookout_close (lookout_t *self)
{
    rendering_destroy (&self->rendering);
    *self = (lookout_t){0};
}
