/*  washer: the beginning of a pipeline: reads items and gives them to the dryers until all are counted.
 */
#include "cmd/stage.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

//  Only the sink can end a run as a whole. A washer whose time is over leaves, and is lost to the run; so its deadline
//  is a signal like those that a user sends; it waits until the run hears signals. 0, or -1 and errno.
static int set_deadline (int64_t deadline_ms, timer_t *timer)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGTERM};
    struct itimerspec due = {
        .it_value = {.tv_sec = (time_t)(deadline_ms / 1000), .tv_nsec = (long)(deadline_ms % 1000) * 1000000}};
    sigset_t set;
    sigemptyset (&set);
    sigaddset (&set, SIGTERM);
    sigprocmask (SIG_BLOCK, &set, NULL);
    signal (SIGTERM, SIG_DFL); // an ignored one would never come
    if (timer_create (CLOCK_MONOTONIC, &event, timer) == -1)
        return -1;
    return timer_settime (*timer, 0, &due, NULL);
}

static bool has_passed (timer_t timer)
{
    struct itimerspec left;
    return timer_gettime (timer, &left) == 0 && left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0;
}

static int run_until (stage_t *self, local_config_t *parts, int *signal)
{
    timer_t timer;
    if (set_deadline (self->config.deadline_ms, &timer) == -1) {
        snprintf (self->error, sizeof self->error, "--deadline: %s", strerror (errno));
        return stage_refuse (self, STATUS_ERROR);
    }
    int status = stage_run (self, parts, signal);
    if (*signal != SIGTERM || !has_passed (timer))
        return status;
    *signal = 0;
    talk_say (&self->talk, TALK_ERROR, "the deadline has passed");
    return STATUS_DEADLINE;
}

static int run (stage_t *self, int *signal)
{
    local_config_t parts = stage_config (self);
    parts.has_washer = true;
    return self->config.deadline_ms ? run_until (self, &parts, signal) : stage_run (self, &parts, signal);
}

int main (int argc, char **argv)
{
    return stage_main (PROGRAM_WASHER, argc, argv, run);
}
