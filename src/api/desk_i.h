/*  The inside of the desk, and a task: what the files of desk and crew share. Only they include this. */
#ifndef DISHES_API_DESK_I_H
#define DISHES_API_DESK_I_H

#include "api/desk.h"

#include <stdatomic.h>

typedef struct {
    dishes_task_t *first, *last;
    uint32_t size;
} task_list_t;

struct dishes_task {
    desk_t *desk; // a reference; NULL: it is of a stint (stint.h)
    dishes_task_t *previous, *next;
    job_t job;
    const uint8_t *value; // the first one
    size_t value_size;
    int64_t start_us;    // since 1970, when it was got
    uint64_t runtime_us; // until it was done
    uint16_t status;
    uint64_t count; // tasks in a row that ended so
    uint8_t *out;
    size_t out_size, out_capacity;
    atomic_bool is_canceled; // the desk knows it no more
};

struct desk {
    staff_t staff;   // first; its latch is for what follows, too
    atomic_int refs; // of the dryer, and of each task
    uint32_t slots;
    task_list_t ready, in_hand, done;
    int bell;        // eventfd, of desk_fd
    bool is_watched; // somebody has asked for it
    bool is_rung;    // it is readable
};

void tasks_append (task_list_t *self, dishes_task_t *task);
void tasks_remove (task_list_t *self, dishes_task_t *task);
dishes_task_t *tasks_pop (task_list_t *self); // NULL: empty

void task_free (dishes_task_t *self); // and its reference to the desk

enum { WANT_TEXTS = WANT_TAG | WANT_COMMAND | WANT_ITEM }; // what each task was

//  Tells the core what became of it. False where it has an output: then the core has it as a cookie, and may have freed
//  it already. True: it is still the caller's.
bool task_tell (dishes_task_t *self, uint8_t wants, dryer_t *core, int64_t now_ms);

//  Two of the hands.
ssize_t task_read (void *arg, void *cookie, int stream, uint64_t offset, uint8_t *out, size_t size);
void task_free_output (void *arg, void *cookie);
void desk_unref (desk_t *self);

#endif
