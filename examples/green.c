/*  green: thousands of tasks at a time, in one thread, each written as if it had the thread for itself.
 *
 *  A task connects to a server, waits for all the others to be there, takes some naps, and has a talk after each of
 *  them. It is a function from top to bottom, with its variables on its stack, and no callback anywhere: green.h
 *  switches to another one where it would wait. The server beside it is a process that does the same from the other
 *  side.
 */
#define _GNU_SOURCE 1 // accept4
#include "common.h"
#include "green.h"

#include <sys/resource.h>
#include <sys/un.h>

enum { ROUNDS = 3, NAP_SECONDS = 1, TEXT_BYTES = 64, SPARE_DESCRIPTORS = 100 };

static more_t s_more[] = {{"tasks", "N", "so many, all at once (10000)", "10000"}, {0}};

//  Where the server is, and the socket at which it listens.
static struct sockaddr_un s_door = {.sun_family = AF_UNIX};
static socklen_t s_door_size = sizeof (sa_family_t); // alone: the system finds a name
static int s_listener;

//  ---- the server says again what it hears

static void serve (void *arg)
{
    int fd = (int)(intptr_t)arg;
    char text[TEXT_BYTES];
    ssize_t size;
    while ((size = green_read (fd, text, sizeof text)) > 0 && green_write (fd, text, (size_t)size) == 0)
        ;
    close (fd);
}

static void let_guests_in (void *arg)
{
    for (int fd; (fd = green_accept (s_listener)) != -1;)
        if (green_spawn (serve, (void *)(intptr_t)fd) == -1)
            break;
    perror ("server");
    exit (OWN_ERROR);
}

static int be_server (void *arg)
{
    return green_run (let_guests_in, arg);
}

//  ---- the tasks

typedef struct {
    const kitchen_t *kitchen;
    unsigned tasks;
    dishes_dryer_t *dryer;
    unsigned here, most; // who are at work: now, and at any time
    greens_t waiting;    // for the last one to come
    bool is_over;
    int status;
} world_t;

static _Thread_local world_t s_world;

static void wait_for_all (void)
{
    if (s_world.here < s_world.tasks && !s_world.is_over)
        green_wait_in (&s_world.waiting);
    else
        green_wake (&s_world.waiting);
}

//  Says it, and hears it again.
static int talk (int fd, const char *says, size_t size)
{
    char hears[TEXT_BYTES];
    if (green_write (fd, says, size) == -1)
        return -1;
    for (size_t heard = 0; heard < size;) {
        ssize_t more = green_read (fd, hears + heard, size - heard);
        if (more <= 0)
            return -1;
        heard += (size_t)more;
    }
    return memcmp (hears, says, size) == 0 ? 0 : -1;
}

static int visit (const void *name, size_t size)
{
    int error = 0, fd = green_connect ((struct sockaddr *)&s_door, s_door_size);
    if (fd == -1)
        return -1;
    wait_for_all ();
    for (int i = 0; i < ROUNDS && !error && !s_world.is_over; i++) {
        green_sleep (NAP_SECONDS * s_world.kitchen->scale);
        error = talk (fd, name, size);
    }
    close (fd);
    return error;
}

static void do_task (void *arg)
{
    dishes_task_t *task = arg;
    if (++s_world.here > s_world.most)
        s_world.most = s_world.here;
    int error = visit (dishes_task_data (task), dishes_task_size (task));
    s_world.here--;
    dishes_task_done (&task, error != 0, NULL, 0);
}

static void get_tasks (void *arg)
{
    for (dishes_task_t *task; (task = green_get (s_world.dryer));)
        if (green_spawn (do_task, task) == -1) {
            perror ("a green thread");
            dishes_task_done (&task, 1, NULL, 0);
        }
    s_world.status = errno == ENODATA ? 0 : complain ();
    s_world.is_over = true;
    green_wake (&s_world.waiting); // nobody comes any more, and nobody wants what is not done yet
    green_wake_sleepers ();
}

static int do_tasks (void *arg)
{
    const kitchen_t *kitchen = arg;
    unsigned tasks = (unsigned)atoi (s_more[0].value);
    dishes_opts_t opts = {.size = sizeof opts, .slots = (int)tasks, .prefetch = -1};
    s_world = (world_t){.kitchen = kitchen, .tasks = tasks, .dryer = dishes_dryer_new (kitchen->at, &opts)};
    if (!s_world.dryer)
        return complain ();
    double start = now ();
    if (green_run (get_tasks, NULL) == -1) {
        perror ("green threads");
        s_world.status = OWN_ERROR;
    }
    printf ("%u tasks at a time in one thread: %.2f s, of which each slept %.2f\n", s_world.most, now () - start,
            ROUNDS * NAP_SECONDS * kitchen->scale);
    dishes_dryer_destroy (&s_world.dryer);
    return s_world.status;
}

//  ---- the main program

//  A descriptor a task, in each process.
static int need_descriptors (unsigned tasks)
{
    struct rlimit limit;
    getrlimit (RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit (RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= tasks + SPARE_DESCRIPTORS)
        return 0;
    fprintf (stderr, "%u tasks need as many descriptors, and %ju are allowed: ulimit -Hn\n", tasks,
             (uintmax_t)limit.rlim_cur);
    return -1;
}

static int open_door (void)
{
    s_listener = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s_listener == -1 || bind (s_listener, (struct sockaddr *)&s_door, s_door_size) == -1)
        return -1;
    s_door_size = sizeof s_door;
    return listen (s_listener, SOMAXCONN) || getsockname (s_listener, (struct sockaddr *)&s_door, &s_door_size);
}

static int put_tasks (const kitchen_t *kitchen, unsigned tasks)
{
    char name[TEXT_BYTES];
    int error = 0;
    dishes_washer_t *washer = dishes_washer_new (kitchen->at, NULL);
    if (!washer)
        return -1;
    for (unsigned i = 1; i <= tasks && !error; i++)
        error = dishes_put (washer, name, (size_t)snprintf (name, sizeof name, "p%u", i), -1);
    dishes_end (washer);
    if (!error)
        error = dishes_join (washer, -1);
    dishes_washer_destroy (&washer);
    return error;
}

int main (int argc, char **argv)
{
    kitchen_t kitchen = {.at = "inproc://green",
                         .scale = 1,
                         .more = s_more,
                         .about = "Thousands of tasks sleep and talk at the same time, in one thread."};
    read_options (&kitchen, argc, argv);
    unsigned tasks = number_of (argv[0], s_more[0].value, 1, 30000);
    if (need_descriptors (tasks) == -1)
        return OWN_ERROR;
    if (open_door () == -1) {
        perror ("a socket");
        return OWN_ERROR;
    }

    hand_t server = {.work = be_server}, helper;
    server.process = hand_process (&server);
    hand_hire (&helper, &kitchen, do_tasks, &kitchen);
    dishes_sink_t *sink = sink_open (&kitchen);
    if (!sink)
        return complain ();

    if (put_tasks (&kitchen, tasks) == -1) {
        complain ();
        dishes_sink_cancel (sink);
    }
    int status = sink_close (&sink, NULL), helped = hand_leave (&helper);
    kill (server.process, SIGTERM);
    hand_leave (&server);
    return status ? status : helped;
}
