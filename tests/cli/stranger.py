"""What anybody can say to a pipeline with a socket and a page of the protocol, whether he may or not."""

import contextlib
import os
import struct
import time

import zmq

HELLO, BEAT, BYE, DONE, EOF, LANE, BROKEN, DROPPED, CLOSED, HALTED, DIED, INPUT = 1, 2, 3, 4, *range(11, 19)
ADVERT, WELCOME, GONE, WHO, REFUSED = 32, 33, 40, 41, 42
OF_THE_HEAD = (EOF, LANE, BROKEN, DROPPED, CLOSED, HALTED, DIED, INPUT)     # nothing for a worker to say

HEADER = struct.Struct("<BBBBIQQQQQQQQ")
TOPIC_BYTES = 10
WAIT_MS = 10_000


def life():
    return time.time_ns()


def text(words):
    return struct.pack("<H", len(words)) + words.encode()


def hello_of_dryer(slots=1, name="stranger"):
    nothing_held = struct.pack("<QQI", 0, 0, 0)
    return b"d" + text(name) + text("elsewhere") + struct.pack("<IIII", slots, 0, 1, slots) + nothing_held


def hello_of_washer(name="stranger"):
    return b"w" + text(name) + text("elsewhere") + struct.pack("<QIIQ", 0, 0, 0, 0)


def anything(kind, other):
    """A letter of this kind that is well formed, about the life `other` or the first task."""
    records = {EOF: struct.pack("<Q", 1), LANE: struct.pack("<QI", other, 7) + text("tcp://127.0.0.1:9"),
               BROKEN: struct.pack("<QIBBHI", 1, 1, 0, 10, 1, 1), DROPPED: struct.pack("<QQ", 1, 1000),
               CLOSED: struct.pack("<Q", other), HALTED: b"", DIED: struct.pack("<Q", other),
               INPUT: struct.pack("<QQ", 1024, other)}
    return records[kind]


class Stranger:
    """arm (socket) shows whatever credential he has."""

    def __init__(self, out, arm=lambda socket: None):
        self.context = zmq.Context()
        self.out, self.arm = out, arm
        self.run = self.sink = 0
        self.told = self.mouth = None

    def socket(self, kind, endpoint, events=0):
        """With events there is a monitor that sees them from the first on, and it comes as well."""
        socket = self.context.socket(kind)
        socket.linger = 0
        socket.sndhwm = socket.rcvhwm = 0
        self.arm(socket)
        monitor = socket.get_monitor_socket(events) if events else None
        socket.connect(endpoint)
        return (socket, monitor) if events else socket

    def at(self, port):
        return f"tcp://127.0.0.1:{port}"

    def listen(self, *topics):
        """A SUB at `out` for everybody's topic and those of (role, life)."""
        ear = self.context.socket(zmq.SUB)
        ear.linger = 0
        self.arm(ear)
        for role, whose in (("\0", 0), *topics):
            ear.subscribe(role.encode() + struct.pack("<QB", whose, 0))
        ear.connect(self.out)
        return ear

    @staticmethod
    def hear(ear, wait_ms=WAIT_MS):
        """(type, run, from, to, records) of the next message; None where none comes."""
        if not ear.poll(wait_ms):
            return None
        frame = ear.recv_multipart()[0][TOPIC_BYTES:]
        fields = HEADER.unpack_from(frame)
        return fields[2], fields[5], fields[6], fields[7], frame[HEADER.size:]

    def hear_kind(self, ear, kind, wait_ms=WAIT_MS):
        while (heard := self.hear(ear, wait_ms)) and heard[0] != kind:
            pass
        return heard

    def meet(self):
        """Learns from ADVERT what a HELLO needs, and connects a PUB to `in`."""
        ear = self.listen()
        _, self.run, self.sink, _, records = self.hear_kind(ear, ADVERT)
        ear.close()
        self.told = records[2:].decode().replace("*", "127.0.0.1")
        self.open_mouth(self.told)

    def open_mouth(self, told):
        if self.mouth:
            self.mouth.close()
        self.mouth = self.socket(zmq.XPUB, told)    # an XPUB hears when it has been subscribed to
        return bool(self.mouth.poll(WAIT_MS))

    def frame(self, kind, sender, records=b"", **header):
        fields = {"magic": ord("D"), "version": 1, "type": kind, "flags": 0, "count": 1, "run": self.run,
                  "from": sender, "to": self.sink, "seq": 0, "got": 0, "ack": 0, "sent": 0, "credit": 0}
        fields.update(header)
        return HEADER.pack(*fields.values()) + records

    def say(self, kind, sender, records=b"", body=None, **header):
        frame = self.frame(kind, sender, records, **header)
        self.mouth.send_multipart([frame] if body is None else [frame, body])
        return frame

    def close(self):
        self.context.destroy(linger=0)


@contextlib.contextmanager
def stranger(out, arm=lambda socket: None):
    self = Stranger(out, arm)
    try:
        yield self
    finally:
        self.close()


#   ---- credentials

def cookie(password):
    def arm(socket):
        socket.plain_username, socket.plain_password = b"dishes", password.encode()
    return arm


def read_cookie(place, port):
    with open(os.path.join(place, f"tcp-{port}.cookie"), encoding="ascii") as file:
        return cookie(file.read().strip())


def curve(public, secret, server):
    def arm(socket):
        socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = public, secret, server
    return arm


def read_key(path):
    """Of a key file: {"public-key": …, "secret-key": …, "head": …}."""
    with open(path, encoding="ascii") as file:
        pairs = (line.split("=", 1) for line in file if "=" in line)
        return {name.strip(): value.strip().strip('"').encode() for name, value in pairs}
