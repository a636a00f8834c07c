/*  array: room in a growing array. The one place that decides how arrays grow. */
#ifndef DISHES_CORE_ARRAY_H
#define DISHES_CORE_ARRAY_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

//  Room for `need` items of `item_size` bytes; 0, or -1 and nothing changed. `items` is the address of the pointer.
static inline int array_reserve (void *items, size_t *capacity, size_t need, size_t item_size)
{
    if (need <= *capacity)
        return 0;
    size_t grown = *capacity ? *capacity * 2 : 8;
    while (grown < need)
        grown *= 2;
    void *old;
    memcpy (&old, items, sizeof old);
    void *bigger = realloc (old, grown * item_size);
    if (!bigger)
        return -1;
    memcpy (items, &bigger, sizeof bigger);
    *capacity = grown;
    return 0;
}

#endif
