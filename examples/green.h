/*  green: green threads. Many functions that read as plain blocking code, in one thread of the system.
 *
 *  Each has a stack of its own. Where it would wait (green_sleep, green_read, green_get...) it is put aside, and
 *  another one goes on that need not wait any longer; a loop over epoll and a heap of timers finds out which. Nothing
 *  else ever takes the turn away from a function, so they need no locks against each other, and one that computes for
 *  long holds up all.
 *
 *  On ucontext, which is in the C library: gdb, valgrind and the sanitizers know it, and nothing has to be installed.
 *  What Debian has besides are GNU Pth and State Threads, both without a release for more than ten years, and
 *  Boost.Context, which is in best care, but for C++. The price: a system call at each switch, for the signal mask.
 *
 *  All of it is of the thread that calls green_run; each thread may have a world of its own.
 */
#ifndef EXAMPLES_GREEN_H
#define EXAMPLES_GREEN_H

#include <dishes.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { GREEN_STACK_BYTES = 64 << 10, GREEN_GUARD_BYTES = 4096 }; // memory is used only for what is touched

typedef void green_fn (void *arg);

typedef struct green {
    ucontext_t context;
    green_fn *fn;
    void *arg;
    char *stack; // above its guard; of the loop: of the thread
    size_t stack_size;
    void *fake_stack; // of the address sanitizer
    double due;       // when it is to go on, while it sleeps
    bool is_over;
    struct green *next; // in a list
} green_t;

typedef struct {
    green_t *first, **end;
} greens_t;

static _Thread_local struct {
    green_t loop, *now;
    greens_t ready;
    green_t **sleepers; // a heap: none is due before its parent
    size_t asleep, capacity;
    size_t alive;
    int epoll;
} s_green;

//  ---- what the address sanitizer has to know

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

static inline void green_leaving (green_t *from, const green_t *to)
{
    __sanitizer_start_switch_fiber (from->is_over ? NULL : &from->fake_stack, to->stack, to->stack_size);
}

static inline void green_arrived (green_t *at)
{
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber (at->fake_stack, &bottom, &size);
    if (at != &s_green.loop) { // so we come from there
        s_green.loop.stack = (char *)(uintptr_t)bottom;
        s_green.loop.stack_size = size;
    }
}
#else
#define green_leaving(from, to)                   ((void)(from), (void)(to))
#define green_arrived(at)                         ((void)(at))
#define ASAN_UNPOISON_MEMORY_REGION(memory, size) ((void)(memory), (void)(size))
#endif

//  ---- lists, and the heap of sleepers

static inline void greens_append (greens_t *list, green_t *green)
{
    green->next = NULL;
    if (!list->first)
        list->end = &list->first;
    *list->end = green;
    list->end = &green->next;
}

static inline green_t *greens_pop (greens_t *list)
{
    green_t *green = list->first;
    if (green)
        list->first = green->next;
    return green;
}

static inline int green_put_to_bed (green_t *green)
{
    if (s_green.asleep == s_green.capacity) {
        size_t capacity = s_green.capacity ? s_green.capacity * 2 : 64;
        green_t **larger = realloc (s_green.sleepers, capacity * sizeof *larger);
        if (!larger)
            return -1;
        s_green.sleepers = larger;
        s_green.capacity = capacity;
    }
    size_t at = s_green.asleep++;
    for (; at && s_green.sleepers[(at - 1) / 2]->due > green->due; at = (at - 1) / 2)
        s_green.sleepers[at] = s_green.sleepers[(at - 1) / 2];
    s_green.sleepers[at] = green;
    return 0;
}

static inline green_t *green_first_up (void)
{
    green_t *first = s_green.sleepers[0], *last = s_green.sleepers[--s_green.asleep];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < s_green.asleep; at = child) {
        if (child + 1 < s_green.asleep && s_green.sleepers[child + 1]->due < s_green.sleepers[child]->due)
            child++;
        if (s_green.sleepers[child]->due >= last->due)
            break;
        s_green.sleepers[at] = s_green.sleepers[child];
    }
    s_green.sleepers[at] = last;
    return first;
}

//  ---- one green thread

