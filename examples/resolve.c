/*  resolve: the addresses of many hosts, all look-ups at once, from one thread.
 *
 *  Each host is a task. Whoever does them has a single thread, and gets as many tasks as there are (opts.slots): for
 *  each of them c-ares sends a question to the name server, and calls back when there is an answer, in whatever order
 *  answers come. The thread sleeps in one place only, epoll_wait, for two kinds of descriptors: the sockets of c-ares,
 *  and dishes_dryer_fd. (The library has threads of its own, which move messages; none of them ever looks up a name.)
 *
 *  With gevent it is a greenlet a host, and joinall (jobs, timeout=5). Here the sink has that deadline, and the end of
 *  the pipeline takes all look-ups along that have no answer by then.
 */
#include "common.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <stdbool.h>
#include <sys/epoll.h>

//  SLOTS look-ups at a time. BURST of them are begun in a turn of the loop, so that answers are read in between. What
//  is lost on the way, for want of room where many arrive together, is asked for again: after 1 s, 2 s, 4 s...
enum {
    SLOTS = 10000,
    BURST = 64,
    ROOM_BYTES = 4 << 20,
    TRY_MS = 1000,
    TRIES = 5,
    NAME_BYTES = 256,
    ANSWER_BYTES = 1024
};

static more_t s_more[] = {{"server", "ADDR:PORT", "the name server to ask (those of this machine)", NULL}, {0}};

//  ---- the thread that looks up

typedef struct {
    const kitchen_t *kitchen;
    ares_channel channel;
    dishes_dryer_t *dryer;
    int epoll;
    int status; // -1: not at the end yet
} resolver_t;

static size_t address_text (const struct ares_addrinfo_node *node, char *out, size_t size)
{
    const struct sockaddr_in *four = (const void *)node->ai_addr;
    const struct sockaddr_in6 *six = (const void *)node->ai_addr;
    const void *address = node->ai_family == AF_INET ? (const void *)&four->sin_addr : &six->sin6_addr;
    return size > INET6_ADDRSTRLEN && inet_ntop (node->ai_family, address, out, (socklen_t)size) ? strlen (out) : 0;
}

//  c-ares has an answer to this task, or gives up.
static void answered (void *arg, int error, int timeouts, struct ares_addrinfo *found)
{
    dishes_task_t *task = arg;
    char text[ANSWER_BYTES] = "";
    size_t size = 0;
    for (struct ares_addrinfo_node *node = found ? found->nodes : NULL; node; node = node->ai_next) {
        if (size && size + 1 < sizeof text)
            text[size++] = ' ';
        size += address_text (node, text + size, sizeof text - size);
    }
    if (error)
        size = (size_t)snprintf (text, sizeof text, "%s", ares_strerror (error));
    dishes_task_done (&task, error != ARES_SUCCESS, text, size);
    ares_freeaddrinfo (found);
}

static void look_up (resolver_t *self, dishes_task_t *task)
{
    static const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_flags = ARES_AI_NOSORT};
    char name[NAME_BYTES];
    if (dishes_task_size (task) < sizeof name) {
        snprintf (name, sizeof name, "%.*s", DISH (task));
        ares_getaddrinfo (self->channel, name, NULL, &hints, answered, task);
    } else {
        answered (task, ARES_EBADNAME, 0, NULL);
    }
}

//  A turn of the loop takes some; if there are more the descriptor stays readable.
static void take_tasks (resolver_t *self)
{
    dishes_task_t *task = NULL;
    for (int i = 0; i < BURST && (task = dishes_get (self->dryer, 0)); i++)
        look_up (self, task);
    if (!task && errno != ETIMEDOUT)
        self->status = errno == ENODATA ? 0 : complain ();
}

//  c-ares says what it waits for.
static void watch (void *arg, ares_socket_t fd, int readable, int writable)
{
    const resolver_t *self = arg;
    struct epoll_event event = {.events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0), .data.fd = fd};
    if (!event.events)
        epoll_ctl (self->epoll, EPOLL_CTL_DEL, fd, NULL);
    else if (epoll_ctl (self->epoll, EPOLL_CTL_MOD, fd, &event) == -1)
        epoll_ctl (self->epoll, EPOLL_CTL_ADD, fd, &event);
}

//  Until c-ares wants to ask again; -1: nothing is out.
static int next_ms (const resolver_t *self)
{
    struct timeval left;
    if (!ares_timeout (self->channel, NULL, &left))
        return -1;
    return (int)(left.tv_sec * 1000 + (left.tv_usec + 999) / 1000);
}

