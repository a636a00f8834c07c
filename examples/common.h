/*  common: what the programs of this directory share, so that each of them can show one thing: the command line, and
 *  hands. A hand does its work beside the main program: as a thread where the address is inproc://, as a process where
 *  it is any other. Nothing else depends on the address.
 */
#ifndef EXAMPLES_COMMON_H
#define EXAMPLES_COMMON_H

#include <dishes.h>

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

//  Exit statuses, as of the programs dishes, washer, dryer and sink.
enum { DEADLINE_PASSED = 124, OWN_ERROR = 125 };

//  An option that only one of the programs has.
typedef struct {
    const char *name;     // without its dashes
    const char *argument; // what it is called in the help
    const char *about;
    const char *value; // as it was given; before: what it is otherwise, or NULL
} more_t;

typedef struct {
    const char *about; // for --help
    const char *at;
    double scale;         // of all times; 0: the program takes no time, and has no --scale
    double deadline;      // seconds after which a pipeline is given up
    more_t *more;         // ends with one that has no name; NULL: none
    const char *operands; // what may stand behind the options, for the help; NULL: nothing
    char **operand;       // what stands there, up to a NULL
} kitchen_t;

//  For printf ("%.*s"): a task is bytes, and does not end with a NUL unless one was put.
#define DISH(task) (int)dishes_task_size (task), (const char *)dishes_task_data (task)

//  ---- errors

//  What the last call in this thread that failed has to say. The exit status for it.
static inline int complain (void)
{
    fprintf (stderr, "%s\n", dishes_error ());
    return OWN_ERROR;
}

//  ---- the command line

static inline void help (const kitchen_t *kitchen, const char *program)
{
    printf ("Usage: %s [OPTION...]%s%s\n%s\n\n", program, kitchen->operands ? " " : "",
            kitchen->operands ? kitchen->operands : "", kitchen->about);
    printf (
        "  --at URL             inproc://NAME: all in one process, in threads; ipc://NAME or tcp://127.0.0.1:PORT:\n"
        "                       several processes (%s)\n",
        kitchen->at);
    if (kitchen->scale)
        printf ("  --scale X            all times are multiplied by X (%g)\n", kitchen->scale);
    printf ("  --deadline SECONDS   give a pipeline up that has not ended by then, exit 124 (%g)\n", kitchen->deadline);
    for (const more_t *more = kitchen->more; more && more->name; more++) {
        int width = printf ("  --%s %s", more->name, more->argument);
        printf ("%*s%s\n", width < 23 ? 23 - width : 1, "", more->about);
    }
    printf ("  --help               this text\n");
    exit (0);
}

static inline double seconds_of (const char *program, const char *text)
{
    char *end;
    double value = strtod (text, &end);
    if (end == text || *end || !(value > 0) || value > 86400) {
        fprintf (stderr, "%s: '%s' is not a number above 0\n", program, text);
        exit (OWN_ERROR);
    }
    return value;
}

//  A number from `least` up to `most`, or the end of the program.
static inline unsigned number_of (const char *program, const char *text, unsigned least, unsigned most)
{
    char *end;
    double value = strtod (text, &end);
    if (end == text || *end || !(value >= least && value <= most) || value != floor (value)) {
        fprintf (stderr, "%s: '%s' is not a number from %u to %u\n", program, text, least, most);
        exit (OWN_ERROR);
    }
    return (unsigned)value;
}

enum { MORE_MAX = 8, MORE_FIRST = 256 };

//  As getopt_long wants it: the options that all programs have, then those of this one.
static inline void list_options (const kitchen_t *kitchen, struct option *options)
{
    *options++ = (struct option){"at", required_argument, NULL, 'a'};
    *options++ = (struct option){"deadline", required_argument, NULL, 'd'};
    *options++ = (struct option){"help", no_argument, NULL, 'h'};
    if (kitchen->scale)
        *options++ = (struct option){"scale", required_argument, NULL, 's'};
    for (int i = 0; i < MORE_MAX && kitchen->more && kitchen->more[i].name; i++)
        *options++ = (struct option){kitchen->more[i].name, required_argument, NULL, MORE_FIRST + i};
    *options = (struct option){0};
}

