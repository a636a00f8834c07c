/*  scan: one byte in many: how often it is there, and where it is there for the nth time. A block of tiny items is
 * passed over at the speed of memory, and not item by item.
 */
#ifndef DISHES_CORE_SCAN_H
#define DISHES_CORE_SCAN_H

#include <stddef.h>
#include <stdint.h>

uint64_t scan_count (const uint8_t *data, size_t size, uint8_t byte);

//  The bytes up to the `*count`th one, and with it. Where there are fewer, all of them: then `*count` gets how many are
//  missing, else 0.
size_t scan_skip (const uint8_t *data, size_t size, uint8_t byte, uint64_t *count);

#endif
