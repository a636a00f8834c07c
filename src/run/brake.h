/*  brake: what holds back the start of commands: a rate, the load of the machine, its free memory.
 *
 *  What cannot be read holds nothing back. One thread a brake; nothing waits.
 */
#ifndef DISHES_RUN_BRAKE_H
#define DISHES_RUN_BRAKE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    double rate;            // starts a second; 0: any. After a pause at most a tenth of a second is made up for
    double load;            // starts only while fewer processes run or wait for a disk, on this machine; 0: any
    uint64_t memfree_bytes; // starts only while so much memory is available, one each 10 ms; 0: any
} brake_config_t;

typedef struct {
    brake_config_t config;
    const char *stat, *meminfo; // of /proc; a test has others
    double next_ms;             // when the rate allows the next start
    bool has_started;
    int64_t looked_ms; // when the machine was looked at
    uint32_t room;     // starts that this look allows
    bool is_short;     // half of what is wanted is not available either
} brake_t;

void brake_init (brake_t *self, const brake_config_t *config);

//  Whether a command may be started now. Looks at the machine when it is time for that.
bool brake_lets (brake_t *self, int64_t now_ms);
void brake_started (brake_t *self, int64_t now_ms);

//  True where what runs should be less, because memory is short; looks as brake_lets does.
bool brake_is_short (brake_t *self, int64_t now_ms);

//  When to ask again: for room where something is held back, and with memfree, while anything runs, whether memory is
//  short; INT64_MAX: never.
int64_t brake_due_ms (const brake_t *self, bool is_held_back);

#endif
