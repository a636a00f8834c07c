#include "core/status.h"

#include <string.h>

enum { FLAG_EOF = 1, FLAG_DURABLE = 2, FLAG_RESTARTED = 4, FLAG_WASHER = 8 };

const char *sink_state_name (sink_state_t state)
{
    static const char *const names[] = {"waiting", "open", "orphan", "halting", "ended", "over"};
    return (unsigned)state < sizeof names / sizeof *names ? names[state] : "?";
}

void put_status (writer_t *out, const sink_status_t *status)
{
    const uint64_t numbers[] = {status->up_ms,   status->dryers,  status->slots, status->observers,
                                status->backlog, status->refused, status->bad,   status->strangers};
    put_u8 (out, (uint8_t)status->state);
    put_u8 (out, (uint8_t)((status->eof ? FLAG_EOF : 0) | (status->durable ? FLAG_DURABLE : 0) |
                           (status->restarted ? FLAG_RESTARTED : 0) | (status->washer_alive ? FLAG_WASHER : 0)));
    put_text (out, status->washer);
    put_figures (out, &status->figures);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        put_u64 (out, numbers[i]);
}

sink_status_t get_status (reader_t *in)
{
    sink_status_t status = {0};
    uint64_t *const numbers[] = {&status.up_ms,   &status.dryers,  &status.slots, &status.observers,
                                 &status.backlog, &status.refused, &status.bad,   &status.strangers};
    uint8_t state = get_u8 (in), flags = get_u8 (in);
    in->bad |= state > SINK_OVER;
    status.state = in->bad ? SINK_WAITING : (sink_state_t)state;
    status.eof = flags & FLAG_EOF;
    status.durable = flags & FLAG_DURABLE;
    status.restarted = flags & FLAG_RESTARTED;
    status.washer_alive = flags & FLAG_WASHER;
    get_name (in, status.washer, sizeof status.washer);
    status.figures = get_figures (in);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i] = get_u64 (in);
    return status;
}

void put_dryer_row (writer_t *out, const dryer_row_t *row)
{
    put_u64 (out, row->life);
    put_text (out, row->name);
    put_text (out, row->host);
    put_u32 (out, row->slots);
    put_u32 (out, row->prefetch);
    put_u8 (out, row->leaving);
}

dryer_row_t get_dryer_row (reader_t *in)
{
    dryer_row_t row = {.life = get_u64 (in)};
    get_name (in, row.name, sizeof row.name);
    get_name (in, row.host, sizeof row.host);
    row.slots = get_u32 (in);
    row.prefetch = get_u32 (in);
    row.leaving = get_u8 (in);
    return row;
}
