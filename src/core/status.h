/*  status: what the sink tells of a run to whoever asks: an observer's WELCOME carries it. */
#ifndef DISHES_CORE_STATUS_H
#define DISHES_CORE_STATUS_H

#include "core/session.h"

typedef enum {
    SINK_WAITING, // for a washer
    SINK_OPEN,    // the washer lives
    SINK_ORPHAN,  // the washer was lost: what is out goes on, a new life is awaited
    SINK_HALTING, // --halt soon: what runs goes on, nothing more is started
    SINK_ENDED,   // decided; lingers until every peer has said BYE or is lost
    SINK_OVER,
} sink_state_t;

const char *sink_state_name (sink_state_t state); // as in doc/protocol.md

typedef struct {
    sink_state_t state;
    bool eof; // figures.total is known
    bool durable, restarted;
    bool washer_alive;
    char washer[NAME_BYTES]; // its name; "": none has come yet
    uint64_t up_ms;          // since when this life of the sink runs
    figures_t figures;
    uint64_t dryers, slots, observers; // alive; slots of all dryers
    uint64_t backlog;                  // bytes of output that wait to be printed
    uint64_t refused;                  // messages of closed lives, and peers that were refused
    uint64_t bad;                      // malformed messages
    uint64_t strangers;                // connections refused, here and at the washer's lanes
} sink_status_t;

//  A living dryer.
typedef struct {
    uint64_t life;
    char name[NAME_BYTES], host[NAME_BYTES];
    uint32_t slots, prefetch;
    bool leaving;
} dryer_row_t;

enum { STATUS_DRYERS = 256 }; // rows in one message; where there are more, the first

void put_status (writer_t *out, const sink_status_t *status);
sink_status_t get_status (reader_t *in); // turns the reader bad where a value cannot be

void put_dryer_row (writer_t *out, const dryer_row_t *row);
dryer_row_t get_dryer_row (reader_t *in);

#endif
