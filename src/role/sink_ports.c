/*  What the sink's core asks for: results, the journal, and who looks on. What waits for a disk lets the pulse beat. */
#include "role/sink_role_i.h"

static void on_piece (void *arg, uint64_t dryer, uint64_t n, int stream, bool streamed, const void *tag,
                      size_t tag_size, const slice_t *bytes)
{
    sink_role_t *self = arg;
    pulse_rest (self->pulse);
    results_piece (&self->results, dryer, n, stream, tag, tag_size, bytes);
    pulse_resume (self->pulse);
    if (self->witness)
        self->witness->piece (self->witness->arg, dryer, n, stream, bytes);
}

static void on_drop (void *arg, uint64_t dryer, uint64_t n)
{
    sink_role_t *self = arg;
    pulse_rest (self->pulse);
    results_drop (&self->results, dryer, n);
    pulse_resume (self->pulse);
    if (self->witness)
        self->witness->drop (self->witness->arg, dryer, n);
}

static void on_completed (void *arg, const completion_t *completion)
{
    sink_role_t *self = arg;
    pulse_rest (self->pulse);
    results_completed (&self->results, completion);
    archive_completed (&self->archive, completion);
    pulse_resume (self->pulse);
    if (self->witness)
        self->witness->completed (self->witness->arg, completion);
}

static void on_known (void *arg, const ranges_t *counted, uint64_t failed)
{
    sink_role_t *self = arg;
    archive_known (&self->archive, counted, failed);
}

static void on_washer (void *arg, const char *name, uint64_t life, uint64_t input_hash)
{
    sink_role_t *self = arg;
    archive_washer (&self->archive, name, life, input_hash);
}

static void on_dryer (void *arg, uint64_t life, const char *name, const char *host)
{
    sink_role_t *self = arg;
    archive_dryer (&self->archive, life, name, host);
}

static int on_input (void *arg, uint64_t bytes, uint64_t hash)
{
    sink_role_t *self = arg;
    return archive_input (&self->archive, bytes, hash);
}

static void on_before (void *arg, before_t before)
{
    sink_role_t *self = arg;
    archive_before (&self->archive, before);
}

static void on_eof (void *arg, bool known, uint64_t total, uint64_t washer)
{
    sink_role_t *self = arg;
    archive_eof (&self->archive, known, total, washer);
}

static void on_ended (void *arg, const ending_t *ending)
{
    sink_role_t *self = arg;
    archive_ended (&self->archive, ending);
}

static int on_commit (void *arg)
{
    sink_role_t *self = arg;
    pulse_rest (self->pulse);
    sink_status_t status = sink_status (self->core);
    int rc = archive_commit (&self->archive, &self->results, &status.figures);
    pulse_resume (self->pulse);
    if (rc == 0)
        return 0;
    if (*archive_error (&self->archive))
        sink_role_say_error (self, archive_error (&self->archive));
    else if (results_error (&self->results))
        sink_explain (self->core, "%s", results_error_text (&self->results)); // to be said when the turn looks at them
    return -1;
}

static void on_trace (void *arg, const char *from, const char *event, const char *to)
{
    sink_role_t *self = arg;
    talk_trace (&self->config->talk, "sink", from, event, to);
}

static void on_log (void *arg, const char *line)
{
    sink_role_t *self = arg;
    talk_say (&self->config->talk, TALK_NOTICE, "%s", line);
}

sink_ports_t sink_role_ports (sink_role_t *self)
{
    return (sink_ports_t){.arg = self,
                          .piece = on_piece,
                          .drop = on_drop,
                          .completed = on_completed,
                          .before = on_before,
                          .eof = on_eof,
                          .ended = on_ended,
                          .commit = on_commit,
                          .trace = self->config->talk.is_tracing ? on_trace : NULL,
                          .log = on_log,
                          .known = on_known,
                          .washer = on_washer,
                          .dryer = on_dryer,
                          .input = self->config->journal ? on_input : NULL};
}