//  Reads the options over the defaults that are in `kitchen`. Ends the program where they are wrong.
static inline void read_options (kitchen_t *kitchen, int argc, char **argv)
{
    struct option options[5 + MORE_MAX];
    list_options (kitchen, options);
    if (!kitchen->deadline)
        kitchen->deadline = 60;
    setvbuf (stdout, NULL, _IOLBF, 0); // several processes write there: whole lines, at once
    for (int option; (option = getopt_long (argc, argv, "", options, NULL)) != -1;)
        if (option == 'a')
            kitchen->at = optarg;
        else if (option == 'd')
            kitchen->deadline = seconds_of (argv[0], optarg);
        else if (option == 's')
            kitchen->scale = seconds_of (argv[0], optarg);
        else if (option == 'h')
            help (kitchen, argv[0]);
        else if (option >= MORE_FIRST)
            kitchen->more[option - MORE_FIRST].value = optarg;
        else
            exit (OWN_ERROR);
    kitchen->operand = argv + optind;
    if (optind < argc && !kitchen->operands) {
        fprintf (stderr, "%s: there is no use for '%s'\n", argv[0], argv[optind]);
        exit (OWN_ERROR);
    }
}

//  ---- hands

typedef int hand_fn (void *arg); // its exit status

typedef struct {
    hand_fn *work;
    void *arg;
    int status;
    pid_t process; // 0: it is a thread
    pthread_t thread;
} hand_t;

static inline void *hand_thread (void *arg)
{
    hand_t *self = arg;
    self->status = self->work (self->arg);
    return NULL;
}

//  A process of its own, which does not outlive its parent, whatever that one dies of.
static inline pid_t hand_process (hand_t *self)
{
    pid_t parent = getpid (), child = fork ();
    if (child)
        return child;
    prctl (PR_SET_PDEATHSIG, SIGTERM);
    exit (getppid () == parent ? self->work (self->arg) : OWN_ERROR);
}

//  Lets another hand do `work`. Objects of the library do not survive fork: hire all hands before there is any.
static inline void hand_hire (hand_t *self, const kitchen_t *kitchen, hand_fn *work, void *arg)
{
    *self = (hand_t){.work = work, .arg = arg};
    if (strncmp (kitchen->at, "inproc:", 7) == 0)
        errno = pthread_create (&self->thread, NULL, hand_thread, self);
    else
        errno = (self->process = hand_process (self)) == -1 ? errno : 0;
    if (errno) {
        perror ("a helping hand");
        exit (OWN_ERROR);
    }
}

//  Waits until the hand has done its work. Its exit status; of a process that was killed, 128 and the signal.
static inline int hand_leave (hand_t *self)
{
    if (!self->process)
        pthread_join (self->thread, NULL);
    else if (waitpid (self->process, &self->status, 0) != -1)
        self->status = WIFEXITED (self->status) ? WEXITSTATUS (self->status) : 128 + WTERMSIG (self->status);
    return self->status;
}

//  ---- the sink

static inline dishes_sink_t *sink_open (const kitchen_t *kitchen)
{
    dishes_opts_t opts = {.size = sizeof opts, .deadline_ms = (int)(kitchen->deadline * 1000)};
    return dishes_sink_new (kitchen->at, &opts);
}

//  Waits until the pipeline has ended. The exit status that it deserves; `*done`, if not NULL, has how many tasks were
//  done.
static inline int sink_close (dishes_sink_t **sink_p, uint64_t *done)
{
    dishes_figures_t figures = {0};
    int status = dishes_sink_wait (*sink_p, -1, &figures) == 0 ? figures.status : complain ();
    if (done)
        *done = figures.ok;
    dishes_sink_destroy (sink_p);
    return status;
}

//  ---- time

//  Busy hands: so many seconds, times the scale.
static inline void be_busy (const kitchen_t *kitchen, double seconds)
{
    double scaled = seconds * kitchen->scale, whole = floor (scaled);
    struct timespec left = {.tv_sec = (time_t)whole, .tv_nsec = (long)((scaled - whole) * 1e9)};
    while (nanosleep (&left, &left) == -1 && errno == EINTR)
        ;
}

static inline double now (void) // seconds
{
    struct timespec time;
    clock_gettime (CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

#endif
