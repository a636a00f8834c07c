/*  Outputs that wait for their turn, in a file that outlives the process. */
#include "core/array.h"
#include "store/printer_i.h"

int printer_note_untold (printer_t *self, uint64_t n)
{
    if (!self->keeps)
        return 0;
    if (array_reserve (&self->untold, &self->untold_capacity, self->untold_size + 1, sizeof *self->untold) == -1)
        return -1;
    self->untold[self->untold_size++] = n;
    return 0;
}

static int keep (printer_t *self, output_t *output)
{
    for (int i = 0; i < PRINTER_STREAMS; i++)
        if (output->kept[i] && spill_keep (output->kept[i]) == -1)
            return printer_fail (self);
    return 0;
}

static int tell_places (const output_t *output, printer_place_fn *tell, void *arg)
{
    for (int i = 0; i < PRINTER_STREAMS; i++)
        for (size_t j = 0; output->kept[i] && j < spill_places (output->kept[i]); j++) {
            spill_place_t at = spill_place (output->kept[i], j);
            printer_place_t place = {.n = output->n, .stream = i, .offset = at.offset, .size = at.size};
            if (tell (arg, &place) == -1)
                return -1;
        }
    return 0;
}

//  What was printed in the meantime need not be kept at all.
int printer_keep (printer_t *self, printer_place_fn *tell, void *arg)
{
    bool any = false;
    if (self->error)
        return printer_fail (self);
    for (size_t i = 0; i < self->untold_size; i++) {
        output_t *output = outputs_whole (&self->outputs, self->untold[i]);
        if (output && (keep (self, output) == -1 || tell_places (output, tell, arg) == -1))
            return -1;
        any = any || output;
    }
    self->untold_size = 0;
    return any && spill_pool_sync (self->pool) == -1 ? printer_fail (self) : 0;
}

void printer_kept (printer_t *self)
{
    spill_pool_release (self->pool);
}

int printer_find (printer_t *self)
{
    return spill_pool_find (self->pool);
}

int printer_find_place (printer_t *self, const printer_place_t *place)
{
    output_t *output = outputs_whole (&self->outputs, place->n);
    if (!output && !(output = outputs_add (&self->outputs, place->n, 0)))
        return -1;
    output->whole = true;
    spill_t **kept = &output->kept[place->stream];
    if (!*kept && !(*kept = spill_new (self->pool)))
        return -1;
    return spill_found (*kept, (spill_place_t){place->offset, place->size});
}

int printer_found (printer_t *self)
{
    spill_pool_found (self->pool);
    return self->keep_order ? 0 : printer_end_order (self);
}
