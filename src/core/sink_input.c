/*  Whether a washer that comes back puts the input that the run began with. */
#include "core/sink_i.h"

static void another_input (sink_t *self, const char *how, uint64_t bytes, int64_t now_ms)
{
    sink_explain (self, "the input is not that of the run that goes on: it %s %llu bytes", how,
                  (unsigned long long)bytes);
    count_commit (self, now_ms);
    count_end (self, END_LOST, 125, now_ms);
}

static bool is_same (sink_t *self, print_t print)
{
    if (!self->ports.input)
        return prints_add (&self->prints, print) == 0;
    self->uncommitted = true; // what is acked is not told again
    return self->ports.input (self->ports.arg, print.bytes, print.hash) == 0;
}

void input_heard (sink_t *self, peer_t *washer, reader_t *in, const message_t *message)
{
    for (uint32_t i = 0; i < message->header.count; i++) {
        print_t print = {.bytes = get_u64 (in)};
        print.hash = get_u64 (in);
        in->bad |= !print.bytes;
        if (in->bad)
            return;
        if (!is_same (self, print)) {
            another_input (self, "differs within its first", print.bytes, washer->heard_ms);
            return;
        }
        if (print.bytes > self->input_told)
            self->input_told = print.bytes;
        if (print.bytes > self->input_bytes)
            self->input_bytes = print.bytes;
    }
}

bool input_ends_early (sink_t *self, const peer_t *washer)
{
    bool early = self->input_told && self->input_told < self->input_bytes;
    if (early)
        another_input (self, "ends after its first", self->input_told, washer->heard_ms);
    return early;
}
