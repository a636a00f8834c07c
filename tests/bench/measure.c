/*  measure [-o FILE] COMMAND [ARG...]: runs a command and says what it took.
 *
 *  One line, to FILE or stderr: wall seconds, user seconds, system seconds, and the largest resident memory (KiB) of
 *  the command or of anything that it waited for. The command's exit status is passed on; 128 + N for signal N. A small
 *  process of its own, because the kernel counts the memory of whoever forks into what the child is said to have used.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double s_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double s_seconds (struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void s_report (const char *path, double wall, const struct rusage *usage)
{
    FILE *to = path ? fopen (path, "w") : stderr;
    if (!to) {
        perror (path);
        return;
    }
    fprintf (to, "%.6f %.6f %.6f %ld\n", wall, s_seconds (usage->ru_utime), s_seconds (usage->ru_stime),
             usage->ru_maxrss);
    if (path)
        fclose (to);
}

int main (int argc, char **argv)
{
    const char *path = NULL;
    int first = 1;
    if (argc > 2 && strcmp (argv[1], "-o") == 0) {
        path = argv[2];
        first = 3;
    }
    if (first >= argc) {
        fprintf (stderr, "usage: measure [-o FILE] COMMAND [ARG...]\n");
        return 125;
    }
    double start = s_now ();
    pid_t pid;
    int rc = posix_spawnp (&pid, argv[first], NULL, NULL, argv + first, environ);
    if (rc != 0) {
        fprintf (stderr, "measure: %s: %s\n", argv[first], strerror (rc));
        return rc == ENOENT ? 127 : 126;
    }
    int status;
    struct rusage usage;
    while (wait4 (pid, &status, 0, &usage) < 0)
        if (errno != EINTR)
            return 125;
    s_report (path, s_now () - start, &usage);
    return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}
