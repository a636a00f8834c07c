#include "base/line.h"
#include "role/filters_i.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { STATUS_UNFIT = 125, KEPT_MS = 10 };

//  ---- what is told of an item

void answer_name (const errand_head_t *head, char name[SHOWN_BYTES + 8])
{
    const uint8_t *value;
    size_t size;
    value_cursor_t cursor = value_cursor (head->shape, head->data, head->size);
    if (!value_next (&cursor, &value, &size))
        size = 0;
    size_t shown = size < SHOWN_BYTES ? size : SHOWN_BYTES;
    memcpy (name, value, shown);
    strcpy (name + shown, size > shown ? "..." : "");
    line_clean (name);
}

static template_task_t template_task (const seat_t *seat, const errand_head_t *head)
{
    return (template_task_t){
        .n = head->n, .slot = seat->number, .shape = head->shape, .data = head->data, .size = head->size};
}

static void add_tag (filters_t *self, const template_task_t *task, result_t *result)
{
    if (self->tag && (result->tag = template_line (self->tag, self->rendering, task, &result->tag_size)) == NULL)
        result->tag_size = 0;
}

//  What gives the same in a shell: FILTER <<< ITEM
static void add_command (filters_t *self, const template_task_t *task, result_t *result)
{
    const uint8_t *value;
    size_t size, begins = self->command.size;
    text_add_string (&self->command, " <<< ");
    value_cursor_t cursor = value_cursor (task->shape, task->data, task->size);
    for (bool first = true; value_next (&cursor, &value, &size); first = false) {
        text_add (&self->command, "\n", first ? 0 : 1);
        text_add_quoted (&self->command, value, size);
    }
    result->command = self->command.data;
    result->command_size = self->command.failed ? 0 : self->command.size;
    self->command.size = begins;
}

static void add_item (filters_t *self, const errand_head_t *head, result_t *result)
{
    self->item.size = 0;
    item_put (&self->item, head->shape, head->data, head->size);
    result->item = self->item.data;
    result->item_size = self->item.failed ? 0 : self->item.size;
}

//  What the filter complained of goes with the item that it came before.
static void add_err (filters_t *self, seat_t *seat, result_t *result)
{
    text_t *from = &seat->filter.complaints;
    text_clear (&self->err);
    if (from->size)
        text_add (&self->err, from->data, from->size);
    if (seat->filter.left_out) {
        text_add_string (&self->err, "\ndishes: so many more bytes of the filter's stderr are left out: ");
        text_add_number (&self->err, seat->filter.left_out);
        text_add (&self->err, "\n", 1);
    }
    if (self->reason.size) {
        bool torn = self->err.size && self->err.data[self->err.size - 1] != '\n';
        text_add (&self->err, "\n", torn ? 1 : 0);
        text_add (&self->err, self->reason.data, self->reason.size);
    }
    text_clear (from);
    seat->filter.left_out = 0;
    result->err = self->err.data;
    result->err_bytes = self->err.failed ? 0 : self->err.size;
}

//  ---- the last one

static void keep_bytes (seat_t *seat, const void *bytes, size_t size)
{
    if (size)
        text_add (&seat->kept_bytes, bytes, size);
}

//  A filter that prints more for this item than was asked does so about now; then nobody has been told yet that the
//  item was done.
static void keep (filters_t *self, seat_t *seat, const result_t *result)
{
    seat->kept = *result;
    seat->kept_ms = self->now_ms + KEPT_MS;
    text_clear (&seat->kept_bytes);
    keep_bytes (seat, result->out, (size_t)result->out_bytes);
    keep_bytes (seat, result->err, (size_t)result->err_bytes);
    keep_bytes (seat, result->tag, result->tag_size);
    keep_bytes (seat, result->command, result->command_size);
    keep_bytes (seat, result->item, result->item_size);
}

//  What is kept, with what it borrows. False: nothing is.
static bool take_kept (seat_t *seat, result_t *kept)
{
    *kept = seat->kept;
    seat->kept.ticket = 0;
    const void **const parts[] = {&kept->out, &kept->err, &kept->tag, &kept->command, &kept->item};
    const size_t sizes[] = {(size_t)kept->out_bytes, (size_t)kept->err_bytes, kept->tag_size, kept->command_size,
                            kept->item_size};
    size_t at = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; at += sizes[i++])
        *parts[i] = sizes[i] ? seat->kept_bytes.data + at : NULL;
    return kept->ticket;
}

void answer_release (filters_t *self, seat_t *seat, dryer_t *core)
{
    result_t kept;
    if (seat->kept.ticket && take_kept (seat, &kept))
        dryer_done (core, &kept, self->now_ms);
}

