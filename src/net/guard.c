#include "net/guard.h"
#include "net/refusal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

enum { FRAME_BYTES = 256, FRAMES = 8 };

static const char plain_user[] = "dishes";

//  ZAP domains: the handler learns by them where somebody knocks.
static const char *const domains[SPOTS] = {
    [SPOT_OUT] = "dishes.out", [SPOT_IN] = "dishes.in", [SPOT_LANE] = "dishes.lane"};

struct guard {
    guard_kind_t kind;
    bool is_open, makes_cookie;
    pthread_mutex_t mutex; // for the cookies
    char cookie[COOKIE_BYTES];
    char stale[COOKIE_BYTES]; // the one before it; "": none
    keys_t keys;
    atomic_uint_fast64_t refused[SPOTS][STRANGER_KINDS];
    void *handler; // REP; the thread's while it runs
    int stop;      // eventfd; -1: no thread
    pthread_t thread;
};

//  ---- the handler

//  One request (ZAP): version, id, domain, address, identity, mechanism, credentials.
typedef struct {
    char frames[FRAMES][FRAME_BYTES];
    size_t sizes[FRAMES];
    size_t count;
} request_t;

enum { ZAP_VERSION, ZAP_ID, ZAP_DOMAIN, ZAP_ADDRESS, ZAP_IDENTITY, ZAP_MECHANISM, ZAP_CREDENTIAL, ZAP_PASSWORD };

//  False where it is not what libzmq sends.
static bool receive (void *handler, request_t *request)
{
    bool good = true;
    int more = 1;
    for (request->count = 0; more;) {
        char spare[FRAME_BYTES];
        bool fits = request->count < FRAMES;
        int size = zmq_recv (handler, fits ? request->frames[request->count] : spare, FRAME_BYTES, 0);
        if (size == -1)
            return false;
        good = good && fits && size <= FRAME_BYTES;
        if (fits)
            request->sizes[request->count++] = (size_t)size;
        size_t more_size = sizeof more;
        zmq_getsockopt (handler, ZMQ_RCVMORE, &more, &more_size);
    }
    return good && request->count > ZAP_MECHANISM;
}

static bool is_text (const request_t *request, unsigned frame, const char *text)
{
    size_t size = strlen (text);
    return frame < request->count && request->sizes[frame] == size && memcmp (request->frames[frame], text, size) == 0;
}

//  Takes as long whatever differs.
static bool is_same (const void *one, const void *other, size_t size)
{
    const uint8_t *a = one, *b = other;
    uint8_t differs = 0;
    for (size_t i = 0; i < size; i++)
        differs |= a[i] ^ b[i];
    return !differs;
}

static bool shows (const request_t *request, const char *cookie)
{
    return is_text (request, ZAP_MECHANISM, "PLAIN") && request->count > ZAP_PASSWORD &&
           request->sizes[ZAP_PASSWORD] == COOKIE_BYTES - 1 && *cookie &&
           is_same (cookie, request->frames[ZAP_PASSWORD], COOKIE_BYTES - 1);
}

static const char *judge_cookie (guard_t *self, const request_t *request)
{
    char cookie[COOKIE_BYTES];
    guard_cookie (self, cookie);
    return shows (request, cookie) ? GUARD_USER : NULL;
}

static stranger_t kind_of (guard_t *self, const request_t *request)
{
    pthread_mutex_lock (&self->mutex);
    bool is_stale = shows (request, self->stale);
    pthread_mutex_unlock (&self->mutex);
    return is_stale ? STRANGER_STALE : STRANGER_WRONG;
}

static const char *judge_key (const guard_t *self, const request_t *request)
{
    if (!is_text (request, ZAP_MECHANISM, "CURVE") || request->count <= ZAP_CREDENTIAL ||
        request->sizes[ZAP_CREDENTIAL] != KEY_BYTES)
        return NULL;
    const char *key = request->frames[ZAP_CREDENTIAL];
    for (size_t i = 0; i < self->keys.workers_size; i++)
        if (is_same (key, self->keys.workers[i], KEY_BYTES))
            return GUARD_WORKER;
    return is_same (key, self->keys.head, KEY_BYTES) ? GUARD_HEAD : NULL;
}

//  SPOTS where it is none of ours.
static spot_t spot_of (const request_t *request)
{
    spot_t spot = 0;
    while (spot < SPOTS && !is_text (request, ZAP_DOMAIN, domains[spot]))
        spot++;
    return spot;
}

//  The name of who is let in, or NULL.
static const char *judge (guard_t *self, const request_t *request)
{
    if (!is_text (request, ZAP_VERSION, "1.0") || spot_of (request) == SPOTS)
        return NULL;
    return self->kind == GUARD_COOKIE ? judge_cookie (self, request) : judge_key (self, request);
}

