#include "api/feed.h"
#include "core/array.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PREFIX_BYTES = 8 }; // how many values, and how long the one is

struct feed {
    latch_t latch;
    int bell; // eventfd: there is something to read, and the role waits for it
    uint64_t queue_tasks;

    //  full blocks, first in, first out
    batch_t *full;
    size_t head, size, capacity;
    size_t held_bytes; // not yet read

    //  the block that is being filled
    block_t *block;
    size_t start, used; // what of it was not read: [start, used)
    uint64_t tasks;     // in there

    uint64_t put, counted, counted_to;
    bool is_idle; // the role waits for the bell
    bool is_ended;
    bool is_over;
    int error; // of the end
};

feed_t *feed_new (uint64_t queue_tasks)
{
    feed_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->queue_tasks = queue_tasks;
    self->bell = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->bell != -1 && latch_init (&self->latch) == 0)
        return self;
    int kept = errno;
    if (self->bell != -1)
        close (self->bell);
    free (self);
    errno = kept;
    return NULL;
}

void feed_destroy (feed_t **self_p)
{
    feed_t *self = *self_p;
    if (!self)
        return;
    while (self->size--)
        slice_drop (&self->full[self->head++].bytes);
    free (self->full);
    block_unref (self->block);
    latch_free (&self->latch);
    close (self->bell);
    free (self);
    *self_p = NULL;
}

//  ---- putting

static void ring (feed_t *self)
{
    if (self->is_idle)
        eventfd_write (self->bell, 1);
    self->is_idle = false;
}

//  What the open block holds, as a batch of its own; the block is filled on behind it.
static batch_t take_open (feed_t *self)
{
    batch_t batch = {.bytes = slice_of (self->block, self->start, self->used - self->start),
                     .tasks = self->tasks,
                     .items = self->tasks};
    self->start = self->used;
    self->tasks = 0;
    return batch;
}

static int close_block (feed_t *self)
{
    if (self->tasks) {
        if (queue_reserve (&self->full, &self->head, self->size, &self->capacity, sizeof *self->full) == -1)
            return -1;
        self->full[self->head + self->size++] = take_open (self);
    }
    block_unref (self->block);
    self->block = NULL;
    return 0;
}

static int make_room (feed_t *self, size_t need)
{
    if (self->block && block_capacity (self->block) - self->used >= need)
        return 0;
    block_t *block = block_new (need > FEED_BLOCK_BYTES ? need : FEED_BLOCK_BYTES);
    if (!block)
        return -1;
    if (self->block && close_block (self) == -1) {
        block_unref (block);
        return -1;
    }
    self->block = block;
    self->start = self->used = 0;
    return 0;
}

static uint8_t *put_u32_at (uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        *at++ = (uint8_t)(value >> (8 * i));
    return at;
}

static int append (feed_t *self, const void *data, size_t size)
{
    if (make_room (self, size + PREFIX_BYTES) == -1)
        return -1;
    uint8_t *at = block_data (self->block) + self->used;
    at = put_u32_at (at, 1);
    at = put_u32_at (at, (uint32_t)size);
    if (size)
        memcpy (at, data, size);
    self->used += size + PREFIX_BYTES;
    self->held_bytes += size + PREFIX_BYTES;
    self->tasks++;
    self->put++;
    return 0;
}

//  What is larger than all that may be held goes alone.
static bool is_full (const feed_t *self, size_t size)
{
    if (self->queue_tasks && self->put - self->counted >= self->queue_tasks)
        return true;
    return self->held_bytes && self->held_bytes + size > FEED_HELD_BYTES;
}

//  0, or why nothing can be put.
static int refusal (const feed_t *self)
{
    if (self->is_over && self->error)
        return self->error;
    return self->is_ended || self->is_over ? EPIPE : 0;
}

