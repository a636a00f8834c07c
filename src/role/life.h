/*  life: the number that a process, or a run, is known by: the time in nanoseconds, its lowest bits random. A larger
 *  one is newer.
 */
#ifndef DISHES_ROLE_LIFE_H
#define DISHES_ROLE_LIFE_H

#include <stdint.h>

//  Never 0; larger than any that this process had before. Any thread.
uint64_t life_new (void);

//  From now on they are larger than this one too, which may have been made before the clock was set back. Any thread.
void life_pass (uint64_t other);

#endif
