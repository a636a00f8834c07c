#include "core/report.h"
#include "core/array.h"

static void letter (reports_t *self, link_t *link, uint8_t type, uint32_t count, writer_t *records, writer_t *body)
{
    slice_t head, tail = {0};
    if (writer_take (records, &head) == -1)
        self->oom = true;
    if (body && writer_take (body, &tail) == -1)
        self->oom = true;
    self->spent += tail.size;
    link_push (link, type, count, &head, &tail);
}

//  ---- DONE records

void reports_flush (reports_t *self, link_t *link)
{
    if (!self->records_count)
        return;
    letter (self, link, MSG_DONE, self->records_count, &self->records, &self->body);
    self->records_count = 0;
    self->last.at = 0;
}

//  Runs of successes without output become one record.
static bool extend (reports_t *self, const waiting_t *w)
{
    const result_t *r = &w->result;
    if (!self->last.at || self->records.failed || r->status || r->signal || r->flags || r->start_us || r->tag_size ||
        r->command_size || r->item_size || self->records_washer != w->washer || self->last.seq != w->seq ||
        self->last.attempt != w->attempt || self->last.n + self->last.count != r->n)
        return false;
    self->last.count += r->count;
    for (unsigned i = 0; i < 8; i++)
        self->records.data[self->last.at + i] = (uint8_t)(self->last.count >> (8 * i));
    return true;
}

static void put_record (reports_t *self, const waiting_t *w, uint8_t flags, uint64_t out_bytes, uint64_t err_bytes)
{
    const result_t *r = &w->result;
    writer_t *out = &self->records;
    if (!self->records_count)
        put_u64 (out, w->washer);
    flags |= r->item_size ? RESULT_HAS_ITEM : 0;
    bool plain = !r->status && !r->signal && !flags && !r->start_us && !out_bytes && !err_bytes && !r->tag_size &&
                 !r->command_size;
    put_u64 (out, r->n);
    self->last.n = r->n;
    self->last.count = r->count;
    self->last.seq = w->seq;
    self->last.attempt = w->attempt;
    self->last.at = plain ? out->size : 0;
    put_u64 (out, r->count);
    put_u64 (out, w->seq);
    put_u32 (out, w->attempt);
    put_u16 (out, r->status);
    put_u8 (out, r->signal);
    put_u8 (out, flags);
    put_u64 (out, (uint64_t)r->start_us);
    put_u64 (out, r->runtime_us);
    put_u32 (out, (uint32_t)out_bytes);
    put_u32 (out, (uint32_t)err_bytes);
    put_u32 (out, (uint32_t)r->tag_size);
    put_u32 (out, (uint32_t)r->command_size);
    if (r->item_size)
        put_u32 (out, (uint32_t)r->item_size);
    self->records_washer = w->washer;
    self->records_count++;
}

static void put_texts (reports_t *self, const result_t *r)
{
    put_bytes (&self->body, r->tag, r->tag_size);
    put_bytes (&self->body, r->command, r->command_size);
    put_bytes (&self->body, r->item, r->item_size);
}

//  Appends a kept output to a writer. False where it cannot be read to its end.
static bool append_output (writer_t *out, const waiting_t *w, int stream, uint64_t from, uint64_t size,
                           const dryer_ports_t *ports)
{
    const uint8_t *bytes = stream == 1 ? w->result.out : w->result.err;
    uint8_t *room = put_room (out, (size_t)size);
    if (bytes && room)
        memcpy (room, bytes + from, (size_t)size);
    for (size_t got; !bytes && room && size; from += got, room += got, size -= got)
        if (!(got = ports->read_output (ports->arg, w->result.cookie, stream, from, room, (size_t)size)))
            return false;
    return true;
}

//  An output that cannot be read back is never passed over in silence.
static void output_lost (waiting_t *w)
{
    w->result.flags |= RESULT_OUTPUT_LOST;
    if (!w->result.status && !w->result.signal)
        w->result.status = 125;
}

static void free_output (waiting_t *w, const dryer_ports_t *ports)
{
    if (w->result.cookie)
        ports->free_output (ports->arg, w->result.cookie);
    w->result.cookie = NULL;
    free (w->texts);
    w->texts = NULL;
}

