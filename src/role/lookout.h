/*  lookout: a supply that looks, while items pass, whether they are those of the run that a job log tells of.
 *
 *  Nothing in a job log is of the input itself, but the commands are: where one of the samples is not what the task
 *  would run now, either items or command have changed. That is said once; what becomes of the run is as in GNU
 *  parallel, for which only the numbers count.
 */
#ifndef DISHES_ROLE_LOOKOUT_H
#define DISHES_ROLE_LOOKOUT_H

#include "role/supply.h"
#include "role/talk.h"
#include "run/template.h"
#include "store/samples.h"

typedef struct {
    supply_t under;
    const template_t *command; // borrowed, and so is the path
    const char *joblog;
    talk_t talk;
    rendering_t *rendering;
    samples_t samples;
    size_t at;     // the next of them
    uint64_t next; // the number of the first task that is still to come
} lookout_t;

//  Reads the job log, and stands before `input`; `self` stays where it is until lookout_close. Where the log cannot be
//  read, or memory ends, nothing is looked at: the sink, which reads it too, says what is wrong with it.
supply_t lookout_open (lookout_t *self, input_t *input, const template_t *command, const char *joblog, talk_t talk);
void lookout_close (lookout_t *self); // may be called twice, and of {0}

#endif
