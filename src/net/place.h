/*  place: a directory of this user's alone, where the parts of a pipeline on one machine meet.
 *
 *  Pipelines stand in ${DISHES_DIR:-/tmp/dishes-UID}/NAME/, or where ipc:///DIR says; in the directory above them are
 *  the cookies of those that stand at a port. Whoever may open it may take part, so it is made with mode 0700, opened
 *  without following a link, and refused where somebody else owns it or may look in: a directory that another user
 *  has put in our way is never used.
 *
 *  Calls do not wait, but for the disk. Where they take `error`, it gets one line without newline.
 */
#ifndef DISHES_NET_PLACE_H
#define DISHES_NET_PLACE_H

#include "core/session.h"

#include <stdbool.h>
#include <stddef.h>

//  A socket's path has at most 107 bytes.
enum { PLACE_PATH_BYTES = 108 };

//  All zero, and after place_close: nothing is open.
typedef struct {
    bool is_open;
    int dir;
    int lock; // -1: not ours
    char path[PLACE_PATH_BYTES];
} place_t;

//  Opens, and makes if need be, the directory of `name`: an absolute path, a name below that of the user, or NULL for
//  that itself. 0; or -1, errno and `error`: EPERM where it is not ours alone, ENAMETOOLONG where a socket in it could
//  not be named.
int place_open (place_t *self, const char *name, char *error, size_t error_size);
void place_close (place_t *self); // gives up the lock; may be called twice

//  Takes the file's lock for as long as the place is open: one sink at a time. 0; or -1: EADDRINUSE where another has
//  it. The file stays when the lock is given up.
int place_lock (place_t *self, const char *file, char *error, size_t error_size);

//  Writes a word into the file of the lock, which we hold, for who takes it next (place_read). 0, or -1 and errno.
int place_leave_word (place_t *self, const char *text);

//  True while somebody, here or in another process, has that lock.
bool place_is_locked (const place_t *self, const char *file);

//  Removes the sockets that killed parts have left: every one that nobody listens at. Call it under the lock.
void place_tidy (place_t *self);

//  Writes a file of mode 0600 whole or not at all, in place of an older one. 0, or -1 and errno.
int place_write (place_t *self, const char *file, const char *text);

//  All of a text, however little of it a write takes. 0, or -1 and errno.
int place_write_all (int fd, const char *text);

//  Reads such a file, at most size - 1 bytes. Its length; or -1 and errno: ENOENT, EPERM where it is not ours alone.
int place_read (const place_t *self, const char *file, char *out, size_t size);

void place_remove (place_t *self, const char *file); // if it is there

//  How the last run in this place ended, for those who come too late to hear it. The next sink removes it.
//  place_read_result: 0; or -1 and errno, ENOENT where there is none, EBADMSG where it cannot be understood.
int place_write_result (place_t *self, uint64_t run, const ending_t *ending);
int place_read_result (const place_t *self, uint64_t *run, ending_t *ending);
void place_remove_result (place_t *self);

#endif