//  The first item is over: `result` says how.
static void hand_on (filters_t *self, seat_t *seat, dryer_t *core, const errand_head_t *head, result_t *result)
{
    template_task_t task = template_task (seat, head);
    result->ticket = head->ticket;
    result->n = head->n;
    result->count = 1;
    result->start_us = seat->head_us;
    result->runtime_us = self->now_us > seat->head_us ? (uint64_t)(self->now_us - seat->head_us) : 0;
    if (self->wants & WANT_TAG)
        add_tag (self, &task, result);
    if (dryer_wants_command (self->wants, result))
        add_command (self, &task, result);
    if (self->wants & WANT_ITEM)
        add_item (self, head, result);
    if (seat->filter.complaints.size || self->reason.size)
        add_err (self, seat, result);
    answer_release (self, seat, core);
    bool is_last = seat->errands.tasks == 1 && !(self->wants & WANT_VERDICT);
    if (!is_last || result->status || result->signal)
        dryer_done (core, result, self->now_ms);
    else
        keep (self, seat, result);
    errands_drop_head (&seat->errands, head);
    seat->head_ms = self->now_ms;
    seat->head_us = self->now_us;
    seat->strikes = 0;
    seat->careful -= seat->careful > 0;
}

//  ---- failures

static void fail_head (filters_t *self, seat_t *seat, dryer_t *core, const errand_head_t *head, result_t *how)
{
    hand_on (self, seat, core, head, how);
    text_clear (&self->reason);
}

void answer_fail (filters_t *self, seat_t *seat, dryer_t *core, const result_t *how, const char *format, ...)
{
    char text[256];
    errand_head_t head;
    result_t result = *how;
    if (!errands_head (&seat->errands, &head))
        return;
    va_list args;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    text_add_string (&self->reason, "dishes: ");
    text_add_string (&self->reason, text);
    text_add (&self->reason, "\n", 1);
    fail_head (self, seat, core, &head, &result);
}

bool answer_head (filters_t *self, seat_t *seat, dryer_t *core, errand_head_t *head)
{
    const result_t unfit = {.status = STATUS_UNFIT, .flags = RESULT_NOT_STARTED};
    char name[SHOWN_BYTES + 8];
    while (errands_head (&seat->errands, head)) {
        if (!head->unfit)
            return true;
        answer_name (head, name);
        answer_fail (self, seat, core, &unfit, "item '%s' holds a %s, which ends an item of a filter%s", name,
                     seat->errands.delimiter ? "newline" : "NUL byte", seat->errands.delimiter ? ": use -0" : "");
    }
    return false;
}

bool answer_surplus (filters_t *self, seat_t *seat, dryer_t *core)
{
    char name[SHOWN_BYTES + 8], why[256];
    errand_head_t head;
    result_t kept;
    bool is_early = errands_head (&seat->errands, &head);
    if (is_early)
        answer_name (&head, name);
    int size = snprintf (why, sizeof why - 1,
                         "dishes: the filter prints more than was asked, %s item '%s': where a result has several "
                         "lines see --lines and --end-line",
                         is_early ? "before it has read" : "after its answer to", is_early ? name : seat->last);
    if (!seat->kept.ticket || !take_kept (seat, &kept)) {
        talk_say (&self->opts.talk, TALK_ERROR, "%s", why + strlen ("dishes: "));
        self->has_erred = true;
        return false;
    }
    why[size++] = '\n';
    kept.status = STATUS_UNFIT;
    kept.err = why;
    kept.err_bytes = (uint64_t)size;
    dryer_done (core, &kept, self->now_ms);
    return false;
}

void answer_last_words (filters_t *self, seat_t *seat)
{
    text_t *words = &seat->filter.complaints;
    const char *at = words->data, *end = at + words->size;
    while (words->size && at < end) {
        const char *newline = memchr (at, '\n', (size_t)(end - at));
        int size = (int)((newline ? newline : end) - at);
        talk_say (&self->opts.talk, TALK_ERROR, "the filter says: %.*s", size, at);
        at += size + 1;
    }
    text_clear (words);
}

//  ---- answers

bool answer_all (filters_t *self, seat_t *seat, dryer_t *core)
{
    const uint8_t *data;
    size_t size;
    errand_head_t head;
    while (answers_next (&seat->filter.answers, &data, &size)) {
        if (!answer_head (self, seat, core, &head) || !head.is_given)
            return answer_surplus (self, seat, core);
        result_t result = {.out = data, .out_bytes = size};
        if (seat->errands.tasks == 1)
            answer_name (&head, seat->last);
        hand_on (self, seat, core, &head, &result);
        seat->answered++;
    }
    return true;
}
