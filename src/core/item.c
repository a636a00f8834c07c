#include "core/item.h"

void item_put (writer_t *out, const shape_t *shape, const uint8_t *task, size_t size)
{
    const uint8_t *value;
    size_t value_size;
    uint32_t count = 0;
    size = shape->format == BLOCK_WHOLE ? 0 : size;
    for (value_cursor_t cursor = value_cursor (shape, task, size); value_next (&cursor, &value, &value_size);)
        count++;
    put_u16 (out, shape->columns);
    put_u32 (out, count);
    for (value_cursor_t cursor = value_cursor (shape, task, size); value_next (&cursor, &value, &value_size);) {
        value_size = value_size < ITEM_VALUE_MOST ? value_size : ITEM_VALUE_MOST;
        put_u32 (out, (uint32_t)value_size);
        put_bytes (out, value, value_size);
    }
}

bool item_open (value_cursor_t *self, const uint8_t *data, size_t size)
{
    enum { COLUMNS_BYTES = 2, COUNT_BYTES = 4 };
    if (size <= COLUMNS_BYTES + COUNT_BYTES)
        return false;
    shape_t shape = {.format = BLOCK_PREFIXED, .columns = (uint16_t)(data[0] | data[1] << 8), .items = 1};
    data += COLUMNS_BYTES;
    size -= COLUMNS_BYTES;
    if (!shape.columns || shape_skip (&shape, data, size, 1) != size)
        return false;
    *self = value_cursor (&shape, data, size);
    return true;
}
