/*  What the parts of the printer share: printer.c prints, printer_keep.c has what outlives the process. */
#ifndef DISHES_STORE_PRINTER_I_H
#define DISHES_STORE_PRINTER_I_H

#include "core/ranges.h"
#include "store/channel.h"
#include "store/outputs.h"
#include "store/printer.h"

struct printer {
    printer_mode_t mode;
    bool keep_order, tag, keeps; // keeps: the pool has a name
    spill_pool_t *pool;
    channel_t *channels[2]; // the same twice where stdout and stderr are one file
    char *out_name;
    outputs_t outputs;
    uint64_t next;    // with keep_order: the number whose turn it is
    ranges_t silent;  // with keep_order: done without output, not yet passed
    uint64_t *untold; // numbers of whole outputs that printer_keep has not seen
    size_t untold_size, untold_capacity;
    uint64_t accepted_bytes, consumed_bytes;
    bool is_file; // stdout is out_path
    bool is_ended;
    uint8_t end, last; // what stdout is to end with between two tasks, and does
    int error;
    char text[512];
};

//  Makes errno the sticky error: of a channel if one failed, else of keeping. -1.
int printer_fail (printer_t *self);

//  A whole output that printer_keep has to see, where anything is kept. 0, or -1 and ENOMEM.
int printer_note_untold (printer_t *self, uint64_t n);

#endif