static void reply (void *handler, const request_t *request, const char *name)
{
    const char *const rest[] = {name ? "200" : "400", name ? "" : "refused", name ? name : "", ""};
    zmq_send (handler, "1.0", 3, ZMQ_SNDMORE);
    zmq_send (handler, request->frames[ZAP_ID], request->sizes[ZAP_ID], ZMQ_SNDMORE);
    for (unsigned i = 0; i < 4; i++)
        zmq_send (handler, rest[i], strlen (rest[i]), i < 3 ? ZMQ_SNDMORE : 0);
}

static void answer (guard_t *self)
{
    request_t request;
    const char *name = receive (self->handler, &request) ? judge (self, &request) : NULL;
    if (!name && spot_of (&request) != SPOTS)
        guard_count_refused (self, spot_of (&request), kind_of (self, &request));
    if (request.count <= ZAP_ID || request.sizes[ZAP_ID] > FRAME_BYTES)
        request.sizes[ZAP_ID] = 0;
    reply (self->handler, &request, name);
    explicit_bzero (&request, sizeof request);
}

static void *serve (void *arg)
{
    guard_t *self = arg;
    zmq_pollitem_t items[] = {{.socket = self->handler, .events = ZMQ_POLLIN},
                              {.fd = self->stop, .events = ZMQ_POLLIN}};
    while (!items[1].revents) {
        if (zmq_poll (items, 2, -1) == -1) {
            if (errno == EINTR)
                continue;
            break;
        }
        if (items[0].revents)
            answer (self);
    }
    zmq_close (self->handler);
    return NULL;
}

static int start_thread (guard_t *self)
{
    sigset_t all, old;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &old);
    int number = pthread_create (&self->thread, NULL, serve, self);
    pthread_sigmask (SIG_SETMASK, &old, NULL);
    errno = number;
    return number ? -1 : 0;
}

static int open_handler (guard_t *self, void *context)
{
    int linger = 0;
    self->stop = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->handler = self->stop == -1 ? NULL : zmq_socket (context, ZMQ_REP);
    if (self->handler && zmq_setsockopt (self->handler, ZMQ_LINGER, &linger, sizeof linger) == 0 &&
        zmq_bind (self->handler, "inproc://zeromq.zap.01") == 0 && start_thread (self) == 0)
        return 0;
    int kept = errno;
    if (self->handler)
        zmq_close (self->handler);
    if (self->stop != -1)
        close (self->stop);
    self->stop = -1;
    errno = kept;
    return -1;
}

//  ---- what holds here

static bool is_binder (const guard_config_t *config)
{
    return config->role == ROLE_SINK || config->role == ROLE_WASHER;
}

static int load_keys (guard_t *self, const guard_config_t *config, char *error, size_t error_size)
{
    self->kind = GUARD_CURVE;
    if (!zmq_has ("curve"))
        return net_refuse (ENOTSUP, error, error_size, "--key: this libzmq was built without CURVE");
    if (keys_load (&self->keys, config->key, error, error_size) == -1)
        return -1;
    if (is_binder (config) && !self->keys.is_head)
        return net_refuse (EPERM, error, error_size,
                           "--key: a sink or a washer needs the head's key, and this is a worker's");
    return 0;
}

//  Which kind of guard the address and the options ask for.
static int choose (guard_t *self, const guard_config_t *config, char *error, size_t error_size)
{
    bool is_tcp = config->at->kind == ADDRESS_TCP;
    if (config->key && config->is_insecure)
        return net_refuse (EINVAL, error, error_size, "--key and --insecure exclude each other");
    if (config->at->kind == ADDRESS_INPROC)
        return 0;
    if (config->key)
        return load_keys (self, config, error, error_size);
    self->is_open = is_tcp && config->is_insecure;
    if (!is_tcp || config->is_insecure)
        return 0;
    if (!config->at->is_loopback)
        return net_refuse (
            EACCES, error, error_size,
            "other machines can reach this address: it needs --key FILE (dishes --keygen DIR makes one), "
            "tcp://127.0.0.1:PORT for this machine only, or --insecure to let everybody in");
    self->kind = GUARD_COOKIE;
    self->makes_cookie = config->role == ROLE_SINK;
    if (self->makes_cookie && cookie_new (self->cookie) == -1)
        return net_refuse (errno, error, error_size, "there are no random numbers for a cookie");
    if (self->makes_cookie && config->last_cookie) {
        memcpy (self->stale, config->last_cookie, COOKIE_BYTES);
        memcpy (config->last_cookie, self->cookie, COOKIE_BYTES);
    }
    return 0;
}

guard_t *guard_new (const guard_config_t *config, char *error, size_t error_size)
{
    guard_t *self = calloc (1, sizeof *self);
    if (!self) {
        net_refuse (ENOMEM, error, error_size, "out of memory");
        return NULL;
    }
    self->stop = -1;
    pthread_mutex_init (&self->mutex, NULL);
    int rc = choose (self, config, error, error_size);
    if (rc == 0 && self->kind != GUARD_NONE && is_binder (config)) {
        rc = open_handler (self, config->context);
        if (rc == -1)
            snprintf (error, error_size, "cannot check who connects: %s", zmq_strerror (errno));
    }
    if (rc == -1)
        guard_destroy (&self);
    return self;
}

