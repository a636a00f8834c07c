/*  pipe_floor JOBS BYTES COMMAND [ARG...]: the least that it takes to cut stdin into blocks of lines, of BYTES each
 *  at most, and to give each to a COMMAND of its own, JOBS at a time.
 *
 *  A block is read into memory that is used again and written into a pipe that holds all of it; then the command is
 *  started by posix_spawn. Its output is captured through a pipe and thrown away. No log, no order, no loss seen to:
 *  what any tool that runs one command a block has to do at least. It is a limit to compare with, not a tool.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { JOBS_MAX = 256 };

typedef struct {
    pid_t pid;
    int in, out;      // our ends; -1: all is written
    const char *rest; // of the block, to be written yet
    size_t left;
    char *block;
} job_t;

//  The next block, behind what the last one left: whole lines, or all there is.
typedef struct {
    size_t most;
    char *torn; // the line that did not go with the last block
    size_t size;
} cut_t;

static void s_die (const char *what)
{
    fprintf (stderr, "pipe_floor: %s: %s\n", what, strerror (errno));
    exit (125);
}

static size_t s_next_block (cut_t *self, char *block)
{
    size_t used = self->size;
    ssize_t got = 1;
    memcpy (block, self->torn, used);
    while (used < self->most && (got = read (0, block + used, self->most - used)) > 0)
        used += (size_t)got;
    char *last = got > 0 ? memrchr (block, '\n', used) : NULL;
    size_t whole = last ? (size_t)(last + 1 - block) : used;
    self->size = used - whole;
    memcpy (self->torn, block + whole, self->size);
    return whole;
}

static void s_pour (job_t *job)
{
    while (job->left) {
        ssize_t done = write (job->in, job->rest, job->left);
        if (done < 0 && errno == EAGAIN)
            return;
        if (done < 0)
            break;
        job->rest += done;
        job->left -= (size_t)done;
    }
    close (job->in);
    job->in = -1;
}

static void s_start (job_t *job, char **argv, size_t size)
{
    int in[2], out[2];
    posix_spawn_file_actions_t actions;
    if (pipe2 (in, O_CLOEXEC) < 0 || pipe2 (out, O_CLOEXEC) < 0)
        s_die ("pipe2");
    fcntl (in[1], F_SETPIPE_SZ, 1 << 20);
    fcntl (in[1], F_SETFL, O_NONBLOCK);
    *job = (job_t){.in = in[1], .out = out[0], .rest = job->block, .left = size, .block = job->block};
    s_pour (job);
    posix_spawn_file_actions_init (&actions);
    posix_spawn_file_actions_adddup2 (&actions, in[0], 0);
    posix_spawn_file_actions_adddup2 (&actions, out[1], 1);
    if ((errno = posix_spawnp (&job->pid, argv[0], &actions, NULL, argv, environ)))
        s_die (argv[0]);
    posix_spawn_file_actions_destroy (&actions);
    close (in[0]);
    close (out[1]);
}

//  True when the job has closed its output and was waited for.
static bool s_ended (job_t *job)
{
    char bytes[65536];
    if (read (job->out, bytes, sizeof bytes) > 0)
        return false;
    close (job->out);
    if (job->in >= 0)
        close (job->in);
    while (waitpid (job->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return true;
}

//  As many as there are slots and blocks for. False where the input is at its end.
static bool s_start_more (job_t *jobs, unsigned slots, unsigned *running, cut_t *cut, char **argv)
{
    for (; *running < slots; ++*running) {
        size_t size = s_next_block (cut, jobs[*running].block);
        if (!size)
            return false;
        s_start (&jobs[*running], argv, size);
    }
    return true;
}

//  Waits for something to happen. What has ended makes room at the end, and leaves its memory there.
static void s_wait (job_t *jobs, unsigned *running)
{
    struct pollfd polls[2 * JOBS_MAX];
    for (unsigned i = 0; i < *running; i++) {
        polls[2 * i] = (struct pollfd){.fd = jobs[i].out, .events = POLLIN};
        polls[2 * i + 1] = (struct pollfd){.fd = jobs[i].in, .events = POLLOUT};
    }
    if (poll (polls, (nfds_t)(2 * *running), -1) < 0)
        return;
    for (unsigned i = *running; i-- > 0;) {
        if (polls[2 * i + 1].revents)
            s_pour (&jobs[i]);
        if (!polls[2 * i].revents || !s_ended (&jobs[i]))
            continue;
        char *block = jobs[i].block;
        jobs[i] = jobs[--*running];
        jobs[*running].block = block;
    }
}

int main (int argc, char **argv)
{
    unsigned slots = argc > 3 ? (unsigned)atoi (argv[1]) : 0, running = 0;
    cut_t cut = {.most = argc > 3 ? (size_t)atol (argv[2]) : 0};
    if (slots < 1 || slots > JOBS_MAX || !cut.most) {
        fprintf (stderr, "usage: pipe_floor JOBS BYTES COMMAND [ARG...]\n");
        return 125;
    }
    job_t jobs[JOBS_MAX];
    if (!(cut.torn = malloc (cut.most)))
        s_die ("malloc");
    for (unsigned i = 0; i < slots; i++)
        if (!(jobs[i].block = malloc (cut.most)))
            s_die ("malloc");
    for (bool has_more = true; has_more || running;) {
        has_more = has_more && s_start_more (jobs, slots, &running, &cut, argv + 3);
        if (running)
            s_wait (jobs, &running);
    }
    return 0;
}
