#include "cmd/observe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

//  ---- asking

static int s_run (stage_t *self, const local_config_t *parts, const station_t *station, const onlooker_t *onlooker,
                  observer_result_t *result)
{
    const config_t *config = &self->config;
    observer_role_config_t observer = {.site = station->site,
                                       .name = parts->dryer.name,
                                       .is_asking = config->action == ACTION_STATUS,
                                       .wait_ms = config->wait_ms,
                                       .deadline_ms = config->deadline_ms,
                                       .run = config->run,
                                       .onlooker = onlooker,
                                       .talk = self->talk};
    control_t *control = control_new ();
    int rc = control ? observer_role_run (&observer, control, result) : -1;
    if (!control)
        talk_say (&self->talk, TALK_ERROR, "cannot begin: %s", strerror (errno));
    control_destroy (&control);
    return rc;
}

int observe_ask (stage_t *self, const onlooker_t *onlooker, observer_result_t *result)
{
    local_config_t parts = stage_config (self);
    station_t station;
    parts.station.role = ROLE_OBSERVER;
    if (station_open (&station, &parts.station, self->error, sizeof self->error) == -1) {
        stage_refuse (self, STATUS_ERROR);
        return -1;
    }
    if (guard_is_open (station.guard))
        talk_say (&self->talk, TALK_NOTICE, "--insecure: whoever reaches this address can take part");
    int rc = s_run (self, &parts, &station, onlooker, result);
    station_close (&station);
    return rc;
}

static void s_say_reason (const stage_t *self, const observer_result_t *result)
{
    const char *why = result->ending.why;
    if (*result->reason)
        talk_say (&self->talk, TALK_ERROR, "%s: %s", self->config.at, result->reason);
    else if (result->ending.end == END_LOST)
        talk_say (&self->talk, TALK_ERROR, "%s: the sink gave up%s%s", self->config.at, *why ? ": " : "", why);
    else
        talk_say (&self->talk, TALK_ERROR, "%s: the pipeline was lost", self->config.at);
}

//  ---- --join

int observe_join_status (const observer_result_t *result)
{
    switch (result->is_late ? END_DEADLINE : result->ending.end) {
    case END_JOINED:
    case END_HALTED:
        return result->ending.status == 0 ? 0 : 1;
    case END_DEADLINE:
        return STATUS_DEADLINE;
    default:
        return STATUS_ERROR;
    }
}

void observe_report (const stage_t *self, const observer_result_t *result, int status)
{
    static const char *const ends[] = {[END_JOINED] = "all is done",
                                       [END_HALTED] = "halted (--halt)",
                                       [END_DEADLINE] = "the deadline of the run has passed",
                                       [END_INTERRUPTED] = "interrupted"};
    const figures_t *figures = &result->ending.figures;
    end_t end = result->ending.end;
    if (result->is_late)
        talk_say (&self->talk, TALK_ERROR, "the deadline has passed");
    else if (end == END_NONE || end >= END_LOST)
        s_say_reason (self, result);
    else if (status)
        talk_say (&self->talk, TALK_ERROR, "%s: %llu tasks succeeded, %llu failed", ends[end],
                  (unsigned long long)figures->ok,
                  (unsigned long long)(figures->failed + figures->broken + figures->dropped));
}

int observe_join (stage_t *self, int *signal)
{
    observer_result_t result;
    if (observe_ask (self, NULL, &result) == -1)
        return STATUS_ERROR;
    int status = observe_join_status (&result);
    observe_report (self, &result, status);
    free (result.dryers);
    return status;
}

//  ---- --status

int observe_status (stage_t *self, int *signal)
{
    observer_result_t result;
    if (observe_ask (self, NULL, &result) == -1)
        return STATUS_ERROR;
    bool is_known = result.has_status || (result.ending.end != END_NONE && result.run && !*result.reason);
    if (is_known)
        (self->config.json ? observe_show_json : observe_show) (&result, stdout);
    else
        s_say_reason (self, &result);
    free (result.dryers);
    return is_known ? stage_flush (self) : STATUS_ERROR;
}
