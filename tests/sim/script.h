/*  script: one schedule told by hand, over the simulator's world. Every invariant is checked here, too. */
#ifndef DISHES_SIM_SCRIPT_H
#define DISHES_SIM_SCRIPT_H

#include "sim.h"

//  `tasks` tasks of `lasts_ms` each, one a block, all there at once; `dryers` dryers of one slot and `prefetch` more;
//  everything starts at 0, a message takes 1 ms, a journal is kept, dead-after is a second.
scenario_t script_plan (uint32_t tasks, int64_t lasts_ms, unsigned dryers, uint32_t prefetch);

//  Begins it. With SIM_TRACE in the environment, the trace goes to stderr.
world_t *script_begin (const scenario_t *plan);

//  Runs what is left and fails the test where an invariant is violated. Returns how it was decided.
end_t script_end (world_t *world);
void script_forget (void); // frees the last one

void script_pass (world_t *world, int64_t ms); // lets time pass

//  Runs until a process of this kind has sent a message of this type (once more).
void script_until_sent (world_t *world, process_kind_t from, uint8_t type);

//  Runs until this task was started that many times.
void script_until_started (world_t *world, uint64_t n, unsigned times);
void script_until_counted (world_t *world, uint64_t n);

//  From now on such messages are lost, `most` of them; script_lost says how many were.
void script_lose (world_t *world, process_kind_t from, uint8_t type, unsigned most);
unsigned script_lost (const world_t *world);

process_t *script_dryer (world_t *world, int nth); // of all that ever were
process_t *script_washer (world_t *world);         // the living one
process_t *script_sink (world_t *world);
process_t *script_runner (world_t *world, uint64_t n); // the dryer that runs this task now; NULL: none
unsigned script_dryers_lost (const world_t *world);

void script_kill_sink (world_t *world, int64_t back_ms); // another life of it comes after so long
void script_stop (world_t *world, process_t *process, int64_t lasts_ms);

#endif