//  A result that fits goes into the batch with all it has.
static void hand_inline (reports_t *self, link_t *link, waiting_t *w, const dryer_ports_t *ports)
{
    uint64_t out_bytes = w->result.out_bytes, err_bytes = w->result.err_bytes;
    if (self->records.size + self->body.size + out_bytes + err_bytes > BATCH_BYTES ||
        (self->records_count && self->records_washer != w->washer))
        reports_flush (self, link);
    if (!out_bytes && !err_bytes && extend (self, w))
        return;
    size_t start = self->body.size;
    if (!append_output (&self->body, w, 1, 0, out_bytes, ports) ||
        !append_output (&self->body, w, 2, 0, err_bytes, ports)) {
        self->body.size = start;
        out_bytes = err_bytes = 0;
        output_lost (w);
    }
    put_record (self, w, w->result.flags, out_bytes, err_bytes);
    put_texts (self, &w->result);
}

static void put_place (writer_t *out, const waiting_t *w, int stream, bool streamed)
{
    put_u64 (out, w->washer);
    put_u64 (out, w->result.n);
    put_u64 (out, w->seq);
    put_u8 (out, (uint8_t)stream);
    put_u8 (out, streamed);
}

//  The next piece of a large output. False where it cannot be read.
static bool hand_piece (reports_t *self, link_t *link, waiting_t *w, const dryer_ports_t *ports)
{
    int stream = w->sent < w->result.out_bytes ? 1 : 2;
    uint64_t from = stream == 1 ? w->sent : w->sent - w->result.out_bytes;
    uint64_t size = (stream == 1 ? w->result.out_bytes : w->result.err_bytes) - from;
    writer_t records = {0}, body = {0};
    if (size > PIECE_BYTES)
        size = PIECE_BYTES;
    if (!append_output (&body, w, stream, from, size, ports)) {
        writer_free (&body);
        return false;
    }
    put_place (&records, w, stream, false);
    put_bytes (&records, w->result.tag, w->result.tag_size);
    letter (self, link, MSG_OUT, 1, &records, &body);
    link_transient (link);
    w->sent += size;
    return true;
}

static void hand_done (reports_t *self, link_t *link, waiting_t *w)
{
    reports_flush (self, link);
    put_record (self, w, w->result.flags | RESULT_IN_PIECES, 0, 0);
    put_texts (self, &w->result);
    reports_flush (self, link);
    link_transient (link);
    w->done_seq = link_sent (link);
}

static uint64_t output_bytes (const waiting_t *w)
{
    return w->result.out_bytes + w->result.err_bytes;
}

//  Hands on the next result, or a piece of it. False where credit has run out.
static bool hand_next (reports_t *self, link_t *link, uint64_t credit, const dryer_ports_t *ports)
{
    waiting_t *w = &self->items[self->head + self->handed];
    uint64_t bytes = output_bytes (w);
    if (bytes && self->spent + self->body.size >= credit)
        return false;
    if (bytes > INLINE_BYTES) {
        bool readable = w->sent == bytes || hand_piece (self, link, w, ports);
        if (!readable)
            output_lost (w);
        if (!readable || w->sent == bytes) {
            hand_done (self, link, w);
            self->handed++;
        }
        return true;
    }
    hand_inline (self, link, w, ports);
    if (self->handed) { // a large one before it is still kept: this one waits there too, with nothing to keep
        free_output (w, ports);
        w->done_seq = 1;
        self->handed++;
        return true;
    }
    free_output (w, ports);
    self->head = --self->size ? self->head + 1 : 0;
    return true;
}

void reports_pump (reports_t *self, link_t *link, uint64_t credit, const dryer_ports_t *ports)
{
    while (self->handed < self->size && hand_next (self, link, credit, ports)) {
    }
    reports_flush (self, link);
}

//  ---- taking results in

static void bound (size_t *size)
{
    *size = *size < RESULT_TEXT_BYTES ? *size : RESULT_TEXT_BYTES;
}

static const uint8_t *copy_text (uint8_t **to, const void *text, size_t size)
{
    uint8_t *copy = *to;
    if (size)
        memcpy (copy, text, size);
    *to += size;
    return copy;
}

