#include "run/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

//  What runs between clone and execve shares our memory, our thread's errno and stack guard: it may be neither
//  instrumented nor call what a sanitizer intercepts, so signals go to the kernel directly.
#define UNSANITIZED __attribute__ ((no_sanitize ("address", "undefined", "thread")))

enum { STACK_BYTES = 64 * 1024, SIGNALS = 64 };

typedef uint64_t sigbits_t; // the kernel's set of signals, bit 0 is signal 1

//  As the kernel has it on Linux's current architectures: the handler first, the rest may be zero for SIG_DFL, SIG_IGN.
typedef struct {
    uintptr_t handler;
    uint64_t rest[7];
} kernel_action_t;

static struct {
    sigbits_t ignored, mask;
    struct rlimit nofile;
} start;

static pthread_once_t start_once = PTHREAD_ONCE_INIT;

typedef struct {
    int number;
    kernel_action_t action;
} reset_t;

struct spawner {
    uint8_t *stack; // with a guard page below
    size_t page;    // bytes
    int nice;
    pid_t pid;
    char *name, *path; // the program found last
    reset_t reset[SIGNALS];
    size_t resets;
};

//  What the child reads, and the errno of its failure.
typedef struct {
    const spawner_t *spawner;
    const child_spec_t *spec;
    const char *path;
    char *const *argv;
    int error;
} birth_t;

UNSANITIZED static int kernel_mask (const sigbits_t *set, sigbits_t *old)
{
    return (int)syscall (SYS_rt_sigprocmask, SIG_SETMASK, set, old, sizeof (sigbits_t));
}

UNSANITIZED static int kernel_action (int number, const kernel_action_t *set, kernel_action_t *old)
{
    return (int)syscall (SYS_rt_sigaction, number, set, old, sizeof (sigbits_t));
}

