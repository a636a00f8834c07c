#include "run/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_NS = 1000 * 1000, WAITS = 5000 };

struct guardian {
    pid_t pid;
    int fd; // our end of its pipe
    size_t capacity;
    volatile pid_t *peace;  // shared with the guardian: not 0 when our end of the pipe closes in peace
    volatile pid_t *places; // shared as well, behind it
    atomic_bool *taken;
};

//  A place is emptied once its group was killed, so that a later look does not hit a number that was given anew.
static void kill_groups (guardian_t *self)
{
    for (size_t i = 0; i < self->capacity; i++) {
        pid_t pid = self->places[i];
        if (pid <= 1)
            continue;
        kill (-pid, SIGKILL);
        kill (pid, SIGKILL); // it may not have made its group yet
        self->places[i] = 0;
    }
}

//  Descriptors close before children are told, so at the first look a child may still be on its way to execve. Looks
//  until the process is gone (a child born later sees that itself), and a last time then.
static void avenge (guardian_t *self, pid_t parent)
{
    const struct timespec pause = {.tv_nsec = WAIT_NS};
    kill_groups (self);
    for (int i = 0; i < WAITS && getppid () == parent; i++) {
        nanosleep (&pause, NULL);
        kill_groups (self);
    }
    kill_groups (self);
}

//  The whole life of the guardian; all signals are blocked.
static void guard (guardian_t *self, int fd, pid_t parent)
{
    setsid ();
    prctl (PR_SET_NAME, "dishes-guardian");
    if (chdir ("/") != 0 || dup2 (fd, 0) != 0)
        _exit (1);
    syscall (SYS_close_range, 1U, ~0U, 0);

    char byte;
    ssize_t size;
    do
        size = read (0, &byte, 1);
    while (size < 0 && errno == EINTR);
    if (size == 0 && !*self->peace)
        avenge (self, parent);
    _exit (0);
}

static int map_places (guardian_t *self, size_t capacity)
{
    size_t size = (capacity + 1) * sizeof (pid_t);
    void *memory = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -1;
    self->peace = memory;
    self->places = self->peace + 1;
    self->capacity = capacity;
    self->taken = calloc (capacity, sizeof *self->taken);
    return self->taken ? 0 : -1;
}

static int fork_guard (guardian_t *self)
{
    int fd[2];
    if (pipe2 (fd, O_CLOEXEC) != 0)
        return -1;
    pid_t parent = getpid ();
    sigset_t all, old;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &old);
    self->pid = fork ();
    if (self->pid == 0)
        guard (self, fd[0], parent);
    int error = errno;
    pthread_sigmask (SIG_SETMASK, &old, NULL);
    close (fd[0]);
    self->fd = fd[1];
    errno = error;
    return self->pid > 0 ? 0 : -1;
}

guardian_t *guardian_new (size_t capacity)
{
    guardian_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->fd = -1;
    if (map_places (self, capacity ? capacity : 1) != 0 || fork_guard (self) != 0) {
        int error = errno;
        guardian_destroy (&self);
        errno = error;
    }
    return self;
}

void guardian_destroy (guardian_t **self_p)
{
    guardian_t *self = *self_p;
    if (!self)
        return;
    if (self->peace)
        *self->peace = 1;
    if (self->fd >= 0)
        close (self->fd);
    while (self->pid > 0 && waitpid (self->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (self->peace)
        munmap ((void *)self->peace, (self->capacity + 1) * sizeof (pid_t));
    free (self->taken);
    free (self);
    *self_p = NULL;
}

volatile pid_t *guardian_take (guardian_t *self)
{
    for (size_t i = 0; i < self->capacity; i++)
        if (!atomic_exchange (&self->taken[i], true))
            return &self->places[i];
    return NULL;
}

void guardian_give (guardian_t *self, volatile pid_t **place_p)
{
    if (!*place_p)
        return;
    **place_p = 0;
    atomic_store (&self->taken[*place_p - self->places], false);
    *place_p = NULL;
}

pid_t guardian_pid (const guardian_t *self)
{
    return self->pid;
}
