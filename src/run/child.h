/*  child: the one place that makes processes and reaps them.
 *
 *  A child is made as by vfork (no copy of our memory, however large) and told apart by a pidfd. It leads a process
 *  group of its own; has descriptors 0, 1, 2 and no others; the signal mask, the ignored signals and the limit of open
 *  files that this program was started with; and is KILLed when the thread that made it ends.
 *
 *  "Could not start" is an error of child_start, with the errno of execve; "ran and failed" is a status of child_reap.
 */
#ifndef DISHES_RUN_CHILD_H
#define DISHES_RUN_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

//  Remembers what this program was started with: ignored signals, signal mask, limit of open files; and makes it fit to
//  have children: 0, 1, 2 are open (on /dev/null if need be), SIGCHLD is not ignored. Call it first in main; the first
//  spawner_new does it otherwise. Twice is as once.
void child_remember (void);

//  Lets this process, not its children, open `wanted` files in all. 0, or -1 and EMFILE where the hard limit is lower
//  (the soft one is then as high as it can be). `limit`, unless NULL, becomes what holds now.
int child_raise_nofile (uint64_t wanted, uint64_t *limit);

//  Could this program be started? Found as execvp finds it. 0, or -1 and errno: ENOENT (status 127), or EACCES: it is
//  there, but not to be executed (126); ENOMEM.
int child_check (const char *program);

typedef struct spawner spawner_t;

//  What a thread needs to make children; one thread a spawner. Signal handlers must have been installed before (the
//  child resets those that it finds here). NULL and errno.
spawner_t *spawner_new (void);
void spawner_destroy (spawner_t **self_p);

typedef struct {
    const char *program; // searched in PATH unless it has a slash
    char *const *argv;
    char *const *envp;
    int fd[3];             // become 0, 1, 2; each over 2
    int nice;              // added to our own
    volatile pid_t *place; // holds the group's number while there is one (see guardian.h), or NULL
} child_spec_t;

typedef struct {
    pid_t pid; // and its process group; 0: none
    int pidfd; // readable when it has exited; close-on-exec
    volatile pid_t *place;
} child_t;

//  Starts a child. Blocks until it runs the program. A file that execve does not know is given to /bin/sh. 0, or -1
//  and errno: then nothing runs and nothing is to be reaped.
int child_start (spawner_t *spawner, const child_spec_t *spec, child_t *child);

//  Sends a signal to its whole group. 0, or -1 and errno. The child must not have been reaped.
int child_signal (const child_t *self, int signal);

//  Takes the end of a child whose pidfd was readable (else this blocks): its status, or the signal that ended it (the
//  other is 0). Closes the pidfd. 0, or -1 and errno when the end is not known: somebody else took it.
int child_reap (child_t *self, int *status, int *signal);

#endif
