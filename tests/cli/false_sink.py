"""A sink that meets its peers as any other does, and from then on says only what a test wants it to say."""

import collections
import contextlib
import fcntl
import os
import struct
import threading

import stranger as wire
import zmq
import zmq.auth.thread

JOINED, STOP = 43, 44
COOKIE = "0123456789abcdef" * 4
LOOK_MS = 20


def figures():
    return struct.pack("<8Q", *[0] * 8)


def welcome(role, dead_after_ms):
    """What WELCOME tells a peer of this role, of a sink without a journal."""
    rest = {"d": b"\0" + wire.text(""), "w": struct.pack("<IQBQQI", 3, 0, 0, 0, 0, 0),
            "o": b"\0\0" + wire.text("") + figures() + struct.pack("<8QI", *[0] * 9)}
    return struct.pack("<IB", dead_after_ms, 0) + rest[role]


def joined():
    return b"\1\0" + figures()


class FalseSink(threading.Thread):
    """answers (role): the messages, as (type, records), that answer each HELLO of a peer of this role.

    heard: how often a peer of a role ("w", "d" or "o") has said a message of a type.
    """

    def __init__(self, at, place, answers, is_polite):
        super().__init__()
        self.is_polite = is_polite
        self.answers = answers
        self.heard = collections.Counter()
        self.run_id = self.life = wire.life()
        self.context = zmq.Context()
        self.is_over = threading.Event()
        self.guard = None
        os.makedirs(place, mode=0o700, exist_ok=True)
        if at.startswith("ipc:"):
            where = os.path.join(place, at.removeprefix("ipc://"))
            os.makedirs(where, mode=0o700, exist_ok=True)
            self.files = [f"{where}/out", f"{where}/in"]
            self.open(*(f"ipc://{file}" for file in self.files))
        else:
            self.show_cookie(place, at.rpartition(":")[2])
            self.open(at, "tcp://127.0.0.1:*")

    def show_cookie(self, place, port):
        """Under a lock, by which peers see that it is no old one."""
        self.lock = open(os.path.join(place, f"tcp-{port}.lock"), "w", encoding="ascii")
        fcntl.lockf(self.lock, fcntl.LOCK_EX)
        self.files = [os.path.join(place, f"tcp-{port}.cookie")]
        with open(os.open(self.files[0], os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write(COOKIE + "\n")
        self.guard = zmq.auth.thread.ThreadAuthenticator(self.context)
        self.guard.start()
        self.guard.configure_plain("*", {"dishes": COOKIE})

    def socket(self, kind):
        socket = self.context.socket(kind)
        socket.linger = 0
        socket.sndhwm = 0       # nothing of it is dropped
        socket.plain_server = self.guard is not None
        return socket

    def open(self, out, reports):
        self.ear, self.mouth = self.socket(zmq.SUB), self.socket(zmq.XPUB)
        self.ear.subscribe(b"")
        self.ear.bind(reports)
        told = self.ear.last_endpoint.rstrip(b"\0").decode()
        self.mouth.setsockopt(zmq.XPUB_WELCOME_MSG, self.frame(wire.ADVERT, "\0", 0, wire.text(told)))
        self.mouth.bind(out)

    def frame(self, kind, role, peer, records=b""):
        topic = role.encode() + struct.pack("<QB", peer, 0)
        to = 0 if kind == wire.ADVERT else peer
        return topic + wire.HEADER.pack(ord("D"), 1, kind, 0, 1, self.run_id, self.life, to, 0, 0, 0, 0, 0) + records

    def hear(self, roles):
        frame = self.ear.recv_multipart()[0]
        kind, peer = wire.HEADER.unpack_from(frame)[2], wire.HEADER.unpack_from(frame)[6]
        if kind == wire.HELLO:
            roles[peer] = chr(frame[wire.HEADER.size])
        role = roles.get(peer)
        self.heard[role, kind] += 1
        says = self.answers(role) if kind == wire.HELLO else [(wire.GONE, b"")] if kind == wire.BYE and self.is_polite else ()
        for answer, records in says:
            self.mouth.send(self.frame(answer, role, peer, records))

    def run(self):
        roles = {}
        while not self.is_over.is_set():
            while self.mouth.poll(0):   # subscriptions: nothing is sent before they are in
                self.mouth.recv()
            if self.ear.poll(LOOK_MS):
                self.hear(roles)

    def close(self):
        self.is_over.set()
        self.join()
        if self.guard:
            self.guard.stop()
            self.lock.close()
        self.context.destroy(linger=0)
        for file in self.files:
            os.remove(file)


@contextlib.contextmanager
def false_sink(at, place, answers=lambda role: (), is_polite=False):
    """is_polite: it answers BYE."""
    self = FalseSink(at, place, answers, is_polite)
    self.start()
    try:
        yield self
    finally:
        self.close()
