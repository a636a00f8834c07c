/*  What the tests of the input share: an input fed piece by piece, and its tasks as text that can be compared.
 */
#ifndef DISHES_TESTS_UNIT_TEST_INPUT_HELP_H
#define DISHES_TESTS_UNIT_TEST_INPUT_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "input/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

//  Tasks as text: (value,value)(value) ... with what is not printable as \xHH.
typedef struct {
    char text[4096];
    size_t size;
    uint64_t tasks, items;
} seen_t;

static inline void seen_add (seen_t *self, const char *text)
{
    size_t size = strlen (text);
    assert_true (self->size + size < sizeof self->text);
    memcpy (self->text + self->size, text, size + 1);
    self->size += size;
}

static inline void seen_value (seen_t *self, const uint8_t *value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char text[8];
        snprintf (text, sizeof text, value[i] >= ' ' && value[i] < 127 ? "%c" : "\\x%02x", value[i]);
        seen_add (self, text);
    }
}

static inline void seen_task (seen_t *self, const shape_t *shape, const uint8_t *task, size_t size)
{
    value_cursor_t cursor = value_cursor (shape, task, size);
    const uint8_t *value;
    size_t length;
    seen_add (self, "(");
    for (int i = 0; value_next (&cursor, &value, &length); i++) {
        seen_add (self, i ? "," : "");
        seen_value (self, value, length);
    }
    seen_add (self, ")");
}

//  Takes a batch apart, and checks that its counts are true.
static inline void seen_batch (seen_t *self, const shape_t *shape, batch_t *batch)
{
    assert_int_equal (shape_count (shape, batch->bytes.data, batch->bytes.size), batch->tasks);
    assert_true (batch->tasks > 0);
    const uint8_t *at = batch->bytes.data, *end = at + batch->bytes.size;
    while (at < end) {
        size_t size = shape_skip (shape, at, (size_t)(end - at), 1);
        seen_task (self, shape, at, size);
        at += size;
    }
    self->tasks += batch->tasks;
    self->items += batch->items;
    slice_drop (&batch->bytes);
}

//  Reads until there is nothing now: 0, or -1.
static inline int drain (input_t *input, seen_t *seen)
{
    for (;;) {
        batch_t batch;
        int rc = input_read (input, &batch);
        if (rc < 0)
            return -1;
        if (rc == 1)
            seen_batch (seen, input_shape (input), &batch);
        else if (input_eof (input) || input_fd (input) >= 0)
            return 0;
    }
}

//  The same to the end of the input: where nothing is ready its descriptor is waited for, as the loop does. 0, or -1.
static inline int drain_to_end (input_t *input, seen_t *seen)
{
    while (!input_eof (input)) {
        struct pollfd ask = {.fd = input_fd (input), .events = POLLIN};
        if (drain (input, seen) < 0 || (ask.fd >= 0 && !input_eof (input) && poll (&ask, 1, 10000) != 1))
            return -1;
    }
    return 0;
}

static inline input_t *open_input (const input_config_t *config)
{
    char error[256] = "";
    input_t *input = input_new (config, error, sizeof error);
    if (!input)
        print_error ("%s\n", error);
    assert_non_null (input);
    return input;
}

#endif
