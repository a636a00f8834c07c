#include "cmd/program_talk.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char prefix[16]; // "dishes: "
static bool is_quiet;
static bool is_drawn; // the progress line stands on the terminal

#define CLEAR_LINE "\r\033[K"

//  After a write that failed. Somebody else who has this file may have made it one that does not wait.
static bool may_go_on (void)
{
    struct pollfd ask = {.fd = STDERR_FILENO, .events = POLLOUT};
    return errno == EINTR || (errno == EAGAIN && (poll (&ask, 1, -1) == 1 || errno == EINTR));
}

//  Nothing can be said about a stderr that takes nothing.
static void write_all (struct iovec *parts, int count)
{
    while (count) {
        ssize_t size = writev (STDERR_FILENO, parts, count);
        if (size == -1 && !may_go_on ())
            return;
        for (size_t left = size == -1 ? 0 : (size_t)size; count; parts++, count--) {
            size_t taken = left < parts->iov_len ? left : parts->iov_len;
            parts->iov_base = (char *)parts->iov_base + taken;
            parts->iov_len -= taken;
            left -= taken;
            if (parts->iov_len)
                break;
        }
    }
}

static struct iovec part (const char *text, size_t size)
{
    return (struct iovec){.iov_base = (void *)(uintptr_t)text, .iov_len = size};
}

static void say (const char *before, const char *text, size_t size)
{
    pthread_mutex_lock (&lock);
    const char *clear = is_drawn ? CLEAR_LINE : "";
    is_drawn = false;
    struct iovec parts[] = {part (clear, strlen (clear)), part (before, strlen (before)), part (text, size),
                            part ("\n", 1)};
    write_all (parts, 4);
    pthread_mutex_unlock (&lock);
}

static void line (void *arg, talk_level_t level, const char *text)
{
    if (level != TALK_NOTICE || !is_quiet)
        say (prefix, text, strlen (text));
}

static void draw (void *arg, const char *bytes, size_t size)
{
    pthread_mutex_lock (&lock);
    struct iovec parts[] = {part (bytes, size)};
    is_drawn = size && bytes[0] == '\r' && bytes[size - 1] != '\n';
    write_all (parts, 1);
    pthread_mutex_unlock (&lock);
}

void program_talk_start (void *arg, const runner_task_t *task, uint32_t slot, const char *text, size_t size)
{
    say ("", text, size);
}

talk_t program_talk (program_t program, bool quiet)
{
    snprintf (prefix, sizeof prefix, "%s: ", program_name (program));
    is_quiet = quiet;
    return (talk_t){.line = line, .draw = draw, .is_tracing = getenv ("DISHES_TRACE") != NULL};
}
