/*  guard: who may talk, for every socket of one context.
 *
 *  inproc and ipc need no guard: who shares the process or may open the directory is one of us. On tcp a socket that
 *  binds lets nobody in without a credential: the cookie (ZMTP PLAIN) where only this machine can reach it, a key file
 *  (CURVE) everywhere else. Without a handler libzmq would let everybody in, so a part that binds runs one: a small
 *  thread of its own that answers in this context (ZAP), with all signals blocked, from guard_new to guard_destroy.
 *
 *  A guard serves all threads that use its context; make it before the first socket, and destroy it when the last is
 *  closed.
 */
#ifndef DISHES_NET_GUARD_H
#define DISHES_NET_GUARD_H

#include "net/address.h"
#include "net/keys.h"

typedef struct guard guard_t;

typedef enum { GUARD_NONE, GUARD_COOKIE, GUARD_CURVE } guard_kind_t;

//  Where somebody was refused, and why.
typedef enum { SPOT_OUT, SPOT_IN, SPOT_LANE, SPOTS } spot_t;
typedef enum {
    STRANGER_STALE,  // what was shown is the cookie of before: one of us, who will find the new one
    STRANGER_MUTE,   // hung up before anything was shown: a port scanner, or one of us that was ended just then
    STRANGER_WRONG,  // what was shown is not the cookie, or no key of ours
    STRANGER_BARE,   // another kind of credential is shown than is asked for, or none
    STRANGER_SECOND, // the lane has its peer: whoever comes there besides is one too many, whatever he shows
    STRANGER_KINDS,
} stranger_t;

typedef struct {
    void *context;       // borrowed
    const address_t *at; // borrowed for the time of the call; resolved
    uint8_t role;        // ROLE_SINK also where sink and others share the process; sinks and washers bind
    const char *key;     // path of a key file, or NULL
    bool is_insecure;    // --insecure
    char *last_cookie;   // COOKIE_BYTES, or NULL: the cookie that a sink has made goes here; the one before it is stale
} guard_config_t;

//  NULL, errno and one line: what is wrong, and would be right.
guard_t *guard_new (const guard_config_t *config, char *error, size_t error_size);
void guard_destroy (guard_t **self_p);

guard_kind_t guard_kind (const guard_t *self);

//  True where tcp is open to whoever can reach it: to be said at each start.
bool guard_is_open (const guard_t *self);

//  The cookie of this pipeline, as far as it is known: a sink has made it, others set what they have found. False
//  where there is none yet. Any thread.
bool guard_cookie (guard_t *self, char out[COOKIE_BYTES]);
void guard_set_cookie (guard_t *self, const char *cookie);
bool guard_makes_cookie (const guard_t *self);

//  The cookie that counted before, which others may still show. One that is replaced by guard_set_cookie is known. Any
//  thread.
void guard_set_stale (guard_t *self, const char *cookie);

//  Arms a socket that is about to bind, or to connect. 0, or -1 and errno: ENOKEY where no cookie is known yet.
int guard_bind (guard_t *self, void *socket, spot_t spot);
int guard_connect (guard_t *self, void *socket);

//  How many were refused since the start. Any thread.
uint64_t guard_refused (const guard_t *self, spot_t spot, stranger_t kind);

//  Counts one whom the handler was not asked about. Where there is no guard nobody is asked for a credential, and only
//  a second peer is a stranger. Any thread.
void guard_count_refused (guard_t *self, spot_t spot, stranger_t kind);

//  False where a message is not this user's to say: a worker speaks neither as a washer nor of others' death. The sink
//  asks for each message on `in`; `user` is that of inbound_user, NULL where there is no guard; `is_washers`: it comes
//  in the name of a life that is known as a washer's.
bool guard_allows (const char *user, const message_t *message, bool is_washers);

//  What the handler calls those whom it lets in.
#define GUARD_HEAD   "head"
#define GUARD_WORKER "worker"
#define GUARD_USER   "user"

#endif