static void open_standard_fds (void)
{
    int fd;
    do
        fd = open ("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= 2);
    if (fd > 2)
        close (fd);
}

static void remember (void)
{
    kernel_mask (NULL, &start.mask);
    getrlimit (RLIMIT_NOFILE, &start.nofile);
    for (int i = 1; i <= SIGNALS; i++) {
        kernel_action_t now = {0};
        if (kernel_action (i, NULL, &now) == 0 && now.handler == (uintptr_t)SIG_IGN)
            start.ignored |= (sigbits_t)1 << (i - 1);
    }
    if (start.ignored & (sigbits_t)1 << (SIGCHLD - 1))
        signal (SIGCHLD, SIG_DFL); // else the kernel would reap before us
    open_standard_fds ();
}

void child_remember (void)
{
    pthread_once (&start_once, remember);
}

int child_raise_nofile (uint64_t wanted, uint64_t *limit)
{
    child_remember ();
    struct rlimit now;
    if (getrlimit (RLIMIT_NOFILE, &now) != 0)
        return -1;
    bool enough = now.rlim_max == RLIM_INFINITY || now.rlim_max >= wanted;
    if (now.rlim_cur < wanted) {
        now.rlim_cur = enough ? wanted : now.rlim_max;
        if (setrlimit (RLIMIT_NOFILE, &now) != 0)
            return -1;
    }
    if (limit)
        *limit = now.rlim_cur;
    errno = enough ? 0 : EMFILE;
    return enough ? 0 : -1;
}

//  What a child must set so that its signals are as they were when we started. What is caught would be reset by execve,
//  but a signal between the child's unblocking and execve would run our handler in our memory.
static void find_resets (spawner_t *self)
{
    for (int i = 1; i <= SIGNALS; i++) {
        kernel_action_t now = {0};
        bool ignored = start.ignored >> (i - 1) & 1;
        uintptr_t wanted = (uintptr_t)(ignored ? SIG_IGN : SIG_DFL);
        if (i != SIGKILL && i != SIGSTOP && kernel_action (i, NULL, &now) == 0 && now.handler != wanted)
            self->reset[self->resets++] = (reset_t){.number = i, .action = {.handler = wanted}};
    }
}

spawner_t *spawner_new (void)
{
    child_remember ();
    spawner_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->page = (size_t)sysconf (_SC_PAGESIZE);
    self->pid = getpid ();
    self->nice = getpriority (PRIO_PROCESS, 0);
    void *stack =
        mmap (NULL, self->page + STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) {
        free (self);
        return NULL;
    }
    self->stack = stack;
    mprotect (stack, self->page, PROT_NONE);
    find_resets (self);
    return self;
}

void spawner_destroy (spawner_t **self_p)
{
    spawner_t *self = *self_p;
    if (!self)
        return;
    munmap (self->stack, self->page + STACK_BYTES);
    free (self->name);
    free (self->path);
    free (self);
    *self_p = NULL;
}

static bool is_program (const char *path)
{
    struct stat info;
    if (faccessat (AT_FDCWD, path, X_OK, AT_EACCESS) != 0 || stat (path, &info) != 0)
        return false;
    if (S_ISDIR (info.st_mode))
        errno = EACCES;
    return !S_ISDIR (info.st_mode);
}

//  Tries DIRECTORY/NAME for each directory of PATH; an empty one is the current directory. The errno that execvp
//  would give: EACCES once a file was there that may not be executed.
static char *search_path (const char *name)
{
    const char *path = getenv ("PATH");
    path = path ? path : "/bin:/usr/bin";
    char *found = malloc (strlen (path) + strlen (name) + 3);
    int error = ENOENT;
    while (found) {
        size_t size = strcspn (path, ":");
        memcpy (found, size ? path : ".", size ? size : 1);
        strcpy (found + (size ? size : 1), "/");
        strcat (found, name);
        if (is_program (found))
            return found;
        if (errno == EACCES)
            error = EACCES;
        if (!path[size])
            break;
        path += size + 1;
    }
    if (found)
        errno = error;
    free (found);
    return NULL;
}

static void forget_program (spawner_t *self)
{
    free (self->name);
    free (self->path);
    self->name = self->path = NULL;
}

//  The path of a program, to be freed.
static char *find_program (const char *program)
{
    if (!*program) {
        errno = ENOENT;
        return NULL;
    }
    if (!strchr (program, '/'))
        return search_path (program);
    return is_program (program) ? strdup (program) : NULL;
}

int child_check (const char *program)
{
    char *path = find_program (program);
    free (path);
    return path ? 0 : -1;
}

//  Borrowed until the next call; the last one is kept, for mostly it is the next one too.
static const char *find_again (spawner_t *self, const char *program)
{
    if (self->name && strcmp (self->name, program) == 0)
        return self->path;
    forget_program (self);
    self->path = find_program (program);
    self->name = self->path ? strdup (program) : NULL;
    if (self->name)
        return self->path;
    int error = errno;
    forget_program (self);
    errno = error;
    return NULL;
}

UNSANITIZED static int born (void *arg)
{
    birth_t *birth = arg;
    const spawner_t *spawner = birth->spawner;
    const child_spec_t *spec = birth->spec;

    setpgid (0, 0);
    for (size_t i = 0; i < spawner->resets; i++)
        kernel_action (spawner->reset[i].number, &spawner->reset[i].action, NULL);
    if (spec->nice)
        setpriority (PRIO_PROCESS, 0, spawner->nice + spec->nice);
    syscall (SYS_prlimit64, 0, RLIMIT_NOFILE, &start.nofile, NULL);
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (getppid () != spawner->pid)
        _exit (127); // we were killed before prctl, and the guardian may have looked already

    if (dup2 (spec->fd[0], 0) == 0 && dup2 (spec->fd[1], 1) == 1 && dup2 (spec->fd[2], 2) == 2) {
        syscall (SYS_close_range, 3U, ~0U, 0);
        kernel_mask (&start.mask, NULL);
        execve (birth->path, birth->argv, spec->envp);
    }
    birth->error = errno;
    _exit (127);
}

static void vacate (child_t *self)
{
    if (self->place)
        *self->place = 0;
}

//  One clone and execve. 0, or -1 and errno. While the memory is shared no signal may be handled, but for SIGCHLD,
//  which is ignored here: blocked, each child that ends meanwhile would wake the thread that waits for signals.
static int give_birth (spawner_t *self, birth_t *birth, child_t *child)
{
    const sigbits_t most = ~((sigbits_t)1 << (SIGCHLD - 1));
    sigbits_t old;
    int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD | (birth->spec->place ? CLONE_CHILD_SETTID : 0);

    *child = (child_t){.pidfd = -1, .place = birth->spec->place};
    birth->error = 0;
    kernel_mask (&most, &old);
    child->pid = clone (born, self->stack + self->page + STACK_BYTES, flags, birth, &child->pidfd, NULL,
                        (pid_t *)birth->spec->place);
    int error = child->pid < 0 ? errno : birth->error;
    kernel_mask (&old, NULL);
    if (!error)
        return 0;

    int status, number;
    if (child->pid > 0)
        child_reap (child, &status, &number);
    *child = (child_t){.pidfd = -1};
    errno = error;
    return -1;
}

//  A script without "#!": /bin/sh PATH ARG...
static int start_script (spawner_t *self, birth_t *birth, child_t *child)
{
    size_t count = 0;
    while (birth->argv[count])
        count++;
    char **argv = calloc (count + 3, sizeof *argv);
    if (!argv)
        return -1;
    argv[0] = (char *)"/bin/sh";
    argv[1] = (char *)birth->path;
    for (size_t i = 1; i < count; i++)
        argv[i + 1] = birth->argv[i];
    birth_t again = {.spawner = self, .spec = birth->spec, .path = argv[0], .argv = argv};
    int rc = give_birth (self, &again, child);
    free (argv);
    return rc;
}

static int start_found (spawner_t *self, const child_spec_t *spec, child_t *child)
{
    birth_t birth = {.spawner = self, .spec = spec, .argv = spec->argv};
    birth.path = find_again (self, spec->program);
    if (!birth.path)
        return -1;
    int rc = give_birth (self, &birth, child);
    return rc != 0 && errno == ENOEXEC ? start_script (self, &birth, child) : rc;
}

int child_start (spawner_t *spawner, const child_spec_t *spec, child_t *child)
{
    assert (spec->fd[0] > 2 && spec->fd[1] > 2 && spec->fd[2] > 2);
    bool kept = spawner->name && strcmp (spawner->name, spec->program) == 0;
    int rc = start_found (spawner, spec, child);
    if (rc != 0 && kept && (errno == ENOENT || errno == EACCES)) {
        forget_program (spawner); // it has moved since it was found
        rc = start_found (spawner, spec, child);
    }
    if (rc != 0)
        *child = (child_t){.pidfd = -1};
    return rc;
}

int child_signal (const child_t *self, int signal)
{
    assert (self->pid > 0);
    return kill (-self->pid, signal);
}

int child_reap (child_t *self, int *status, int *signal)
{
    assert (self->pid > 0);
    siginfo_t info = {0};
    vacate (self); // before its number can be somebody else's
    int rc;
    do
        rc = waitid (P_PIDFD, (id_t)self->pidfd, &info, WEXITED);
    while (rc != 0 && errno == EINTR);
    int error = errno;
    *status = rc == 0 && info.si_code == CLD_EXITED ? info.si_status : 0;
    *signal = rc == 0 && info.si_code != CLD_EXITED ? info.si_status : 0;
    close (self->pidfd);
    *self = (child_t){.pidfd = -1};
    errno = error;
    return rc;
}
