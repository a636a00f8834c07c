/*  spawn_floor JOBS COUNT COMMAND [ARG...]: the least that it takes to run a command COUNT times, JOBS at a time.
 *
 *  posix_spawn and waitpid, the output captured through a pipe each and thrown away; no input, no log, no order: what
 *  any tool that runs one command an item has to do at least. It is a limit to compare with, not a tool.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { JOBS_MAX = 256 };

typedef struct {
    pid_t pid;
    int fd;
} job_t;

static void s_start (job_t *job, char **argv)
{
    int fds[2];
    posix_spawn_file_actions_t actions;
    if (pipe2 (fds, O_CLOEXEC) < 0) {
        perror ("spawn_floor: pipe2");
        exit (125);
    }
    posix_spawn_file_actions_init (&actions);
    posix_spawn_file_actions_adddup2 (&actions, fds[1], 1);
    int rc = posix_spawnp (&job->pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy (&actions);
    if (rc != 0) {
        fprintf (stderr, "spawn_floor: %s: %s\n", argv[0], strerror (rc));
        exit (127);
    }
    close (fds[1]);
    job->fd = fds[0];
}

//  Reads what is there; true when the job has closed its output and was waited for.
static int s_ended (job_t *job)
{
    char bytes[65536];
    if (read (job->fd, bytes, sizeof bytes) > 0)
        return 0;
    close (job->fd);
    while (waitpid (job->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return 1;
}

int main (int argc, char **argv)
{
    int slots = argc > 3 ? atoi (argv[1]) : 0;
    long left = argc > 3 ? atol (argv[2]) : 0;
    if (slots < 1 || slots > JOBS_MAX || left < 1) {
        fprintf (stderr, "usage: spawn_floor JOBS COUNT COMMAND [ARG...]\n");
        return 125;
    }
    job_t jobs[JOBS_MAX];
    struct pollfd polls[JOBS_MAX];
    int running = 0;
    while (left > 0 || running > 0) {
        for (; left > 0 && running < slots; left--)
            s_start (&jobs[running++], argv + 3);
        for (int i = 0; i < running; i++)
            polls[i] = (struct pollfd){.fd = jobs[i].fd, .events = POLLIN};
        if (poll (polls, (nfds_t)running, -1) < 0)
            continue;
        for (int i = running - 1; i >= 0; i--)
            if (polls[i].revents && s_ended (&jobs[i]))
                jobs[i] = jobs[--running];
    }
    return 0;
}