static int put (feed_t *self, const void *data, size_t size, int64_t deadline_ns)
{
    int error;
    bool in_time = true;
    while (!(error = refusal (self)) && is_full (self, size) && in_time)
        in_time = latch_wait (&self->latch, deadline_ns);
    if (!error && is_full (self, size))
        error = ETIMEDOUT;
    if (!error && append (self, data, size) == -1)
        error = ENOMEM;
    if (!error)
        ring (self);
    return error;
}

int feed_put (feed_t *self, const void *data, size_t size, int timeout_ms)
{
    int64_t deadline_ns = latch_deadline_ns (timeout_ms);
    latch_lock (&self->latch);
    int error = put (self, data, size, deadline_ns);
    latch_unlock (&self->latch);
    errno = error ? error : errno;
    return error ? -1 : 0;
}

void feed_end (feed_t *self)
{
    latch_lock (&self->latch);
    self->is_ended = true;
    ring (self);
    latch_wake_all (&self->latch);
    latch_unlock (&self->latch);
}

//  ---- joining

//  0: all up to this number is counted; -1: not yet; else the errno of the end. After feed_end it is for the end.
static int verdict (const feed_t *self, uint64_t number)
{
    if (self->counted_to >= number && !self->is_ended)
        return 0;
    return self->is_over ? self->error : -1;
}

int feed_join (feed_t *self, int timeout_ms)
{
    int64_t deadline_ns = latch_deadline_ns (timeout_ms);
    bool in_time = true;
    int error;
    latch_lock (&self->latch);
    uint64_t number = self->put;
    while ((error = verdict (self, number)) == -1 && in_time)
        in_time = latch_wait (&self->latch, deadline_ns);
    latch_unlock (&self->latch);
    if (error)
        errno = error == -1 ? ETIMEDOUT : error;
    return error ? -1 : 0;
}

uint64_t feed_tasks (feed_t *self)
{
    latch_lock (&self->latch);
    uint64_t put = self->put;
    latch_unlock (&self->latch);
    return put;
}

void feed_counted (feed_t *self, uint64_t counted, uint64_t counted_to)
{
    latch_lock (&self->latch);
    if (counted != self->counted || counted_to != self->counted_to)
        latch_wake_all (&self->latch);
    self->counted = counted;
    self->counted_to = counted_to;
    latch_unlock (&self->latch);
}

void feed_over (feed_t *self, int error)
{
    latch_lock (&self->latch);
    self->is_over = true;
    self->error = error;
    latch_wake_all (&self->latch);
    latch_unlock (&self->latch);
}

//  ---- reading

static bool take (feed_t *self, batch_t *out)
{
    if (self->size) {
        *out = self->full[self->head];
        self->head = --self->size ? self->head + 1 : 0;
        return true;
    }
    if (self->tasks)
        *out = take_open (self);
    return out->tasks;
}

static int read_feed (void *arg, batch_t *out)
{
    feed_t *self = arg;
    eventfd_t rings;
    *out = (batch_t){0};
    latch_lock (&self->latch);
    bool found = take (self, out);
    if (found) {
        self->held_bytes -= out->bytes.size;
        latch_wake_all (&self->latch);
    } else {
        eventfd_read (self->bell, &rings);
        self->is_idle = true;
    }
    latch_unlock (&self->latch);
    return found;
}

static bool eof_of_feed (const void *arg)
{
    feed_t *self = (feed_t *)(uintptr_t)arg;
    latch_lock (&self->latch);
    bool eof = self->is_ended && !self->size && !self->tasks;
    latch_unlock (&self->latch);
    return eof;
}

static int fd_of_feed (const void *arg)
{
    const feed_t *self = arg;
    return self->bell;
}

static const char *error_of_feed (const void *arg)
{
    return "";
}

supply_t feed_supply (feed_t *self)
{
    return (supply_t){.arg = self,
                      .shape = {.format = BLOCK_PREFIXED, .columns = 1, .items = 1},
                      .read = read_feed,
                      .eof = eof_of_feed,
                      .fd = fd_of_feed,
                      .error = error_of_feed};
}
