/*  progress: how far the run is, as one line of text.
 *
 *  Only rendering and a throttle: time and counts go in, bytes for stderr come out, and the caller writes them. On a
 *  terminal the line is drawn over itself; elsewhere each is a line of its own, and there are fewer of them.
 *
 *    PROGRESS_BAR       [=========>          ]  47%  4700/10000  3 failed  812/s  7s left
 *    PROGRESS_ETA       47%  4700/10000  3 failed  812/s  7s left
 *    PROGRESS_COUNTS    4 running  4700/10000 done  3 failed  812/s  5s
 *
 *  Where the total is not known, neither are share, bar and time left: the line shows what is known ("4700/5000+ done":
 *  5000 were seen so far).
 */
#ifndef DISHES_STORE_PROGRESS_H
#define DISHES_STORE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct progress progress_t;

typedef enum { PROGRESS_BAR, PROGRESS_ETA, PROGRESS_COUNTS } progress_style_t;

typedef struct {
    progress_style_t style;
    bool terminal;       // stderr is one
    int width;           // columns of it; 0: 80
    int64_t interval_ms; // at least between two drawings; 0: 100 ms on a terminal, elsewhere 1 s, later up to 1 min
    int64_t start_ms;    // when the run began, by the clock of the other calls
} progress_config_t;

typedef struct {
    uint64_t total; // tasks; while it is not known: those seen so far, or 0
    bool total_known;
    uint64_t finished; // tasks completed for good, failed ones too
    uint64_t failed;   // of these: failed, broken, dropped
    uint64_t running;  // now; only PROGRESS_COUNTS shows it
} progress_counts_t;

enum { PROGRESS_LINE_BYTES = 1024 }; // room for any drawing

//  NULL and ENOMEM.
progress_t *progress_new (const progress_config_t *config);
void progress_destroy (progress_t **self_p);

//  The terminal's width changed.
void progress_resize (progress_t *self, int width);

//  The bytes to write now: 0 where it is too early, or nothing changed that the line shows. On a terminal they draw
//  over the line before.
size_t progress_update (progress_t *self, const progress_counts_t *counts, int64_t now_ms,
                        char out[PROGRESS_LINE_BYTES]);

//  The line alone, for who draws it in another way; whatever the throttle says.
void progress_line (progress_t *self, const progress_counts_t *counts, int64_t now_ms, char out[PROGRESS_LINE_BYTES]);

//  When update is worth calling next, in the clock's ms: now or later.
int64_t progress_due_ms (const progress_t *self, int64_t now_ms);

//  The bytes that take the line off the terminal, so that something else can be written; the next update draws it
//  again. 0 where nothing is drawn.
size_t progress_clear (progress_t *self, char out[PROGRESS_LINE_BYTES]);

//  The last drawing, whatever the throttle says, and the end of the line.
size_t progress_end (progress_t *self, const progress_counts_t *counts, int64_t now_ms, char out[PROGRESS_LINE_BYTES]);

#endif
