"""A name server on loopback that answers as a test wants it: late, wrongly, or not at all.

The first letters of a name say what becomes of a question for it. Every answer comes at least DELAY_S late, and none before
`hold` names are in flight: asked for, and not answered to. So a client that asks for fewer at a time gets no answer.
"""

import heapq
import select
import socket
import struct
import threading
import time

DELAY_S = 0.2
A, AAAA = 1, 28
RESPONSE, TRUNCATED, SERVFAIL, NXDOMAIN = 0x8180, 0x8380, 2, 3


def read_question(data):
    """(what follows the header up to the end of the first question, its name, its type)"""
    at, labels = 12, []
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode())
        at += 1 + data[at]
    return data[12:at + 5], ".".join(labels), struct.unpack_from(">H", data, at + 1)[0]


def header(number, flags, answers):
    return struct.pack(">6H", number, flags, 1, answers, 0, 0)


def address_of(name):
    """Of host17.test: 10.0.0.17"""
    number = int("".join(letter for letter in name.partition(".")[0] if letter.isdigit()) or 0)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def answer(number, question, name, kind):
    """As it should be."""
    if kind != A:
        return header(number, RESPONSE, 0) + question
    record = struct.pack(">3HIH", 0xC00C, A, 1, 60, 4) + socket.inet_aton(address_of(name))
    return header(number, RESPONSE, 1) + question + record


def replies(number, question, name, kind):
    """What is sent, in this order."""
    right = answer(number, question, name, kind)
    ways = {
        "silent": [],
        "unknown": [header(number, RESPONSE | NXDOMAIN, 0) + question],
        "broken": [header(number, RESPONSE | SERVFAIL, 0) + question],
        "short": [b"", right[:7], right[:-3]],
        "noise": [bytes(range(251)), header(number, RESPONSE, 9) + question + b"\xc0" * 40],
        "forged": [answer(number ^ 0x5555, question, "host666.test", kind),
                   answer(number, question.replace(b"forged", b"strang"), "host666.test", kind), right],
        "twice": [right, right],
        "cut": [header(number, TRUNCATED, 0) + question],
    }
    way = name.partition(".")[0].rstrip("0123456789")
    return ways.get(way, [right])


class NameServer:
    def __init__(self, hold=0):
        self.hold = hold
        self.asked = set()          # names, ever
        self.most = 0               # in flight, at any time
        self._waiting = {}          # name: how many of its questions are to be answered
        self._due = []              # heap of (when, order, name, to whom, what)
        self._is_closed = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._enlarge()
        self._socket.bind(("127.0.0.1", 0))
        self.at = "127.0.0.1:%d" % self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _enlarge(self):
        """The room for questions that were not read yet. What does not fit is lost, and asked again."""
        so_rcvbufforce = 33
        for option in (socket.SO_RCVBUF, so_rcvbufforce):
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, option, 4 << 20)
            except PermissionError:
                pass

    def close(self):
        self._is_closed = True
        self._thread.join()
        self._socket.close()

    def _serve(self):
        while not self._is_closed:
            left = self._due[0][0] - time.monotonic() if self._due and not self.hold else 0.05
            if select.select([self._socket], [], [], min(max(left, 0), 0.05))[0]:
                self._hear(*self._socket.recvfrom(512))
            while not self.hold and self._due and self._due[0][0] <= time.monotonic():
                self._tell(*heapq.heappop(self._due)[2:])

    def _hear(self, data, client):
        number = struct.unpack_from(">H", data)[0]
        question, name, kind = read_question(data)
        self.asked.add(name)
        self._waiting[name] = self._waiting.get(name, 0) + 1
        self.most = max(self.most, len(self._waiting))
        if self.most >= self.hold:
            self.hold = 0
        said = replies(number, question, name, kind)
        heapq.heappush(self._due, (time.monotonic() + DELAY_S, len(self.asked), name, client, said))

    def _tell(self, name, client, said):
        for reply in said:
            self._socket.sendto(reply, client)
        if said:
            self._waiting[name] -= 1
            if not self._waiting[name]:
                del self._waiting[name]
