#include "api/feed.h"
#include "core/array.h"
#include "core/scan.h"

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
    shape_t shape;      // as they lie there

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

//  What is put: one task, or those of a block.
typedef struct {
    const void *data;
    size_t size;
    uint8_t delimiter; // of a block
    uint64_t tasks;
} parcel_t;

static const shape_t alone = {.format = BLOCK_PREFIXED, .columns = 1, .items = 1};

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
                     .items = self->tasks,
                     .shape = self->shape};
    self->start = self->used;
    self->tasks = 0;
    return batch;
}

//  Room among the full ones for so many more, and for what the open one holds.
static int reserve_full (feed_t *self, size_t more)
{
    if (self->head) // there are few
        memmove (self->full, self->full + self->head, self->size * sizeof *self->full);
    self->head = 0;
    return array_reserve (&self->full, &self->capacity, self->size + more + 1, sizeof *self->full);
}

static int close_open (feed_t *self)
{
    if (!self->tasks)
        return 0;
    if (reserve_full (self, 0) == -1)
        return -1;
    self->full[self->head + self->size++] = take_open (self);
    return 0;
}

//  For `need` bytes of tasks of this shape.
static int make_room (feed_t *self, size_t need, const shape_t *shape)
{
    bool fits = self->block && block_capacity (self->block) - self->used >= need;
    block_t *block = fits ? self->block : block_new (need > FEED_BLOCK_BYTES ? need : FEED_BLOCK_BYTES);
    if (!block)
        return -1;
    if ((!fits || !shape_equal (&self->shape, shape)) && close_open (self) == -1) {
        if (!fits)
            block_unref (block);
        return -1;
    }
    self->shape = *shape;
    if (fits)
        return 0;
    block_unref (self->block);
    self->block = block;
    self->start = self->used = 0;
    return 0;
}

static void note_put (feed_t *self, size_t bytes, uint64_t tasks)
{
    self->used += bytes;
    self->held_bytes += bytes;
    self->tasks += tasks;
    self->put += tasks;
}

static uint8_t *put_u32_at (uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        *at++ = (uint8_t)(value >> (8 * i));
    return at;
}

static int append (feed_t *self, const parcel_t *what)
{
    size_t size = what->size;
    if (make_room (self, size + PREFIX_BYTES, &alone) == -1)
        return -1;
    uint8_t *at = block_data (self->block) + self->used;
    at = put_u32_at (at, 1);
    at = put_u32_at (at, (uint32_t)size);
    if (size)
        memcpy (at, what->data, size);
    note_put (self, size + PREFIX_BYTES, 1);
    return 0;
}

//  Where a slice of the open block ends, if it is to be about as large as a block: behind a task.
static size_t slice_end (const feed_t *self, size_t end)
{
    const uint8_t *data = block_data (self->block) + self->start;
    size_t size = end - self->start;
    if (size <= FEED_BLOCK_BYTES)
        return end;
    const uint8_t *last = memrchr (data, self->shape.delimiter, FEED_BLOCK_BYTES);
    if (!last)
        last = memchr (data + FEED_BLOCK_BYTES, self->shape.delimiter, size - FEED_BLOCK_BYTES);
    return self->start + (size_t)(last - data) + 1;
}

static int append_block (feed_t *self, const parcel_t *what)
{
    shape_t shape = {.format = BLOCK_DELIMITED, .delimiter = what->delimiter, .columns = 1, .items = 1};
    const uint8_t *data = what->data;
    bool is_torn = data[what->size - 1] != what->delimiter;
    size_t bytes = what->size + is_torn;
    if (make_room (self, bytes, &shape) == -1 || reserve_full (self, bytes / (FEED_BLOCK_BYTES / 2) + 2) == -1)
        return -1;
    uint8_t *at = block_data (self->block) + self->used;
    memcpy (at, data, what->size);
    if (is_torn)
        at[what->size] = what->delimiter;
    if (self->used - self->start + bytes <= FEED_BLOCK_BYTES) {
        note_put (self, bytes, what->tasks);
        return 0;
    }
    for (size_t end = self->used + bytes; self->used < end;) {
        size_t stop = slice_end (self, end);
        note_put (self, stop - self->used,
                  scan_count (block_data (self->block) + self->used, stop - self->used, what->delimiter));
        self->full[self->head + self->size++] = take_open (self);
    }
    return 0;
}

//  What is more than all that may be there goes alone.
static bool is_full (const feed_t *self, const parcel_t *what)
{
    uint64_t there = self->put - self->counted;
    if (self->queue_tasks && there && there + what->tasks > self->queue_tasks)
        return true;
    return self->held_bytes && self->held_bytes + what->size > FEED_HELD_BYTES;
}

//  0, or why nothing can be put.
static int refusal (const feed_t *self)
{
    if (self->is_over && self->error)
        return self->error;
    return self->is_ended || self->is_over ? EPIPE : 0;
}

static int put (feed_t *self, const parcel_t *what, int64_t deadline_ns,
                int (*add) (feed_t *self, const parcel_t *what))
{
    int error;
    bool in_time = true;
    while (!(error = refusal (self)) && is_full (self, what) && in_time)
        in_time = latch_wait (&self->latch, deadline_ns);
    if (!error && is_full (self, what))
        error = ETIMEDOUT;
    if (!error && add (self, what) == -1)
        error = ENOMEM;
    if (!error)
        ring (self);
    return error;
}

int feed_put (feed_t *self, const void *data, size_t size, int timeout_ms)
{
    parcel_t what = {.data = data, .size = size, .tasks = 1};
    int64_t deadline_ns = latch_deadline_ns (timeout_ms);
    latch_lock (&self->latch);
    int error = put (self, &what, deadline_ns, append);
    latch_unlock (&self->latch);
    errno = error ? error : errno;
    return error ? -1 : 0;
}

int64_t feed_put_block (feed_t *self, const void *data, size_t size, uint8_t delimiter, int timeout_ms)
{
    if (!size)
        return 0;
    parcel_t what = {.data = data, .size = size, .delimiter = delimiter};
    what.tasks = scan_count (data, size, delimiter) + (((const uint8_t *)data)[size - 1] != delimiter);
    int64_t deadline_ns = latch_deadline_ns (timeout_ms);
    latch_lock (&self->latch);
    int error = put (self, &what, deadline_ns, append_block);
    latch_unlock (&self->latch);
    errno = error ? error : errno;
    return error ? -1 : (int64_t)what.tasks;
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
    return (supply_t){
        .arg = self, .shape = alone, .read = read_feed, .eof = eof_of_feed, .fd = fd_of_feed, .error = error_of_feed};
}
