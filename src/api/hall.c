#include "api/hall.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct seat {
    station_t station; // first: what is handed out
    unsigned guests;
    struct seat *next; // of inproc
} seat_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static seat_t *shared;

static seat_t *find (const address_t *at)
{
    for (seat_t *seat = shared; seat; seat = seat->next)
        if (strcmp (seat->station.site.at.name, at->name) == 0)
            return seat;
    return NULL;
}

static seat_t *open_seat (const station_config_t *config, char *error, size_t error_size)
{
    seat_t *seat = calloc (1, sizeof *seat);
    if (!seat) {
        snprintf (error, error_size, "cannot begin: %s", strerror (errno));
        return NULL;
    }
    seat->guests = 1;
    if (station_open (&seat->station, config, error, error_size) == 0)
        return seat;
    int kept = errno;
    free (seat);
    errno = kept;
    return NULL;
}

static seat_t *share_seat (const station_config_t *config, char *error, size_t error_size)
{
    seat_t *seat = find (&config->at);
    if (seat) {
        seat->guests++;
        return seat;
    }
    seat = open_seat (config, error, error_size);
    if (seat) {
        seat->next = shared;
        shared = seat;
    }
    return seat;
}

station_t *hall_enter (const station_config_t *config, char *error, size_t error_size)
{
    seat_t *seat;
    if (config->at.kind != ADDRESS_INPROC) {
        seat = open_seat (config, error, error_size);
        return seat ? &seat->station : NULL;
    }
    pthread_mutex_lock (&lock);
    seat = share_seat (config, error, error_size);
    int kept = errno;
    pthread_mutex_unlock (&lock);
    errno = kept;
    return seat ? &seat->station : NULL;
}

static void close_seat (seat_t *seat)
{
    station_close (&seat->station);
    free (seat);
}

void hall_leave (station_t **station_p)
{
    seat_t *seat = (seat_t *)*station_p;
    if (!seat)
        return;
    *station_p = NULL;
    if (seat->station.site.at.kind != ADDRESS_INPROC) {
        close_seat (seat);
        return;
    }
    pthread_mutex_lock (&lock);
    bool is_last = !--seat->guests;
    for (seat_t **at = &shared; is_last && *at; at = &(*at)->next)
        if (*at == seat) {
            *at = seat->next;
            break;
        }
    pthread_mutex_unlock (&lock);
    if (is_last)
        close_seat (seat);
}