static inline double green_now (void) // seconds
{
    struct timespec time;
    clock_gettime (CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static inline void green_switch (green_t *from, green_t *to)
{
    s_green.now = to;
    green_leaving (from, to);
    swapcontext (&from->context, &to->context);
    green_arrived (from);
}

//  Lets others go on. Somebody must know of us by now: a list, the heap, or epoll.
static inline void green_yield (void)
{
    green_switch (s_green.now, &s_green.loop);
}

static inline void green_begin (void)
{
    green_t *self = s_green.now;
    green_arrived (self);
    self->fn (self->arg);
    self->is_over = true;
    green_yield (); // for the last time
}

//  One more that does `fn (arg)`, when its turn comes. 0, or -1 and errno.
static inline int green_spawn (green_fn *fn, void *arg)
{
    green_t *self = calloc (1, sizeof *self);
    if (!self)
        return -1;
    char *memory = mmap (NULL, GREEN_GUARD_BYTES + GREEN_STACK_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED || mprotect (memory, GREEN_GUARD_BYTES, PROT_NONE) == -1) {
        if (memory != MAP_FAILED)
            munmap (memory, GREEN_GUARD_BYTES + GREEN_STACK_BYTES);
        free (self);
        return -1;
    }
    self->fn = fn;
    self->arg = arg;
    self->stack = memory + GREEN_GUARD_BYTES;
    self->stack_size = GREEN_STACK_BYTES;
    getcontext (&self->context);
    self->context.uc_stack.ss_sp = self->stack;
    self->context.uc_stack.ss_size = self->stack_size;
    makecontext (&self->context, green_begin, 0);
    greens_append (&s_green.ready, self);
    s_green.alive++;
    return 0;
}

static inline void green_free (green_t *self)
{
    ASAN_UNPOISON_MEMORY_REGION (self->stack, self->stack_size);
    munmap (self->stack - GREEN_GUARD_BYTES, GREEN_GUARD_BYTES + self->stack_size);
    free (self);
    s_green.alive--;
}

//  ---- the loop

static inline int green_wait_ms (void) // until there is something to do
{
    if (s_green.ready.first)
        return 0;
    if (!s_green.asleep)
        return -1;
    double left = s_green.sleepers[0]->due - green_now ();
    return left > 0 ? (int)(left * 1000) + 1 : 0;
}

static inline void green_look_around (void)
{
    struct epoll_event events[256];
    int count = epoll_wait (s_green.epoll, events, sizeof events / sizeof *events, green_wait_ms ());
    for (int i = 0; i < count; i++)
        greens_append (&s_green.ready, events[i].data.ptr);
    double now = s_green.asleep ? green_now () : 0;
    while (s_green.asleep && s_green.sleepers[0]->due <= now)
        greens_append (&s_green.ready, green_first_up ());
}

//  Does `fn (arg)` and all that is spawned from there, until the last of them has returned. 0, or -1 and errno.
static inline int green_run (green_fn *fn, void *arg)
{
    s_green.epoll = epoll_create1 (EPOLL_CLOEXEC);
    if (s_green.epoll == -1)
        return -1;
    int rc = green_spawn (fn, arg);
    while (s_green.alive) {
        greens_t turn = s_green.ready; // those who become ready meanwhile have to wait for the next look around
        s_green.ready.first = NULL;
        for (green_t *green; (green = greens_pop (&turn));) {
            green_switch (&s_green.loop, green);
            if (green->is_over)
                green_free (green);
        }
        if (s_green.alive)
            green_look_around ();
    }
    close (s_green.epoll);
    free (s_green.sleepers);
    s_green.sleepers = NULL;
    s_green.capacity = 0;
    return rc;
}

//  ---- what reads as if it were blocking

static inline int green_sleep (double seconds)
{
    s_green.now->due = green_now () + seconds;
    if (green_put_to_bed (s_green.now) == -1)
        return -1;
    green_yield ();
    return 0;
}

//  Who sleeps need not sleep any longer.
static inline void green_wake_sleepers (void)
{
    for (size_t i = 0; i < s_green.asleep; i++)
        greens_append (&s_green.ready, s_green.sleepers[i]);
    s_green.asleep = 0;
}

//  Until somebody wakes the list.
static inline void green_wait_in (greens_t *list)
{
    greens_append (list, s_green.now);
    green_yield ();
}

static inline void green_wake (greens_t *list)
{
    for (green_t *green; (green = greens_pop (list));)
        greens_append (&s_green.ready, green);
}

//  Until `fd` is EPOLLIN or EPOLLOUT. Of all green threads one at a time may wait for a descriptor.
static inline int green_wait (int fd, uint32_t events)
{
    struct epoll_event event = {.events = events | EPOLLONESHOT, .data.ptr = s_green.now};
    if (epoll_ctl (s_green.epoll, EPOLL_CTL_MOD, fd, &event) == -1 &&
        epoll_ctl (s_green.epoll, EPOLL_CTL_ADD, fd, &event) == -1)
        return -1;
    green_yield ();
    return 0;
}

//  As read, write (of all bytes), accept and connect (of a Unix address), of descriptors that are O_NONBLOCK.
static inline ssize_t green_read (int fd, void *data, size_t size)
{
    ssize_t got;
    while ((got = recv (fd, data, size, 0)) == -1 && (errno == EAGAIN || errno == EINTR))
        if (errno == EAGAIN && green_wait (fd, EPOLLIN) == -1)
            return -1;
    return got;
}

static inline int green_write (int fd, const void *data, size_t size)
{
    for (size_t sent = 0; sent < size;) {
        ssize_t put = send (fd, (const char *)data + sent, size - sent, MSG_NOSIGNAL);
        if (put != -1)
            sent += (size_t)put;
        else if (errno != EINTR && (errno != EAGAIN || green_wait (fd, EPOLLOUT) == -1))
            return -1;
    }
    return 0;
}

static inline int green_accept (int fd)
{
    int guest;
    while ((guest = accept4 (fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) == -1 &&
           (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR))
        if (errno == EAGAIN && green_wait (fd, EPOLLIN) == -1)
            return -1;
    return guest;
}

static inline int green_connect (const struct sockaddr *to, socklen_t size)
{
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    while (fd != -1 && connect (fd, to, size) == -1)
        if (errno != EAGAIN || green_sleep (0.01) == -1) { // there is a queue at the door
            int kept = errno;
            close (fd);
            fd = -1;
            errno = kept;
        }
    return fd;
}

//  As dishes_get without a timeout.
static inline dishes_task_t *green_get (dishes_dryer_t *dryer)
{
    dishes_task_t *task;
    while (!(task = dishes_get (dryer, 0)) && errno == ETIMEDOUT)
        if (green_wait (dishes_dryer_fd (dryer), EPOLLIN) == -1)
            break;
    return task;
}

#endif
