"""Sockets and frames for the tests of the specification, written from doc/protocol.md and not from the sources.

libzmq is called as it is linked to the parts (parts.h), so that over inproc a test and the parts share a context.
"""

import collections
import ctypes
import struct
import time

HELLO, BEAT, BYE, DONE, OUT, FAILED, RETURNED, LANEGOT, SLOTS, HOLDING, EOF, LANE, BROKEN, DROPPED, CLOSED, HALTED, \
    DIED, INPUT = range(1, 19)
ADVERT, WELCOME, DRYER_UP, DRYER_SLOTS, DRYER_DOWN, COUNTED, WASHER_DOWN, HALT, GONE, WHO, REFUSED, JOINED, \
    STOP = range(32, 45)
TASKS, RECALL, SKIP = range(64, 67)
GAP, STAY = 1, 2
LAST, ALONE = 1, 2      # flags of TASKS
HEADER = struct.Struct("<BBBBIQQQQQQQQ")

Message = collections.namedtuple(
    "Message", "magic version type flags count run sender to seq got ack sent credit records body topic at")


def text(words):
    data = words.encode()
    return struct.pack("<H", len(data)) + data


def runs(*ranges):
    """Runs as u64 n, u64 count, behind their number."""
    return struct.pack("<I", len(ranges)) + b"".join(struct.pack("<QQ", n, count) for n, count in ranges)


def frame(kind, **fields):
    header = {"magic": ord("D"), "version": 1, "type": kind, "flags": 0, "count": 1, "run": 0, "sender": 0, "to": 0,
              "seq": 0, "got": 0, "ack": 0, "sent": 0, "credit": 0}
    header.update(fields)
    return HEADER.pack(*header.values())


def topic(role, life):
    return struct.pack("<cQB", role.encode(), life, 0)


EVERYBODY = topic("\0", 0)


def parse(frames, skip):
    """A Message of the frames that were received, the header at `skip`."""
    fields = HEADER.unpack_from(frames[0], skip)
    return Message(*fields, frames[0][skip + HEADER.size:], frames[1] if len(frames) > 1 else b"", frames[0][:skip],
                   time.monotonic())


#  Records that several tests write or read.

Inventory = collections.namedtuple("Inventory", "washer got held")      # held: (washer life, lane seq, n, count)
NOTHING = Inventory(0, 0, ())


def inventory(held):
    return struct.pack("<QQI", held.washer, held.got, len(held.held)) + b"".join(
        struct.pack("<QQQQ", *each) for each in held.held)


def read_inventory(records, at=0):
    washer, got, count = struct.unpack_from("<QQI", records, at)
    return Inventory(washer, got, tuple(struct.unpack_from("<QQQQ", records, at + 20 + 32 * i) for i in range(count)))


def hello_of_dryer(slots=1, prefetch=0, grain=1, unsure=1, held=NOTHING):
    return b"d" + text("dryer") + text("host") + struct.pack("<IIII", slots, prefetch, grain, unsure) + inventory(held)


def hello_of_washer(lanes=(), counted=(), failed=0, name="washer", input_hash=0):
    return (b"w" + text(name) + text("host") + struct.pack("<QI", input_hash, len(lanes)) +
            struct.pack(f"<{len(lanes)}Q", *lanes) + runs(*counted) + struct.pack("<Q", failed))


def hello_of_observer():
    return b"o" + text("observer") + text("host")


def done(n, count=1, washer=1, seq=1, status=0, out_bytes=0, flags=0):
    """The records of a DONE of one record."""
    return struct.pack("<QQQQIHBBQQIIII", washer, n, count, seq, 1, status, 0, flags, 0, 0, out_bytes, 0, 0, 0)


def read_done(message):
    """(n, count, lane seq, status, flags, bytes of stdout) of each record."""
    record = struct.Struct("<QQQIHBBQQIIII")
    found = []
    for i in range(message.count):
        n, count, seq, _, status, _, flags, _, _, out, _, _, _ = record.unpack_from(message.records, 8 + record.size * i)
        found.append((n, count, seq, status, flags, out))
    return found


def returned(seq, *ranges, washer=1, recall=0):
    return struct.pack("<QQ", washer, recall) + b"".join(struct.pack("<QQQ", n, count, seq) for n, count in ranges)


def read_returned(message):
    """(lane seq of the recall, [(n, count, lane seq)])"""
    recall = struct.unpack_from("<Q", message.records, 8)[0]
    return recall, [struct.unpack_from("<QQQ", message.records, 16 + 24 * i) for i in range(message.count)]


def read_counted(message):
    """(n, count, outcome) of each record."""
    return [struct.unpack_from("<QQB", message.records, 17 * i) for i in range(message.count)]


def read_ending(message):
    end, status, *figures = struct.unpack_from("<BB8Q", message.records)
    return end, status, dict(zip("total ok failed broken dropped redelivered duplicates lost".split(), figures))


def read_why(message):
    """What stands behind the figures of JOINED and STOP; None: nothing."""
    rest = message.records[66:]
    if not rest:
        return None
    assert len(rest) == 2 + struct.unpack_from("<H", rest)[0], rest
    return rest[2:].decode()