static void turn (resolver_t *self)
{
    struct epoll_event events[BURST];
    int count = epoll_wait (self->epoll, events, BURST, next_ms (self)), tasks = dishes_dryer_fd (self->dryer);
    for (int i = 0; i < count; i++) {
        ares_socket_t fd = events[i].data.fd;
        if (fd == tasks)
            take_tasks (self);
        else
            ares_process_fd (self->channel, events[i].events & ~EPOLLOUT ? fd : ARES_SOCKET_BAD,
                             events[i].events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
    }
    ares_process_fd (self->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); // the questions that are to be asked again
}

//  All over UDP (EDNS makes room for longer answers): where a server refuses TCP, c-ares gives up its other questions
//  too. With a server of one's own neither /etc/hosts nor the machine's domain has a say.
static int open_channel (resolver_t *self)
{
    char dns_only[] = "b";
    const char *server = s_more[0].value;
    struct ares_options options = {.flags = ARES_FLAG_EDNS | ARES_FLAG_IGNTC,
                                   .ednspsz = ANSWER_BYTES,
                                   .sock_state_cb = watch,
                                   .sock_state_cb_data = self,
                                   .socket_receive_buffer_size = ROOM_BYTES,
                                   .timeout = TRY_MS,
                                   .tries = TRIES,
                                   .lookups = dns_only};
    int given = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB | ARES_OPT_SOCK_RCVBUF | ARES_OPT_TIMEOUTMS |
                ARES_OPT_TRIES;
    if (server)
        given |= ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS;
    int error = ares_init_options (&self->channel, &options, given);
    if (!error && server)
        error = ares_set_servers_ports_csv (self->channel, server);
    if (error)
        fprintf (stderr, "%s: %s\n", server ? server : "c-ares", ares_strerror (error));
    return error ? -1 : 0;
}

static int open_dryer (resolver_t *self)
{
    dishes_opts_t opts = {.size = sizeof opts, .slots = SLOTS};
    struct epoll_event event = {.events = EPOLLIN};
    self->epoll = epoll_create1 (EPOLL_CLOEXEC);
    self->dryer = dishes_dryer_new (self->kitchen->at, &opts);
    if (!self->dryer)
        return complain ();
    event.data.fd = dishes_dryer_fd (self->dryer);
    if (epoll_ctl (self->epoll, EPOLL_CTL_ADD, event.data.fd, &event) == 0)
        return -1;
    perror ("epoll");
    return OWN_ERROR;
}

static int resolve (void *arg)
{
    resolver_t *self = arg;
    self->status = open_dryer (self);
    while (self->status == -1)
        turn (self);
    ares_cancel (self->channel); // what has no answer yet comes too late
    dishes_dryer_destroy (&self->dryer);
    close (self->epoll);
    return self->status;
}

//  ---- the hosts

typedef struct {
    char **names;
    bool *are_told;
    size_t size, capacity;
} hosts_t;

static void add_host (hosts_t *hosts, const char *name)
{
    if (hosts->size == hosts->capacity) {
        hosts->capacity = hosts->capacity ? hosts->capacity * 2 : 64;
        hosts->names = realloc (hosts->names, hosts->capacity * sizeof *hosts->names);
    }
    if (!hosts->names || !(hosts->names[hosts->size++] = strdup (name))) {
        perror ("hosts");
        exit (OWN_ERROR);
    }
}

//  From the command line, or one a line.
static void read_hosts (hosts_t *hosts, char **operand)
{
    char line[NAME_BYTES];
    for (char **name = operand; *name; name++)
        add_host (hosts, *name);
    while (!*operand && fgets (line, sizeof line, stdin)) {
        line[strcspn (line, "\n")] = 0;
        if (*line)
            add_host (hosts, line);
    }
    hosts->are_told = calloc (hosts->size + 1, sizeof *hosts->are_told);
}

//  Tasks have their numbers in the order in which they were put.
static void tell (void *arg, const dishes_result_t *result)
{
    hosts_t *hosts = arg;
    hosts->are_told[result->number - 1] = true;
    fprintf (result->outcome == DISHES_OK ? stdout : stderr, "%s %.*s\n", hosts->names[result->number - 1],
             (int)result->out_size, (const char *)result->out);
}

static void tell_missing (const hosts_t *hosts, double deadline)
{
    for (size_t i = 0; i < hosts->size; i++)
        if (!hosts->are_told[i])
            fprintf (stderr, "%s no answer within %g s\n", hosts->names[i], deadline);
}

static void free_hosts (hosts_t *hosts)
{
    while (hosts->size)
        free (hosts->names[--hosts->size]);
    free (hosts->names);
    free (hosts->are_told);
}

//  -1 also where not all were looked up in time; the sink has the reason.
static int put_hosts (const kitchen_t *kitchen, const hosts_t *hosts)
{
    int error = 0;
    dishes_washer_t *washer = dishes_washer_new (kitchen->at, NULL);
    if (!washer)
        return -1;
    for (size_t i = 0; i < hosts->size && !error; i++)
        error = dishes_put (washer, hosts->names[i], strlen (hosts->names[i]), -1);
    dishes_end (washer);
    if (!error)
        error = dishes_join (washer, -1);
    dishes_washer_destroy (&washer);
    return error;
}

static int look_up_all (const kitchen_t *kitchen, hosts_t *hosts, resolver_t *resolver)
{
    hand_t hand;
    hand_hire (&hand, kitchen, resolve, resolver);
    dishes_opts_t opts = {
        .size = sizeof opts, .deadline_ms = (int)(kitchen->deadline * 1000), .result = tell, .result_arg = hosts};
    dishes_sink_t *sink = dishes_sink_new (kitchen->at, &opts);
    if (!sink)
        return complain ();

    if (put_hosts (kitchen, hosts) == -1 && errno != ECANCELED) {
        complain ();
        dishes_sink_cancel (sink);
    }
    int status = sink_close (&sink, NULL), helped = hand_leave (&hand);
    if (status == DEADLINE_PASSED)
        tell_missing (hosts, kitchen->deadline);
    return status ? status : helped;
}

int main (int argc, char **argv)
{
    kitchen_t kitchen = {.at = "inproc://resolve",
                         .deadline = 5,
                         .more = s_more,
                         .operands = "[HOST...]",
                         .about = "Prints the addresses of all hosts, given or read one a line, as they come."};
    hosts_t hosts = {0};
    read_options (&kitchen, argc, argv);
    resolver_t resolver = {.kitchen = &kitchen};
    if (open_channel (&resolver) == -1) {
        ares_destroy (resolver.channel);
        return OWN_ERROR;
    }
    read_hosts (&hosts, kitchen.operand);

    int status = hosts.size ? look_up_all (&kitchen, &hosts, &resolver) : 0; // a dryer waits for a first task
    free_hosts (&hosts);
    ares_destroy (resolver.channel);
    return status;
}
