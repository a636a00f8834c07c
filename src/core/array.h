/*  array: room in a growing array, and in a queue that is taken from at its head. The one place that decides how these
 *  grow. */
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
    size_t grown = *capacity ? *capacity * 2 : item_size == 1 ? 64 : 8;
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

//  Room for one more item behind the last of a queue of `size` items that begins at `*head`; else as array_reserve.
//  What is in front of the head is used again when it is half of all, so that no item is moved more than once a round.
static inline int queue_reserve (void *items, size_t *head, size_t size, size_t *capacity, size_t item_size)
{
    if (*head + size == *capacity && *head > size) {
        char *base;
        memcpy (&base, items, sizeof base);
        memcpy (base, base + *head * item_size, size * item_size);
        *head = 0;
    }
    return array_reserve (items, capacity, *head + size + 1, item_size);
}

#endif
