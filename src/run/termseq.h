/*  termseq: how a task is ended: a signal, a wait, a harder signal, ... (--term-seq TERM,200,TERM,100,KILL,25).
 */
#ifndef DISHES_RUN_TERMSEQ_H
#define DISHES_RUN_TERMSEQ_H

#include <stdint.h>

#define TERMSEQ_DEFAULT "TERM,200,TERM,100,TERM,50,KILL,25"

enum { TERMSEQ_STEPS = 16 };

typedef struct {
    struct {
        int signal;
        int32_t wait_ms; // after it, before the next
    } step[TERMSEQ_STEPS];
    int count; // 0: nothing was set
} termseq_t;

//  Reads SIGNAL,MS,SIGNAL,MS,... where a signal is a name with or without SIG, or a number; the last wait may be left
//  out. A sequence that does not end with KILL gets a KILL,25 behind it, else a task could run on. 0, or -1 and EINVAL.
int termseq_parse (const char *text, termseq_t *self);

#endif
