#include "core/link.h"
#include "core/array.h"

//  How many records may come in before the sender is told at once: beats tell it else.
enum { TELL_AFTER = 64 };

static void letter_drop (letter_t *self)
{
    slice_drop (&self->records);
    slice_drop (&self->body);
}

uint64_t link_sent (const link_t *self)
{
    return self->acked + self->size;
}

void link_push (link_t *self, uint8_t type, uint32_t count, slice_t *records, slice_t *body)
{
    letter_t letter = {.type = type, .count = count};
    if (records)
        letter.records = *records, *records = (slice_t){0};
    if (body)
        letter.body = *body, *body = (slice_t){0};
    if (queue_reserve (&self->letters, &self->head, self->size, &self->capacity, sizeof *self->letters) == -1) {
        letter_drop (&letter);
        self->failed = true;
        return;
    }
    self->letters[self->head + self->size++] = letter;
}

bool link_next (link_t *self, packet_t *out)
{
    if (self->next <= self->acked)
        self->next = self->acked + 1;
    if (self->next > link_sent (self))
        return false;
    const letter_t *letter = &self->letters[self->head + (size_t)(self->next - self->acked - 1)];
    out->header.type = letter->type;
    out->header.count = letter->count;
    out->header.seq = self->next++;
    if (out->header.seq > self->high)
        self->high = out->header.seq;
    out->records = slice_copy (&letter->records);
    out->body = slice_copy (&letter->body);
    return true;
}

void link_stamp (link_t *self, header_t *header)
{
    header->got = self->got;
    header->ack = self->ack;
    header->sent = self->high;
    if (self->gap) {
        header->flags |= FLAG_GAP;
        self->gap = false;
        self->gap_told = self->got + 1;
    }
    self->untold = 0;
}

static void forget (link_t *self, uint64_t ack)
{
    for (; self->acked < ack; self->acked++, self->head++, self->size--)
        letter_drop (&self->letters[self->head]);
    if (!self->size)
        self->head = 0;
    if (self->next <= self->acked)
        self->next = self->acked + 1;
}

void link_heard (link_t *self, const header_t *header)
{
    // no peer has got what was never sent
    if (header->got <= self->high && header->ack <= header->got && header->ack > self->acked)
        forget (self, header->ack);
    if (header->flags & FLAG_GAP && header->got < self->high && header->got >= self->acked)
        self->next = header->got + 1;
    if (header->sent > self->got && !header->seq)
        self->gap = true; // in order, all of it would be here: it was lost
}

bool link_accept (link_t *self, uint64_t seq, uint32_t records)
{
    if (seq == self->got + 1) {
        self->got++;
        self->gap = false;
        self->untold += records ? records : 1;
        return true;
    }
    if (seq <= self->got)
        self->untold++; // the sender does not know that we have it
    else if (self->gap_told != self->got + 1)
        self->gap = true; // once a gap; a beat proves it again
    return false;
}

void link_ack_all (link_t *self)
{
    self->ack = self->got;
}

bool link_must_tell (const link_t *self)
{
    return self->gap || self->untold >= TELL_AFTER;
}

void link_transient (link_t *self)
{
    if (self->size)
        self->letters[self->head + self->size - 1].transient = true;
}

const letter_t *link_letter (const link_t *self, size_t i)
{
    return i < self->size ? &self->letters[self->head + i] : NULL;
}

void link_restart (link_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->size; i++) {
        letter_t letter = self->letters[self->head + i];
        if (letter.transient)
            letter_drop (&letter);
        else
            self->letters[self->head + kept++] = letter;
    }
    self->size = kept;
    self->acked = 0;
    self->next = 1;
    self->high = self->got = self->ack = self->gap_told = 0;
    self->gap = false;
    self->untold = 0;
}

bool link_idle (const link_t *self)
{
    return self->size == 0;
}

void link_free (link_t *self)
{
    forget (self, link_sent (self));
    free (self->letters);
    *self = (link_t){0};
}
