/*  channel: one descriptor, the bytes that are on their way to it, and how to write there without waiting.
 *
 *  A pipe or terminal is opened anew through /proc/self/fd, which makes a file description of our own: O_NONBLOCK on
 *  the one that was inherited would hit everybody who shares it, the shell too. Where that is not allowed (another
 *  user's terminal, no /proc) poll says when there is room, and little is written at a time. Sockets have MSG_DONTWAIT.
 *  Regular files and other devices are written directly: a second description would have an offset of its own.
 *
 *  Small outputs are gathered in a buffer; what it cannot take queues in spills. One thread; nothing here blocks but
 *  on a regular file or device.
 */
#ifndef DISHES_STORE_CHANNEL_H
#define DISHES_STORE_CHANNEL_H

#include <stdbool.h>

#include "base/json.h"
#include "store/spill.h"

typedef struct channel channel_t;

//  A channel to `fd`, which is closed with it if `owned`. `pool` must outlive it. NULL and ENOMEM (then `fd` is
//  untouched). A descriptor that is not open gives an error when it is written to.
channel_t *channel_new (int fd, bool owned, spill_pool_t *pool);
void channel_destroy (channel_t **self_p);

//  From now on nothing is written but by channel_write: what the buffer cannot take queues.
void channel_hold (channel_t *self);

//  Adds a copy of the bytes. 0, or -1 and errno: channel_error tells whether from writing, else it is from the spill.
int channel_put (channel_t *self, const void *data, size_t size);

//  Adds the first `size` bytes of a spill; takes it on success. 0, or -1 and errno.
int channel_take (channel_t *self, spill_t **spill_p, uint64_t size);

//  Likewise, but its bytes are written in that code. They count as what they are in the spill.
int channel_take_coded (channel_t *self, spill_t **spill_p, uint64_t size, json_code_t code);

//  Writes what goes now, a few MiB at most. 0, or -1 and errno (see channel_put).
int channel_write (channel_t *self);

//  Closes an owned descriptor; 0, or -1 and errno: the file system could not keep the bytes.
int channel_close (channel_t *self);

uint64_t channel_backlog_bytes (const channel_t *self); // put or taken, and not yet written
int channel_fd (const channel_t *self);                 // to poll for POLLOUT
int channel_error (const channel_t *self);              // the errno of the write that failed, or 0

#endif