def read_status(message):
    """What WELCOME tells an observer, as a dictionary."""
    at = 4 + 1 + 2                                                       # dead-after, journal, state, flags
    at += 2 + struct.unpack_from("<H", message.records, at)[0]           # the washer's name
    names = ("total ok failed broken dropped redelivered duplicates lost ms dryers slots observers waiting refused "
             "malformed guard").split()
    return dict(zip(names, struct.unpack_from("<16Q", message.records, at)), state=message.records[5],
                flags=message.records[6])


def tasks(n, *items, last=False, attempt=1):
    """Records and body of TASKS: an item a task, each a line."""
    body = b"".join(item.encode() + b"\n" for item in items)
    return struct.pack("<QQIBBBHI", n, len(items), attempt, LAST if last else 0, 0, 10, 1, 1), body


Tasks = collections.namedtuple("Tasks", "n count attempt flags items seq")


def read_tasks(message):
    n, count, attempt, flags, _, _, _, _ = struct.unpack("<QQIBBBHI", message.records)
    return Tasks(n, count, attempt, flags, message.body.decode().splitlines(), message.seq)


#  Sockets.

PUB, SUB, PULL, PUSH, XPUB, XSUB = 1, 2, 7, 8, 9, 10
SNDMORE, DONTWAIT = 2, 1
SUBSCRIBE, LINGER, RCVMORE, SNDHWM, RCVHWM, RECONNECT_IVL, LAST_ENDPOINT, WELCOME_MSG = 6, 17, 13, 23, 24, 18, 32, 72
MESSAGE_BYTES = 64      # sizeof (zmq_msg_t)


class PollItem(ctypes.Structure):
    _fields_ = [("socket", ctypes.c_void_p), ("fd", ctypes.c_int), ("events", ctypes.c_short),
                ("revents", ctypes.c_short)]


class Library:
    """The parts, and the libzmq that they are linked with."""

    def __init__(self, path):
        self.calls = ctypes.CDLL(path)
        for name in ("zmq_ctx_new", "zmq_socket", "zmq_msg_data", "spec_part_new", "spec_station_new",
                     "spec_station_context"):
            getattr(self.calls, name).restype = ctypes.c_void_p
        for name in ("zmq_msg_size", "spec_part_started"):
            getattr(self.calls, name).restype = ctypes.c_uint64
        for name in ("spec_part_done", "spec_part_finish"):
            getattr(self.calls, name).restype = ctypes.c_bool

    def __getattr__(self, name):
        return getattr(self.calls, name)


class Socket:
    def __init__(self, library, context, kind):
        self.library = library
        self.handle = ctypes.c_void_p(library.zmq_socket(ctypes.c_void_p(context), kind))
        for option, value in ((LINGER, 0), (SNDHWM, 0), (RCVHWM, 0), (RECONNECT_IVL, 20)):
            self.set(option, ctypes.c_int(value))

    def set(self, option, value):
        data = value if isinstance(value, bytes) else bytes(value)
        if self.library.zmq_setsockopt(self.handle, option, data, ctypes.c_size_t(len(data))) != 0:
            raise OSError("zmq_setsockopt")

    def bind(self, endpoint):
        """Where it is bound: with the port, where that was a *."""
        if self.library.zmq_bind(self.handle, endpoint.encode()) != 0:
            raise OSError(f"zmq_bind {endpoint}")
        found, size = ctypes.create_string_buffer(256), ctypes.c_size_t(256)
        self.library.zmq_getsockopt(self.handle, LAST_ENDPOINT, found, ctypes.byref(size))
        return found.value.decode()

    def connect(self, endpoint):
        if self.library.zmq_connect(self.handle, endpoint.encode()) != 0:
            raise OSError(f"zmq_connect {endpoint}")

    def send(self, *frames):
        for i, data in enumerate(frames):
            flags = DONTWAIT | (SNDMORE if i + 1 < len(frames) else 0)
            if self.library.zmq_send(self.handle, data, ctypes.c_size_t(len(data)), flags) < 0:
                raise OSError("zmq_send")

    def receive(self):
        """The frames of the next message; None where there is none now."""
        frames = []
        while True:
            message = ctypes.create_string_buffer(MESSAGE_BYTES)
            self.library.zmq_msg_init(message)
            if self.library.zmq_msg_recv(message, self.handle, DONTWAIT) < 0:
                return None
            frames.append(ctypes.string_at(self.library.zmq_msg_data(message), self.library.zmq_msg_size(message)))
            more = self.library.zmq_msg_more(message)
            self.library.zmq_msg_close(message)
            if not more:
                return frames

    def close(self):
        if self.handle:
            self.library.zmq_close(self.handle)
        self.handle = None


def wait_for(library, sockets, wait_ms):
    """Until one of them may be read, or the time has passed."""
    items = (PollItem * len(sockets))(*[PollItem(each.handle, 0, 1, 0) for each in sockets])
    library.zmq_poll(items, len(sockets), ctypes.c_long(wait_ms))
