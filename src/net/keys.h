/*  keys: who a part is, as secrets in files.
 *
 *  Two kinds. A *cookie* is 32 random bytes in hexadecimal that the sink leaves where only its user can read: it shows
 *  that a part runs under the same user on the same machine. A *key file* holds a CURVE key pair: `head.key` that of
 *  the sink and the washer, and the public keys of the workers that they let in; `worker.key` that of the dryers and
 *  observers, and the head's public key. So whoever steals a worker's file can be a worker, and cannot be the head.
 *
 *  The files are czmq's certificates (ZPL), and zcert_load reads them. They are read and written here all the same:
 *  zcert neither looks at a file's mode nor at its owner, changes the umask of the whole process while it writes, and
 *  reports on stderr, none of which a library may do in somebody else's process.
 */
#ifndef DISHES_NET_KEYS_H
#define DISHES_NET_KEYS_H

#include "net/place.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEY_BYTES = 32, KEY_WORKERS = 256, COOKIE_BYTES = 2 * KEY_BYTES + 1 };

typedef uint8_t public_key_t[KEY_BYTES];

//  A key file as it was read.
typedef struct {
    bool is_head;
    public_key_t own, head; // of a head both are the same
    uint8_t secret[KEY_BYTES];
    public_key_t workers[KEY_WORKERS]; // of a head
    size_t workers_size;
} keys_t;

//  Reads a key file. 0; or -1, errno and one line: EPERM where others may read the file, EBADMSG where it is none of
//  ours. Wipe it in the end.
int keys_load (keys_t *self, const char *path, char *error, size_t error_size);
void keys_wipe (keys_t *self);

//  Makes `head.key` and `worker.key`, mode 0600, in `dir`, which is made if need be. Never overwrites. 0; or -1, errno
//  and one line, and then neither file was made.
int keys_generate (const char *dir, char *error, size_t error_size);

//  A fresh cookie. 0, or -1 and errno: there is no entropy.
int cookie_new (char out[COOKIE_BYTES]);

//  The cookie of the sink at this port of loopback lies in the user's own place (place_open, no name). It counts only
//  while the sink lives, which its lock shows: a cookie that a killed sink has left is never said to whoever took the
//  port. cookie_publish: 0; or -1, errno and one line, EADDRINUSE where another sink has the lock. cookie_find: 0; or
//  -1, ENOENT where no sink is there. cookie_left: the last one, of a sink that lives, was killed or has
//  withdrawn it, to tell who comes back from who is a stranger; 0, or -1 and errno.
int cookie_publish (place_t *place, uint16_t port, const char *cookie, char *error, size_t error_size);
int cookie_find (const place_t *place, uint16_t port, char out[COOKIE_BYTES]);
int cookie_left (const place_t *place, uint16_t port, char out[COOKIE_BYTES]);
void cookie_withdraw (place_t *place, uint16_t port);

#endif
