/*  item: what a task was given, on its way to the sink: a u16 that says how many values an item has, and then the task
 *  as BLOCK_PREFIXED has it (a u32 that counts its values, each value as a u32 length and its bytes).
 *
 *  Pure; any thread.
 */
#ifndef DISHES_CORE_ITEM_H
#define DISHES_CORE_ITEM_H

#include "core/frame.h"

enum { ITEM_VALUE_MOST = 131071 }; // as much as an argument of a command holds

//  Appends ONE task's values (its exact bytes), the first ITEM_VALUE_MOST bytes of each. None of BLOCK_WHOLE: a block
//  names no task.
void item_put (writer_t *out, const shape_t *shape, const uint8_t *task, size_t size);

//  Begins to walk over the values, with value_next; the cursor's shape says how many columns they have. False where the
//  bytes are no item, or one without any value.
bool item_open (value_cursor_t *self, const uint8_t *data, size_t size);

#endif
