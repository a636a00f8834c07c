/*  station: what a process has once, however many parts of a pipeline it runs: the address, found; a context; and the
 *  guard that says who may talk.
 *
 *  Each part opens its own wires through a site (net/site.h), with the station's site_config_t.
 */
#ifndef DISHES_ROLE_STATION_H
#define DISHES_ROLE_STATION_H

#include "net/site.h"

typedef struct {
    address_t at;                   // parsed
    uint8_t role;                   // ROLE_SINK also where the sink shares the process with others
    const char *key;                // --key, or NULL
    bool is_insecure;               // --insecure
    uint16_t lane_first, lane_last; // --lane-ports; 0: any
    const char *advertise;          // --advertise, or NULL
    int64_t dead_after_ms;          // of a sink
    char *last_cookie; // COOKIE_BYTES, borrowed, all zero at first: of a sink that stays, from run to run; or NULL
} station_config_t;

//  All zero, and after station_close: nothing is open.
typedef struct {
    guard_t *guard;
    site_config_t site; // for each part; its context is the station's
} station_t;

//  May wait for the name service. 0; or -1, errno and one line: what is wrong, and would be right. The strings of the
//  config must outlive the station.
int station_open (station_t *self, const station_config_t *config, char *error, size_t error_size);

//  After all parts have ended. May be called twice.
void station_close (station_t *self);

#endif