void guard_destroy (guard_t **self_p)
{
    guard_t *self = *self_p;
    if (!self)
        return;
    int kept = errno;
    if (self->stop != -1) {
        eventfd_write (self->stop, 1);
        pthread_join (self->thread, NULL);
        close (self->stop);
    }
    pthread_mutex_destroy (&self->mutex);
    explicit_bzero (self, sizeof *self);
    free (self);
    *self_p = NULL;
    errno = kept;
}

guard_kind_t guard_kind (const guard_t *self)
{
    return self->kind;
}

bool guard_is_open (const guard_t *self)
{
    return self->is_open;
}

bool guard_cookie (guard_t *self, char out[COOKIE_BYTES])
{
    pthread_mutex_lock (&self->mutex);
    memcpy (out, self->cookie, COOKIE_BYTES);
    pthread_mutex_unlock (&self->mutex);
    return *out;
}

void guard_set_cookie (guard_t *self, const char *cookie)
{
    pthread_mutex_lock (&self->mutex);
    memcpy (self->stale, self->cookie, sizeof self->stale);
    snprintf (self->cookie, sizeof self->cookie, "%s", cookie);
    pthread_mutex_unlock (&self->mutex);
}

void guard_set_stale (guard_t *self, const char *cookie)
{
    pthread_mutex_lock (&self->mutex);
    snprintf (self->stale, sizeof self->stale, "%s", cookie);
    pthread_mutex_unlock (&self->mutex);
}

bool guard_makes_cookie (const guard_t *self)
{
    return self->makes_cookie;
}

static bool is_hello_of_washer (const message_t *message)
{
    reader_t in = reader_of (message);
    return message->header.type == MSG_HELLO && get_u8 (&in) == ROLE_WASHER;
}

bool guard_allows (const char *user, const message_t *message, bool is_washers)
{
    static const uint8_t of_head[] = {MSG_EOF,    MSG_LANE,   MSG_BROKEN, MSG_DROPPED,
                                      MSG_CLOSED, MSG_HALTED, MSG_DIED,   MSG_INPUT};
    if (!user || strcmp (user, GUARD_WORKER) != 0)
        return true;
    return !is_washers && !memchr (of_head, message->header.type, sizeof of_head) && !is_hello_of_washer (message);
}

uint64_t guard_refused (const guard_t *self, spot_t spot, stranger_t kind)
{
    return atomic_load (&self->refused[spot][kind]);
}

void guard_count_refused (guard_t *self, spot_t spot, stranger_t kind)
{
    if (self->kind != GUARD_NONE || kind == STRANGER_SECOND)
        atomic_fetch_add (&self->refused[spot][kind], 1);
}

//  ---- sockets

typedef struct {
    int option;
    const void *value;
    size_t size;
} setting_t;

static int set_all (void *socket, const setting_t *settings, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (zmq_setsockopt (socket, settings[i].option, settings[i].value, settings[i].size) == -1)
            return -1;
    return 0;
}

int guard_bind (guard_t *self, void *socket, spot_t spot)
{
    static const int yes = 1;
    const char *domain = domains[spot];
    const setting_t cookie[] = {{ZMQ_ZAP_DOMAIN, domain, strlen (domain)}, {ZMQ_PLAIN_SERVER, &yes, sizeof yes}};
    const setting_t curve[] = {{ZMQ_ZAP_DOMAIN, domain, strlen (domain)},
                               {ZMQ_CURVE_SERVER, &yes, sizeof yes},
                               {ZMQ_CURVE_PUBLICKEY, self->keys.own, KEY_BYTES},
                               {ZMQ_CURVE_SECRETKEY, self->keys.secret, KEY_BYTES}};
    if (self->kind == GUARD_COOKIE)
        return set_all (socket, cookie, 2);
    return self->kind == GUARD_CURVE ? set_all (socket, curve, 4) : 0;
}

static int show_cookie (guard_t *self, void *socket)
{
    char password[COOKIE_BYTES];
    if (!guard_cookie (self, password)) {
        errno = ENOKEY;
        return -1;
    }
    const setting_t cookie[] = {{ZMQ_PLAIN_USERNAME, plain_user, strlen (plain_user)},
                                {ZMQ_PLAIN_PASSWORD, password, strlen (password)}};
    int rc = set_all (socket, cookie, 2);
    explicit_bzero (password, sizeof password);
    return rc;
}

int guard_connect (guard_t *self, void *socket)
{
    const setting_t curve[] = {{ZMQ_CURVE_SERVERKEY, self->keys.head, KEY_BYTES},
                               {ZMQ_CURVE_PUBLICKEY, self->keys.own, KEY_BYTES},
                               {ZMQ_CURVE_SECRETKEY, self->keys.secret, KEY_BYTES}};
    if (self->kind == GUARD_COOKIE)
        return show_cookie (self, socket);
    return self->kind == GUARD_CURVE ? set_all (socket, curve, 3) : 0;
}
