#include "core/roster.h"
#include "core/array.h"

#include <errno.h>

static size_t find (const roster_t *self, uint64_t life)
{
    size_t low = 0, high = self->size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->peers[middle]->life < life)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

peer_t *roster_find (const roster_t *self, uint64_t life)
{
    size_t at = find (self, life);
    return at < self->size && self->peers[at]->life == life ? self->peers[at] : NULL;
}

peer_t *roster_add (roster_t *self, uint64_t life)
{
    size_t at = find (self, life);
    peer_t *peer = calloc (1, sizeof *peer);
    if (!peer || array_reserve (&self->peers, &self->capacity, self->size + 1, sizeof *self->peers) == -1) {
        free (peer);
        errno = ENOMEM;
        return NULL;
    }
    *peer = (peer_t){.life = life, .gone_ms = -1};
    memmove (self->peers + at + 1, self->peers + at, (self->size - at) * sizeof *self->peers);
    self->peers[at] = peer;
    self->size++;
    return peer;
}

static void peer_free (peer_t *self)
{
    link_free (&self->link);
    slice_drop (&self->inventory);
    ranges_free (&self->begun);
    for (size_t i = 0; i < self->relays_size; i++)
        slice_drop (&self->relays[i].records);
    free (self->relays);
    free (self);
}

void roster_remove (roster_t *self, peer_t *peer)
{
    size_t at = find (self, peer->life);
    memmove (self->peers + at, self->peers + at + 1, (self->size - at - 1) * sizeof *self->peers);
    self->size--;
    peer_free (peer);
}

void roster_free (roster_t *self)
{
    for (size_t i = 0; i < self->size; i++)
        peer_free (self->peers[i]);
    free (self->peers);
    *self = (roster_t){0};
}

bool patience_has (patience_t *self, unsigned most, int64_t now_ms)
{
    enum { WHILE_MS = 100 };
    if (now_ms >= self->since_ms + WHILE_MS)
        *self = (patience_t){.since_ms = now_ms};
    return self->answers++ < most;
}

int peer_keep (peer_t *self, uint8_t type, uint32_t count, slice_t *records)
{
    enum { KEPT_MOST = 1 << 20, KEPT_BYTES = 64 << 20 };
    if (self->relays_size >= KEPT_MOST || self->relays_bytes + records->size > KEPT_BYTES) {
        slice_drop (records);
        errno = E2BIG;
        return -1;
    }
    if (array_reserve (&self->relays, &self->relays_capacity, self->relays_size + 1, sizeof *self->relays) == -1) {
        slice_drop (records);
        errno = ENOMEM;
        return -1;
    }
    self->relays_bytes += records->size;
    self->relays[self->relays_size++] = (relay_t){.type = type, .count = count, .records = *records};
    *records = (slice_t){0};
    return 0;
}

//  Its inventory, from the first holding on; `count` gets how many there are.
static reader_t holdings (const peer_t *self, uint32_t *count)
{
    message_t message = {.records = self->inventory.data, .records_size = self->inventory.size};
    reader_t in = reader_of (&message);
    get_u64 (&in); // the washer of its lane
    get_u64 (&in); // what it got there
    *count = self->inventory.size ? get_u32 (&in) : 0;
    return in;
}

bool inventory_fits (reader_t in)
{
    get_u64 (&in); // the washer of its lane
    get_u64 (&in); // what it got there
    for (uint32_t count = get_u32 (&in); count && !in.bad; count--) {
        get_u64 (&in);
        get_u64 (&in); // lane sequence
        get_run (&in);
    }
    return !in.bad && in.at == in.end;
}

bool peer_holds_for_others (const peer_t *self, uint64_t washer)
{
    uint32_t count;
    reader_t in = holdings (self, &count);
    while (count--) {
        uint64_t life = get_u64 (&in);
        get_u64 (&in); // lane sequence
        get_run (&in);
        if (in.bad)
            return false;
        if (life != washer)
            return true;
    }
    return false;
}

int peer_held (const peer_t *self, ranges_t *out)
{
    uint32_t count;
    reader_t in = holdings (self, &count);
    while (count--) {
        get_u64 (&in);
        get_u64 (&in);
        run_t run = get_run (&in);
        if (in.bad)
            return 0;
        if (ranges_add (out, run.n, run.count) == -1)
            return -1;
    }
    return 0;
}
