/*  What the parts of the printer share: printer.c prints, printer_out.c is the way out, printer_json.c has lines of
 *  JSON, printer_keep.c what outlives the process. */
#ifndef DISHES_STORE_PRINTER_I_H
#define DISHES_STORE_PRINTER_I_H

#include "core/ranges.h"
#include "store/channel.h"
#include "store/outputs.h"
#include "store/printer.h"

struct printer {
    printer_mode_t mode;
    bool keep_order, tag, json, keeps; // keeps: the pool has a name
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

//  Where it goes. 0, or -1 and errno.
int printer_open_channels (printer_t *self, const printer_config_t *config);
void printer_close_channels (printer_t *self);

//  What every call that may have moved bytes ends with: `rc`, and its errno is the sticky error.
int printer_settle (printer_t *self, int rc);

//  Makes errno the sticky error: of a channel if one failed, else of keeping. -1.
int printer_fail (printer_t *self);

//  A task that is done becomes a line: of what is kept of it (or NULL) and then these bytes; or of all that was kept.
//  0, or -1 and errno.
int printer_line (printer_t *self, output_t *output, const printer_task_t *task, const void *const data[2],
                  const size_t sizes[2]);
int printer_kept_line (printer_t *self, output_t *output);

//  Keeps what the line is to say beside what is kept already. 0, or -1 and errno.
int printer_keep_line (printer_t *self, output_t *output, const printer_task_t *task);

//  A whole output that printer_keep has to see, where anything is kept. 0, or -1 and ENOMEM.
int printer_note_untold (printer_t *self, uint64_t n);

#endif
