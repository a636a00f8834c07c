/*  hall: the stations of this process. Objects at the same inproc address must share a context, so they share a
 *  station, from the first that enters to the last that leaves; of ipc and tcp each object has its own.
 */
#ifndef DISHES_API_HALL_H
#define DISHES_API_HALL_H

#include "role/station.h"

//  As station_open. Any thread. NULL, errno and one line.
station_t *hall_enter (const station_config_t *config, char *error, size_t error_size);

//  After the part has ended.
void hall_leave (station_t **station_p);

#endif
