#include "role/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_A_WAIT = 64 };

struct loop {
    int epoll, wake;
};

loop_t *loop_new (void)
{
    loop_t *self = malloc (sizeof *self);
    if (!self)
        return NULL;
    *self = (loop_t){.epoll = epoll_create1 (EPOLL_CLOEXEC), .wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (self->epoll == -1 || self->wake == -1 || epoll_ctl (self->epoll, EPOLL_CTL_ADD, self->wake, &event) == -1)
        loop_destroy (&self);
    return self;
}

void loop_destroy (loop_t **self_p)
{
    loop_t *self = *self_p;
    if (!self)
        return;
    int kept = errno;
    if (self->epoll != -1)
        close (self->epoll);
    if (self->wake != -1)
        close (self->wake);
    free (self);
    *self_p = NULL;
    errno = kept;
}

static int change (loop_t *self, watch_t *watch, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    return epoll_ctl (self->epoll, operation, watch->fd, &event);
}

int loop_watch (loop_t *self, watch_t *watch, int fd)
{
    *watch = (watch_t){.ready = true, .fd = fd};
    if (change (self, watch, EPOLL_CTL_ADD, EPOLLIN) == -1)
        return -1;
    watch->is_known = true;
    return 0;
}

//  A descriptor that was closed and opened again has left the epoll set by itself.
static int rearm (loop_t *self, watch_t *watch, uint32_t events)
{
    if (watch->is_known && change (self, watch, EPOLL_CTL_MOD, events) == 0)
        return 0;
    if (watch->is_known && errno != ENOENT)
        return -1;
    watch->is_known = change (self, watch, EPOLL_CTL_ADD, events) == 0;
    return watch->is_known ? 0 : -1;
}

int loop_arm (loop_t *self, watch_t *watch, int fd, bool write)
{
    if (watch->is_armed && watch->fd == fd)
        return 0;
    if (watch->is_known && watch->fd != fd)
        loop_unwatch (self, watch);
    watch->fd = fd;
    watch->ready = false;
    watch->is_armed = rearm (self, watch, EPOLLONESHOT | (write ? EPOLLOUT : EPOLLIN)) == 0;
    if (watch->is_armed)
        return 0;
    if (errno != EPERM)
        return -1;
    watch->ready = true; // a file of a disk: never keeps anybody waiting
    return 0;
}

void loop_unwatch (loop_t *self, watch_t *watch)
{
    if (watch->is_known)
        change (self, watch, EPOLL_CTL_DEL, 0);
    *watch = (watch_t){0};
}

static int timeout_ms (int64_t due_ms)
{
    if (due_ms == INT64_MAX)
        return -1;
    int64_t left_ms = due_ms - loop_now_ms ();
    return left_ms <= 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

int loop_wait (loop_t *self, int64_t due_ms)
{
    struct epoll_event events[EVENTS_A_WAIT];
    int count = epoll_wait (self->epoll, events, EVENTS_A_WAIT, timeout_ms (due_ms));
    if (count == -1)
        return errno == EINTR ? 0 : -1;
    for (int i = 0; i < count; i++) {
        watch_t *watch = events[i].data.ptr;
        eventfd_t wakes;
        if (!watch) {
            eventfd_read (self->wake, &wakes);
            continue;
        }
        watch->ready = true;
        watch->is_armed = false;
    }
    return 0;
}

void loop_wake (loop_t *self)
{
    int kept = errno;
    eventfd_write (self->wake, 1);
    errno = kept;
}

int64_t loop_now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
