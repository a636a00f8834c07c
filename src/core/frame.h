/*  frame: how the parts talk, as bytes.
 *
 *  A message is one or two ZeroMQ frames. The first is a header of HEADER_BYTES and the records of its type; on `out`
 *  a topic of TOPIC_BYTES stands before it. The second frame, where there is one, is the body: items or output,
 *  untouched. All numbers are little-endian. The layout of each type's records is a table in doc/protocol.md.
 *
 *  Nothing here trusts its input: a reader that runs over its end turns bad and yields zeros.
 */
#ifndef DISHES_CORE_FRAME_H
#define DISHES_CORE_FRAME_H

#include "core/block.h"
#include "core/ranges.h"

enum { HEADER_BYTES = 72, TOPIC_BYTES = 10, FRAME_VERSION = 1 };
enum { TASKS_MOST = 1 << 20 }; // in one TASKS message, and so in one record of DONE

typedef enum {
    // a peer to the sink, on `in`
    MSG_HELLO = 1,
    MSG_BEAT = 2, // both ways: header only; acknowledges, proves gaps, is a sign of life
    MSG_BYE = 3,
    MSG_DONE = 4,
    MSG_OUT = 5,
    MSG_FAILED = 6,   // relayed to the washer
    MSG_RETURNED = 7, // relayed to the washer
    MSG_LANEGOT = 8,  // relayed to the washer
    MSG_SLOTS = 9,    // relayed to the washer as DRYER_SLOTS
    MSG_HOLDING = 10,
    MSG_EOF = 11,
    MSG_LANE = 12, // relayed to the dryer
    MSG_BROKEN = 13,
    MSG_DROPPED = 14,
    MSG_CLOSED = 15,
    MSG_HALTED = 16,
    MSG_DIED = 17,
    MSG_INPUT = 18,
    // the sink to a peer, on `out`
    MSG_ADVERT = 32,
    MSG_WELCOME = 33,
    MSG_DRYER_UP = 34,
    MSG_DRYER_SLOTS = 35,
    MSG_DRYER_DOWN = 36,
    MSG_COUNTED = 37,
    MSG_WASHER_DOWN = 38,
    MSG_HALT = 39,
    MSG_GONE = 40,
    MSG_WHO = 41,
    MSG_REFUSED = 42,
    MSG_JOINED = 43,
    MSG_STOP = 44,
    // the washer to a dryer, on its lane
    MSG_TASKS = 64,
    MSG_RECALL = 65,
    MSG_SKIP = 66,
} msg_type_t;

//  Header flags
enum {
    FLAG_GAP = 1,  // what follows `got` was lost: send it again
    FLAG_STAY = 2, // of STOP: another run will follow at this address
};

typedef struct {
    uint8_t type;    // msg_type_t
    uint8_t flags;   // FLAG_*
    uint32_t count;  // how many records follow
    uint64_t run;    // the run; 0 where it is not known yet
    uint64_t from;   // the sender's life
    uint64_t to;     // the receiver's life; 0: everybody
    uint64_t seq;    // place in the link; 0: outside of it
    uint64_t got;    // received in order by the sender of this message
    uint64_t ack;    // committed by the sender of this message
    uint64_t sent;   // the highest sequence that the sender has used
    uint64_t credit; // sink to dryer: bytes of output granted since the link began; washer to sink: tasks sent again
} header_t;

//  A received message: records and body are borrowed from the caller for the time of the call.
typedef struct {
    header_t header;
    const uint8_t *records;
    size_t records_size;
    const slice_t *body; // NULL where there is none
} message_t;

void header_encode (const header_t *self, uint8_t out[HEADER_BYTES]);

//  Decodes the first frame (after its topic). -1 where it is short, of another version or of no known type.
int message_decode (message_t *out, const uint8_t *frame, size_t size, const slice_t *body);

//  The topic of one peer, or of everybody (role 0, life 0).
void topic_encode (uint8_t out[TOPIC_BYTES], uint8_t role, uint64_t life);

const char *msg_name (uint8_t type); // "?" where it is unknown

//  A writer of records. Grows; where memory ends it turns `failed` and stays so.
typedef struct {
    uint8_t *data;
    size_t size, capacity;
    bool failed;
} writer_t;

void put_u8 (writer_t *self, uint8_t value);
void put_u16 (writer_t *self, uint16_t value);
void put_u32 (writer_t *self, uint32_t value);
void put_u64 (writer_t *self, uint64_t value);
void put_bytes (writer_t *self, const void *data, size_t size);
uint8_t *put_room (writer_t *self, size_t size); // for the caller to fill; NULL: it has failed
void put_run (writer_t *self, uint64_t n, uint64_t count);
void put_shape (writer_t *self, const shape_t *shape);
void put_text (writer_t *self, const char *text); // u16 length, bytes; cut at 65,535

//  Moves what was written into a slice of its own and empties the writer. -1 and ENOMEM (the writer is emptied too).
int writer_take (writer_t *self, slice_t *out);
void writer_free (writer_t *self);

//  A reader of records.
typedef struct {
    const uint8_t *at, *end;
    bool bad;
} reader_t;

reader_t reader_of (const message_t *message);
uint8_t get_u8 (reader_t *self);
uint16_t get_u16 (reader_t *self);
uint32_t get_u32 (reader_t *self);
uint64_t get_u64 (reader_t *self);

run_t get_run (reader_t *self); // n, count; turns bad where it is no valid run

//  How tasks lie in the body; turns bad where there is no such way.
shape_t get_shape (reader_t *self);

//  Text into a buffer of `size` bytes (always ended by NUL); turns bad where it is longer or holds NUL.
void get_text (reader_t *self, char *out, size_t size);
//  A text that is shown in lines and columns: turns bad where it has control characters.
void get_name (reader_t *self, char *out, size_t size);

//  A message on its way out: the roles make them, the loop sends them.
typedef enum { TO_SINK, TO_PEER, TO_LANE } wire_t;

typedef struct {
    wire_t wire;
    uint8_t role;    // of the peer, for the topic of TO_PEER
    header_t header; // `to` is the life addressed
    slice_t records; // owned
    slice_t body;    // owned
} packet_t;

void packet_drop (packet_t *self);

//  A queue of packets, first in first out.
typedef struct {
    packet_t *items;
    size_t head, size, capacity;
    bool failed; // memory ended; packets were lost, the role must end
} outbox_t;

void outbox_push (outbox_t *self, const packet_t *packet); // takes the slices, also when it fails
bool outbox_pop (outbox_t *self, packet_t *out);
void outbox_free (outbox_t *self);

#endif
