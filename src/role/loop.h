/*  loop: how a role waits. One loop a role, one thread a loop, no ticks: a role does what is due, reads what has come,
 *  sends what that brings, and sleeps until the next thing is due or a descriptor is ready.
 *
 *  Descriptors are watched through a watch_t of the owner. loop_wait only marks what is ready; the owner looks, reads
 *  until nothing is left, and takes the mark away. So a socket that was not read empty stays marked, and nothing is
 *  called back.
 */
#ifndef DISHES_ROLE_LOOP_H
#define DISHES_ROLE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

typedef struct loop loop_t;

//  All zero is a watch of nothing.
typedef struct {
    bool ready;
    bool is_known; // the loop's own
    bool is_armed;
    int fd;
} watch_t;

//  NULL and errno.
loop_t *loop_new (void);
void loop_destroy (loop_t **self_p);

//  Marks `watch` whenever the descriptor is readable; marked from the start. 0, or -1 and errno.
int loop_watch (loop_t *self, watch_t *watch, int fd);

//  Marks `watch` once, when the descriptor is readable or (`write`) writable; at once where it is of a kind that
//  always is. Until then it may be called again and costs nothing. It may be another descriptor each time. 0, or -1
//  and errno.
int loop_arm (loop_t *self, watch_t *watch, int fd, bool write);

//  Before the descriptor is closed. Nothing happens to a watch of nothing.
void loop_unwatch (loop_t *self, watch_t *watch);

//  Waits until something is ready, the clock (loop_now_ms) says due_ms, or loop_wake is called; INT64_MAX: no end.
//  0, or -1 and errno.
int loop_wait (loop_t *self, int64_t due_ms);

//  Ends the present or the next loop_wait. Any thread, also in a signal handler.
void loop_wake (loop_t *self);

//  CLOCK_MONOTONIC
int64_t loop_now_ms (void);

#endif
