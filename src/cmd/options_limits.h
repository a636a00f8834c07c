//  options_limits: how many commands at a time this machine and this process's limits have room for.
#ifndef DISHES_CMD_OPTIONS_LIMITS_H
#define DISHES_CMD_OPTIONS_LIMITS_H

#include <stdint.h>

uint32_t limits_cores (void); // that this process may run on, 1...

uint64_t limits_files (void); // that this process may have open at most, as far as it matters

//  The most jobs whose descriptors fit below the hard limit on open files, at most CONFIG_JOBS_MAX; may be 0.
uint32_t limits_jobs (void);

//  The same for `-j 0`, which also leaves room in the limits on processes (of the user, the control group and the
//  kernel) for twice as many, since a command may start others.
uint32_t limits_all_jobs (void);

#endif
