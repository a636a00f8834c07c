/*  chain: what the sink of one pipeline prints becomes the items of the next one (sink --into URL).
 *
 *  One process runs that sink and a washer of the next pipeline. Between the two is a pipe: a washer whose queue is
 *  full does not read it, so the sink's results wait, so its dryers get no credit. Where the sink writes a file (-o),
 *  the washer reads that instead, as far as it is written, and with a journal as far as it is durable: so a process
 *  that is started again finds the same items from the first one on, and what the next pipeline has counted is not sent
 *  again.
 *
 *  The washer is told the end of its items only where the sink's run has one that is decided and durable.
 */
#ifndef DISHES_ROLE_CHAIN_H
#define DISHES_ROLE_CHAIN_H

#include "role/sink_role.h"
#include "role/station.h"
#include "role/washer_role.h"

typedef struct {
    station_config_t station;    // of the next pipeline
    const input_config_t *input; // how items lie in what is printed; borrowed
    bool is_named;               // the washer has a name; else one is made of the run where that is durable
} chain_config_t;

//  All zero, and after chain_close: there is none.
typedef struct {
    const chain_config_t *config; // borrowed
    station_t station;
    int pipe[2];      // with `follow`: -1
    follow_t *follow; // NULL: the pipe
    const char *path; // of what is followed; borrowed
    input_t *input;
    supply_t supply;
    before_t before; // how the sink's run has ended, set before the washer's items do
    char name[NAME_BYTES];
} chain_t;

//  Opens the next pipeline's station, and makes the sink's config write where the washer reads. 0; or -1, errno and one
//  line.
int chain_open (chain_t *self, const chain_config_t *config, sink_role_config_t *sink, char *error, size_t error_size);

//  The sink is there, and this is its run: fills in what the washer's config lacks. 0; or -1, errno and one line.
int chain_begin (chain_t *self, washer_role_config_t *washer, uint64_t run, bool is_durable, char *error,
                 size_t error_size);

//  What sink_role_config_t.shown is to do. In the sink's thread.
void chain_shown (chain_t *self, uint64_t bytes, const ending_t *ending);

//  The sink's part is over, with this end. True where that is the end of the washer's items, too, and it goes on; false
//  where it has to leave without one.
bool chain_ended (chain_t *self, const ending_t *ending);

//  After all parts have ended. May be called twice.
void chain_close (chain_t *self);

#endif
