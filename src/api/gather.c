#include "api/gather.h"
#include "core/array.h"

enum { STATUS_ERROR = 125 };

static void free_heap (heap_t *heap)
{
    for (unsigned i = 0; i < 2; i++)
        free (heap->streams[i].data);
    *heap = (heap_t){0};
}

void gather_free (gather_t *self)
{
    while (self->size)
        free_heap (&self->heaps[--self->size]);
    free (self->heaps);
    *self = (gather_t){0};
}

static heap_t *find (gather_t *self, uint64_t dryer, uint64_t n)
{
    for (size_t i = 0; i < self->size; i++)
        if (self->heaps[i].n == n && self->heaps[i].dryer == dryer)
            return &self->heaps[i];
    return NULL;
}

static heap_t *find_or_add (gather_t *self, uint64_t dryer, uint64_t n)
{
    heap_t *heap = find (self, dryer, n);
    if (heap)
        return heap;
    if (array_reserve (&self->heaps, &self->capacity, self->size + 1, sizeof *self->heaps) == -1) {
        self->is_short = true;
        return NULL;
    }
    heap = &self->heaps[self->size++];
    *heap = (heap_t){.dryer = dryer, .n = n, .is_torn = self->is_short};
    return heap;
}

void gather_piece (gather_t *self, uint64_t dryer, uint64_t n, int stream, const slice_t *bytes)
{
    heap_t *heap = find_or_add (self, dryer, n);
    if (!heap)
        return; // told as torn: its completion says that there were pieces
    uint8_t **data = &heap->streams[stream == 2].data;
    size_t *size = &heap->streams[stream == 2].size;
    if (heap->is_torn || array_reserve (data, &heap->streams[stream == 2].capacity, *size + bytes->size, 1) == -1) {
        heap->is_torn = true;
        return;
    }
    memcpy (*data + *size, bytes->data, bytes->size);
    *size += bytes->size;
}

static void remove_heap (gather_t *self, heap_t *heap)
{
    free_heap (heap);
    *heap = self->heaps[--self->size];
}

void gather_drop (gather_t *self, uint64_t dryer, uint64_t n)
{
    for (size_t i = 0; i < self->size;)
        if (self->heaps[i].dryer == dryer && (!n || self->heaps[i].n == n))
            remove_heap (self, &self->heaps[i]);
        else
            i++;
}

static int outcome_of (outcome_t outcome)
{
    static const int outcomes[OUTCOMES] = {[TASK_OK] = DISHES_OK,
                                           [TASK_FAILED] = DISHES_FAILED,
                                           [TASK_BROKEN] = DISHES_BROKEN,
                                           [TASK_DROPPED] = DISHES_DROPPED};
    return outcomes[outcome];
}

//  What came in the record itself stands behind its pieces.
static void add_pieces (gather_t *self, const completion_t *what, dishes_result_t *result, heap_t *heap)
{
    slice_t out = {.data = what->out, .size = what->out_size}, err = {.data = what->err, .size = what->err_size};
    if (heap && what->out_size)
        gather_piece (self, what->dryer, what->n, 1, &out);
    if (heap && what->err_size)
        gather_piece (self, what->dryer, what->n, 2, &err);
    if (!heap || heap->is_torn) {
        result->outcome = DISHES_FAILED;
        result->status = STATUS_ERROR;
        return;
    }
    result->out = heap->streams[0].data;
    result->out_size = heap->streams[0].size;
    result->err = heap->streams[1].data;
    result->err_size = heap->streams[1].size;
}

void gather_completed (gather_t *self, const completion_t *what)
{
    dishes_result_t result = {.number = what->n,
                              .count = self->in_runs ? what->count : 1,
                              .outcome = outcome_of (what->outcome),
                              .status = what->status,
                              .signal = what->signal,
                              .attempt = (int)what->attempt,
                              .out = what->out_size ? what->out : NULL,
                              .out_size = what->out_size,
                              .err = what->err_size ? what->err : NULL,
                              .err_size = what->err_size,
                              .start_us = what->start_us,
                              .runtime_us = what->runtime_us};
    heap_t *heap = what->pieces ? find (self, what->dryer, what->n) : NULL;
    if (what->pieces)
        add_pieces (self, what, &result, heap);
    for (uint64_t end = what->n + what->count; result.number < end; result.number += result.count)
        self->result (self->arg, &result);
    if (heap)
        remove_heap (self, heap);
}
