#include "core/ledger.h"
#include "core/array.h"

#include <errno.h>

//  The first entry that ends behind n
static size_t find (const ledger_t *self, uint64_t n)
{
    size_t low = 0, high = self->size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const entry_t *entry = &self->entries[self->head + middle];
        if (entry->n + entry->count <= n)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int insert (ledger_t *self, size_t at, const entry_t *entry)
{
    if (queue_reserve (&self->entries, &self->head, self->size, &self->capacity, sizeof *self->entries) == -1) {
        errno = ENOMEM;
        return -1;
    }
    entry_t *place = self->entries + self->head + at;
    memmove (place + 1, place, (self->size - at) * sizeof *place);
    *place = *entry;
    self->size++;
    return 0;
}

//  Closes the hole from the nearer end: tasks are counted nearly in order.
static void erase (ledger_t *self, size_t at)
{
    entry_t *first = self->entries + self->head;
    if (at < self->size / 2) {
        memmove (first + 1, first, at * sizeof *first);
        self->head++;
    } else {
        memmove (first + at, first + at + 1, (self->size - at - 1) * sizeof *first);
    }
    if (!--self->size)
        self->head = 0;
}

static void shelve (shelf_t *shelf, delivery_t *delivery)
{
    delivery->before = shelf->tail;
    if (shelf->tail)
        shelf->tail->behind = delivery;
    else
        shelf->first = delivery;
    shelf->tail = delivery;
}

static void unshelve (shelf_t *shelf, delivery_t *delivery)
{
    if (delivery->before)
        delivery->before->behind = delivery->behind;
    else
        shelf->first = delivery->behind;
    if (delivery->behind)
        delivery->behind->before = delivery->before;
    else
        shelf->tail = delivery->before;
    slice_drop (&delivery->bytes);
    free (delivery);
}

delivery_t *ledger_send (ledger_t *self, shelf_t *shelf, uint64_t dryer, uint64_t seq, uint64_t n, uint64_t count)
{
    delivery_t *delivery = malloc (sizeof *delivery);
    entry_t entry = {.n = n, .count = count, .delivery = delivery, .shelf = shelf};
    if (!delivery || insert (self, find (self, n), &entry) == -1) {
        free (delivery);
        errno = ENOMEM;
        return NULL;
    }
    *delivery = (delivery_t){.dryer = dryer, .seq = seq, .n = n, .count = count, .left = count};
    shelve (shelf, delivery);
    shelf->out += count;
    self->out += count;
    return delivery;
}

run_t ledger_find (const ledger_t *self, uint64_t n, uint64_t count, delivery_t **delivery)
{
    size_t at = find (self, n);
    *delivery = NULL;
    const entry_t *entry = at < self->size ? &self->entries[self->head + at] : NULL;
    if (!count || !entry || entry->n >= n + count)
        return (run_t){0};
    uint64_t from = entry->n > n ? entry->n : n;
    uint64_t to = entry->n + entry->count < n + count ? entry->n + entry->count : n + count;
    *delivery = entry->delivery;
    return (run_t){from, to - from};
}

//  Takes [n, n + count) out of the entry that holds it: cuts an end off, splits it, or takes it away.
static int cut (ledger_t *self, size_t at, uint64_t n, uint64_t count)
{
    entry_t *entry = self->entries + self->head + at;
    uint64_t end = n + count, entry_end = entry->n + entry->count;
    if (n > entry->n && end < entry_end) {
        entry_t rest = {.n = end, .count = entry_end - end, .delivery = entry->delivery, .shelf = entry->shelf};
        if (insert (self, at + 1, &rest) == -1)
            return -1;
        entry = self->entries + self->head + at; // the insertion may have moved it
        entry->count = n - entry->n;
    } else if (n > entry->n) {
        entry->count = n - entry->n;
    } else if (end < entry_end) {
        entry->n = end;
        entry->count = entry_end - end;
    } else {
        erase (self, at);
    }
    return 0;
}

int ledger_clear (ledger_t *self, uint64_t n, uint64_t count)
{
    size_t at = find (self, n);
    const entry_t *entry = self->entries + self->head + at;
    delivery_t *delivery = entry->delivery;
    shelf_t *shelf = entry->shelf;
    if (cut (self, at, n, count) == -1)
        return -1;
    delivery->left -= count;
    shelf->out -= count;
    self->out -= count;
    if (!delivery->left)
        unshelve (shelf, delivery);
    return 0;
}

delivery_t *shelf_find (const shelf_t *self, uint64_t seq)
{
    delivery_t *delivery = self->tail; // what is asked for was sent lately, as a rule
    while (delivery && delivery->seq > seq)
        delivery = delivery->before;
    return delivery && delivery->seq == seq ? delivery : NULL;
}

void ledger_free (ledger_t *self)
{
    while (self->size) {
        const entry_t *first = self->entries + self->head;
        ledger_clear (self, first->n, first->count);
    }
    free (self->entries);
    *self = (ledger_t){0};
}