//  Makes copies of what is borrowed. False where memory ends.
static bool own_texts (waiting_t *w)
{
    result_t *r = &w->result;
    size_t out_size = r->out ? (size_t)r->out_bytes : 0, err_size = r->err ? (size_t)r->err_bytes : 0;
    size_t size = r->tag_size + r->command_size + r->item_size + out_size + err_size;
    if (!size)
        return true;
    if (!(w->texts = malloc (size)))
        return false;
    uint8_t *at = w->texts;
    r->tag = copy_text (&at, r->tag, r->tag_size);
    r->command = copy_text (&at, r->command, r->command_size);
    r->item = copy_text (&at, r->item, r->item_size);
    r->out = r->out ? copy_text (&at, r->out, out_size) : NULL;
    r->err = r->err ? copy_text (&at, r->err, err_size) : NULL;
    return true;
}

//  Nothing that could have to wait: no output, or a small one that the credit covers, with none before it.
static bool goes_now (const reports_t *self, const waiting_t *w, uint64_t credit)
{
    uint64_t bytes = output_bytes (w);
    return !bytes || (!self->size && bytes <= INLINE_BYTES && self->spent + self->body.size < credit);
}

void reports_add (reports_t *self, link_t *link, uint64_t credit, const running_t *job, const result_t *result,
                  const dryer_ports_t *ports)
{
    waiting_t w = {.result = *result, .washer = job->washer, .seq = job->seq, .attempt = job->attempt};
    bound (&w.result.tag_size);
    bound (&w.result.command_size);
    if (w.result.item_size > RESULT_TEXT_BYTES)
        w.result.item_size = 0; // it cannot be read in part
    if (goes_now (self, &w, credit)) {
        hand_inline (self, link, &w, ports);
        free_output (&w, ports);
        return;
    }
    if (!own_texts (&w) ||
        queue_reserve (&self->items, &self->head, self->size, &self->capacity, sizeof *self->items) == -1) {
        free_output (&w, ports);
        self->oom = true;
        return;
    }
    self->items[self->head + self->size++] = w;
}

size_t reports_stream (reports_t *self, link_t *link, uint64_t credit, const running_t *job, int stream,
                       const void *tag, size_t tag_size, const void *data, size_t size)
{
    uint64_t left = credit > self->spent ? credit - self->spent : 0;
    bound (&tag_size);
    if (size > PIECE_BYTES)
        size = PIECE_BYTES;
    if (size > left)
        size = (size_t)left;
    if (!size)
        return 0;
    waiting_t place = {.washer = job->washer, .seq = job->seq, .result.n = job->n};
    writer_t records = {0}, body = {0};
    put_place (&records, &place, stream, true);
    put_bytes (&records, tag, tag_size);
    put_bytes (&body, data, size);
    letter (self, link, MSG_OUT, 1, &records, &body);
    link_transient (link);
    return size;
}

void reports_acked (reports_t *self, uint64_t acked, const dryer_ports_t *ports)
{
    while (self->handed && self->items[self->head].done_seq <= acked) {
        free_output (&self->items[self->head], ports);
        self->handed--;
        self->head = --self->size ? self->head + 1 : 0;
    }
}

void reports_restart (reports_t *self, const link_t *link)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->size; i++) {
        waiting_t w = self->items[self->head + i];
        w.sent = w.done_seq = 0;
        if (i >= self->handed || w.result.cookie || w.texts) // not a mere placeholder: its letter went with the batch
            self->items[self->head + kept++] = w;
    }
    self->size = kept;
    self->handed = 0;
    self->spent = 0;
    const letter_t *letter;
    for (size_t i = 0; (letter = link_letter (link, i)); i++)
        self->spent += letter->body.size;
}

size_t reports_waiting (const reports_t *self)
{
    return self->size - self->handed;
}

bool reports_idle (const reports_t *self)
{
    return self->size == 0;
}

void reports_free (reports_t *self, const dryer_ports_t *ports)
{
    for (size_t i = 0; i < self->size; i++)
        free_output (&self->items[self->head + i], ports);
    free (self->items);
    writer_free (&self->records);
    writer_free (&self->body);
    *self = (reports_t){0};
}
