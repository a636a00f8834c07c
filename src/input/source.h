/*  source: the bytes of one place that items come from, read without ever waiting.
 *
 *  The flags of standard input are shared with every process that holds it, so O_NONBLOCK is never set there. An
 *  anonymous pipe or a terminal is opened a second time, through /proc, with a flag of its own; where that fails
 *  (a socket, a pipe of another user), a poll comes before every read. A list of arguments becomes bytes in which
 *  '\0' ends each item, for no argument can hold one. A file that is followed ends where its writer says so.
 */
#ifndef DISHES_INPUT_SOURCE_H
#define DISHES_INPUT_SOURCE_H

#include "input/fault.h"
#include "input/input.h"

#include <sys/types.h>

typedef struct {
    int fd;   // to poll, and but for a file that is followed to read; -1: a list
    int file; // with `follow`: what is read
    follow_t *follow;
    uint64_t at;   // with `follow`: bytes read so far
    bool owned;    // close it in the end
    bool waits;    // a read may have nothing yet: a pipe, a socket, a device
    bool terminal; // somebody types it
    uint8_t delimiter;
    const char *name; // for messages; borrowed
    const char *const *items;
    size_t count; // items of the list
    size_t item;  // where the list goes on: which item,
    size_t byte;  // and which of its bytes
} source_t;

//  Opens what `from` describes and reads nothing; -1 with errno and the fault set. Borrows what `from` points to.
int source_open (source_t *self, const input_source_t *from, const input_config_t *config, fault_t *fault);
void source_close (source_t *self); // may be called twice, and on {.fd = -1}

//  Standard input itself, or a file with the name "-".
bool source_is_stdin (const input_source_t *from);

//  Up to `room` bytes (at least 1): how many, 0 at the end, -1 with errno; EAGAIN: nothing yet, poll `fd`.
ssize_t source_read (source_t *self, uint8_t *to, size_t room);

#endif
