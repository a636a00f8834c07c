/*  report: how a dryer's results become letters to the sink.
 *
 *  Small outputs travel in the DONE message itself, many results in one. A larger one goes first, in pieces, as the
 *  sink grants credit; its DONE follows the last piece, and the output is kept until the sink has committed it, so that
 *  another life of the sink can have it again. Results without output never wait.
 */
#ifndef DISHES_CORE_REPORT_H
#define DISHES_CORE_REPORT_H

#include "core/jobs.h"

enum { INLINE_BYTES = 64 << 10, PIECE_BYTES = 64 << 10, BATCH_BYTES = 256 << 10 };
enum { RESULT_IN_PIECES = 0x80, RESULT_HAS_ITEM = 0x40, RESULT_OUTPUT_LOST = 0x04 };

//  A result on its way.
typedef struct {
    result_t result; // what it borrows are copies, in `texts`
    uint8_t *texts;
    uint64_t washer, seq;
    uint32_t attempt;
    uint64_t sent;     // bytes of output handed to the link: stdout, then stderr
    uint64_t done_seq; // of the letter that carries its DONE; 0: not yet
} waiting_t;

typedef struct {
    waiting_t *items; // in the order they were finished; the first `handed` only wait for their ack
    size_t head, size, capacity, handed;
    writer_t records, body; // the DONE that is being filled
    uint32_t records_count;
    uint64_t records_washer;
    uint64_t spent; // bytes of output given to this sink
    struct {        // the last record, to be extended where the next run continues it
        uint64_t n, count, seq;
        uint32_t attempt;
        size_t at; // of its count in `records`; 0: none
    } last;
    bool oom;
} reports_t;

//  A final result. Copies what is borrowed, takes the cookie.
void reports_add (reports_t *self, link_t *link, uint64_t credit, const running_t *job, const result_t *result,
                  const dryer_ports_t *ports);

//  Makes a letter of what was gathered so far: what comes next in the link is later than that.
void reports_flush (reports_t *self, link_t *link);

//  Hands on what the credit allows, and gathers no more.
void reports_pump (reports_t *self, link_t *link, uint64_t credit, const dryer_ports_t *ports);

//  Streams a piece; returns how many bytes were taken.
size_t reports_stream (reports_t *self, link_t *link, uint64_t credit, const running_t *job, int stream,
                       const void *tag, size_t tag_size, const void *data, size_t size);

//  Lets go of outputs whose DONE was committed.
void reports_acked (reports_t *self, uint64_t acked, const dryer_ports_t *ports);

//  The link was restarted: what the old sink had not committed goes again.
void reports_restart (reports_t *self, const link_t *link);

size_t reports_waiting (const reports_t *self); // results not yet handed to the link
bool reports_idle (const reports_t *self);      // nothing waits, nothing is kept
void reports_free (reports_t *self, const dryer_ports_t *ports);

#endif
