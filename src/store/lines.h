/*  lines: where lines end, and the tag before each.
 *
 *  The rules are GNU parallel's. A tag goes before every byte that follows a newline or a carriage return, and before
 *  the first; so the output of a CRLF program has a tag between the two, there as here. A piece of output is whole up
 *  to its last newline, or to its last carriage return where it has no newline.
 *
 *  Pure; any thread.
 */
#ifndef DISHES_STORE_LINES_H
#define DISHES_STORE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  Takes the bytes; 0, or -1 and errno.
typedef int lines_put_fn (void *context, const void *data, size_t size);

typedef struct {
    const void *bytes; // without the TAB
    size_t size;
} lines_tag_t;

//  Bytes up to the end of the last whole line; 0 where there is none.
size_t lines_whole (const uint8_t *data, size_t size);

//  Puts the data with the tag and a TAB before each line. `inside` says whether the data goes on in a line that has
//  its tag, and is kept up to date for the data that follows. 0, or -1 and what `put` left in errno.
int lines_tag (const lines_tag_t *tag, bool *inside, const uint8_t *data, size_t size, lines_put_fn *put,
               void *context);

#endif
