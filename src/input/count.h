/*  count: how often a byte occurs. Delimiters are counted for every byte that is read, so this is the one place
 *  where the whole input passes through the processor.
 */
#ifndef DISHES_INPUT_COUNT_H
#define DISHES_INPUT_COUNT_H

#include <stddef.h>
#include <stdint.h>

size_t count_byte (const uint8_t *data, size_t size, uint8_t byte);

#endif
