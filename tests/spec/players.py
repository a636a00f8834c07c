"""Who plays in the tests of the specification: they say what a test makes them say, to real parts (kitchen.py).

A player keeps the numbers of its links as the protocol wants them, beats meanwhile, and does nothing else by itself.
Everything that it hears stays in `log`; hear () goes on behind what the last hear () found.
"""

import itertools
import struct
import time

import wire
from wire import ADVERT, BEAT, DRYER_SLOTS, DRYER_UP, EVERYBODY, HELLO, LANE, LANEGOT, TASKS, WELCOME

WITHIN_S = 8            # what is to come comes in this time
BEAT_S = 0.1
STEP_S = 0.01           # between two looks at a condition
lives = itertools.count(time.time_ns())


def life_new():
    return next(lives)


def wait_until(condition, why, within_s=WITHIN_S, meanwhile=None):
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, why()
        if meanwhile:
            meanwhile.pump(STEP_S)
        else:
            time.sleep(STEP_S)


class Player:
    """What hears: sockets, a log, and beats while it waits."""

    def __init__(self, case):
        self.case, self.log, self.at, self.beaten = case, [], 0, 0.0
        self.beats = True
        case.open.append(self)

    def pump(self, wait_s):
        """Hears for at most so long; returns at the first message."""
        end = time.monotonic() + wait_s
        while True:
            if self.beats and time.monotonic() >= self.beaten + BEAT_S:
                self.beaten = time.monotonic()
                self.beat()
            if self.take():
                return True
            left = end - time.monotonic()
            if left <= 0:
                return False
            wire.wait_for(self.case.library, self.sockets(), int(1000 * min(left, BEAT_S / 2)) + 1)

    def spend(self, seconds):
        """Hears for so long. What came meanwhile, as a list."""
        end, before = time.monotonic() + seconds, len(self.log)
        while (left := end - time.monotonic()) > 0:
            self.pump(left)
        return self.log[before:]

    def find(self, kind, within_s=WITHIN_S, **fields):
        """The next message of this kind, with these fields; None where none comes in time."""
        end = time.monotonic() + within_s
        kinds = kind if isinstance(kind, tuple) else (kind,)
        while True:
            while self.at < len(self.log):
                message = self.log[self.at]
                self.at += 1
                if message.type in kinds and all(getattr(message, name) == each for name, each in fields.items()):
                    return message
            if time.monotonic() > end or not self.pump(max(0.0, end - time.monotonic())):
                if self.at == len(self.log):
                    return None

    def hear(self, kind, within_s=WITHIN_S, **fields):
        found = self.find(kind, within_s, **fields)
        assert found, f"no message {kind} {fields} came; heard {[(m.type, m.seq) for m in self.log[-12:]]}"
        return found

    def hear_none(self, kind, seconds, **fields):
        found = self.find(kind, seconds, **fields)
        assert not found, f"a message {kind} {fields} came: {found}"

    def count(self, kind):
        return sum(message.type == kind for message in self.log)

    def keep(self, message):
        """Of a link: a letter whose turn it is, is received."""
        self.log.append(message)
        if message.seq == self.got + 1:
            self.got += 1
        return True

    def forget(self):
        """What was heard so far is of no interest: hear () begins behind it."""
        while self.take():
            pass
        self.at = len(self.log)


class Peer(Player):
    """Plays a washer, dryer or observer (w, d, o) before a real sink."""

    def __init__(self, case, sink, role, life=None):
        super().__init__(case)
        self.sink, self.role, self.life = sink, role, life or life_new()
        self.seq = self.got = self.run = self.to = 0
        self.ear = self.mouth = None
        self.letters = {}
        self.beats = False
        self.dial()

    def dial(self):
        """Listens, takes ADVERT and opens its mouth."""
        beats, self.beats = self.beats, False
        self.ear = self.case.socket(wire.SUB)
        self.ear.set(wire.SUBSCRIBE, wire.topic(self.role, self.life))
        self.ear.set(wire.SUBSCRIBE, EVERYBODY)
        self.ear.connect(self.sink.out)
        advert = self.hear(ADVERT)
        self.run, self.to = advert.run, advert.sender
        self.mouth = self.case.socket(wire.XPUB)
        self.mouth.connect(self.case.dialled(advert.records[2:].decode()))
        wire.wait_for(self.case.library, [self.mouth], 1000 * WITHIN_S)     # until it is subscribed to
        self.beats = beats

    def hang_up(self):
        for each in (self.ear, self.mouth):
            each.close()

    def sockets(self):
        return [self.ear]

    def take(self):
        frames = self.ear.receive()
        if not frames:
            return False
        return self.keep(wire.parse(frames, 10))

    def say(self, kind, records=b"", body=None, **fields):
        header = {"run": self.run, "sender": self.life, "to": self.to, "got": self.got, "ack": self.got,
                  "sent": self.seq}
        header.update(fields)
        frames = [wire.frame(kind, **header) + records]
        self.mouth.send(*frames, *([] if body is None else [body]))

    def beat(self):
        self.say(BEAT)

    def letter(self, kind, records=b"", body=None, **fields):
        """In the link; with seq=N out of its turn. Returns its place."""
        self.seq = max(self.seq, fields.get("seq", self.seq + 1))
        self.say(kind, records, body, **{"seq": self.seq, **fields})
        return self.seq

    def hello(self, records=None):
        self.say(HELLO, records or {"w": wire.hello_of_washer, "d": wire.hello_of_dryer,
                                    "o": wire.hello_of_observer}[self.role]())

    def meet(self, records=None):
        """HELLO until WELCOME, which is returned."""
        for _ in range(40):
            self.hello(records)
            found = self.find(WELCOME, 0.2)
            if found:
                self.beats = True
                return found
        raise AssertionError("no WELCOME came")

    def acked(self, seq, within_s=WITHIN_S):
        """True as soon as the sink has acked that letter."""
        end = time.monotonic() + within_s
        while not any(message.ack >= seq for message in self.log):
            if time.monotonic() > end:
                return False
            self.pump(0.05)
        return True

    def close(self):
        self.hang_up()


class Remote:
    """A real peer, as the player of the sink knows it."""

    def __init__(self, sink, message):
        self.sink, self.life, self.hello = sink, message.sender, message
        self.role = chr(message.records[0])
        self.seq = self.got = 0
        self.acks = True        # what was got is acked
        self.told = None        # the got that it is told, where that is not the true one
        self.credit = 1 << 30
        self.lane = None

    def header(self):
        got = self.got if self.told is None else self.told
        return {"to": self.life, "got": got, "ack": got if self.acks else 0, "sent": self.seq, "credit": self.credit}

    def say(self, kind, records=b"", **fields):
        self.sink.say(wire.topic(self.role, self.life), kind, records, **{**self.header(), **fields})

    def letter(self, kind, records=b"", **fields):
        self.seq = max(self.seq, fields.get("seq", self.seq + 1))
        self.say(kind, records, **{"seq": self.seq, **fields})
        return self.seq

    def welcome(self, dead_after_ms=5000, journal=0, wants=0, crash_limit=3, window=0, place=0, counted=(), failed=0,
                sent=None):
        records = struct.pack("<IB", dead_after_ms, journal)
        if self.role == "d":
            records += struct.pack("<B", wants) + wire.text("")
        elif self.role == "w":
            records += struct.pack("<IQBQQ", crash_limit, window, 0, failed, place) + wire.runs(*counted)
        else:
            records += struct.pack("<BB", 0, 0) + wire.text("") + struct.pack("<16QI", *[0] * 16, 0)
        self.say(WELCOME, records, **({} if sent is None else {"sent": sent}))

    def hear(self, kind, within_s=WITHIN_S, **fields):
        return self.sink.hear(kind, within_s, sender=self.life, **fields)

    def first(self, kind):
        """The first of this kind, whatever came since."""
        wait_until(lambda: self.heard(kind), lambda: f"no message {kind} came", meanwhile=self.sink)
        return self.heard(kind)[0]

    def heard(self, kind):
        return [message for message in self.sink.log if message.type == kind and message.sender == self.life]


class SinkPlayer(Player):
    """Plays the sink before real peers."""

    def __init__(self, case):
        super().__init__(case)
        self.run, self.life, self.remotes = life_new(), life_new(), {}
        self.inn = case.socket(wire.SUB)
        self.inn.set(wire.SUBSCRIBE, b"")
        self.told = case.told(self.inn.bind(case.endpoint("in")))
        self.out = case.socket(wire.XPUB)
        self.out.set(wire.WELCOME_MSG, self.advert())
        case.move_to(self.out.bind(case.endpoint("out")))

    def advert(self, **fields):
        return EVERYBODY + wire.frame(ADVERT, **{"run": self.run, "sender": self.life, **fields}) + wire.text(self.told)

    def call(self, **fields):
        """ADVERT to everybody, now."""
        self.out.send(self.advert(**fields))

    def reborn(self):
        """Goes on as a new life of the sink: no link holds any longer."""
        self.life, self.remotes, self.at = life_new(), {}, len(self.log)
        self.call()

    def sockets(self):
        return [self.inn, self.out]

    def take(self):
        while self.out.receive():
            pass
        frames = self.inn.receive()
        if not frames:
            return False
        message = wire.parse(frames, 0)
        self.log.append(message)
        remote = self.remotes.get(message.sender)
        if remote and message.to == self.life and message.seq == remote.got + 1:
            remote.got += 1
        return True

    def say(self, topic, kind, records=b"", body=None, **fields):
        header = {"run": self.run, "sender": self.life, **fields}
        self.out.send(topic + wire.frame(kind, **header) + records, *([] if body is None else [body]))

    def beat(self):
        for remote in self.remotes.values():
            remote.say(BEAT)

    def knock(self, role=None):
        """Whose HELLO comes next, not welcomed yet."""
        while True:
            message = self.hear(HELLO)
            if message.sender in self.remotes or (role and chr(message.records[0]) != role):
                continue
            self.remotes[message.sender] = remote = Remote(self, message)
            return remote

    def meet(self, role=None, **how):
        """The next one, welcomed."""
        remote = self.knock(role)
        remote.welcome(**how)
        return remote

    def close(self):
        self.out.close()
        self.inn.close()


class LaneOfWasher(Player):
    """Plays the washer on the lane to a real dryer, which it orders through the player of the sink."""

    def __init__(self, dryer, washer=None, generation=1):
        super().__init__(dryer.sink.case)
        self.beats = False
        self.dryer, self.washer, self.seq, self.generation = dryer, washer or life_new(), 0, generation - 1
        self.socket = None
        self.next()

    def next(self):
        """The next generation."""
        if self.socket:
            self.socket.close()
        self.generation += 1
        self.socket = self.case.socket(wire.PUSH)
        name = f"lane/{self.dryer.life:x}-{self.generation}"
        self.endpoint = self.case.told(self.socket.bind(self.case.endpoint(name)))
        self.order()

    def order(self, endpoint=None):
        self.dryer.letter(LANE, struct.pack("<QI", self.washer, self.generation) +
                          wire.text(self.endpoint if endpoint is None else endpoint))

    def say(self, kind, records=b"", body=None, **fields):
        """Sent as soon as the dryer is there: a PUSH has nobody to send to before."""
        self.seq = max(self.seq, fields.get("seq", self.seq + 1))
        header = {"run": self.dryer.sink.run, "sender": self.washer, "to": self.dryer.life, "seq": self.seq,
                  "sent": self.seq, **fields}
        frames = [wire.frame(kind, **header) + records, *([] if body is None else [body])]
        end = time.monotonic() + WITHIN_S
        while True:
            try:
                self.socket.send(*frames)
                return self.seq
            except OSError:
                assert time.monotonic() < end, "the dryer did not come to the lane"
                self.dryer.sink.pump(0.01)

    def tasks(self, n, *items, last=False, **fields):
        return self.say(TASKS, *wire.tasks(n, *items, last=last), **fields)

    def close(self):
        self.socket.close()


class LaneOfDryer(Player):
    """Plays a dryer before a real washer: on its lane, and through the player of the sink."""

    def __init__(self, washer, slots=1, prefetch=0, grain=1, unsure=1, held=wire.NOTHING, **fields):
        super().__init__(washer.sink.case)
        self.beats = False
        self.remote, self.sink, self.life = washer, washer.sink, life_new()
        self.generation, self.got, self.socket, self.endpoint = 0, 0, None, ""
        self.place = washer.letter(DRYER_UP, struct.pack("<Q", self.life) + wire.text("host") + struct.pack(
            "<IIII", slots, prefetch, grain, unsure) + wire.inventory(held), **fields)

    def order(self, within_s=WITHIN_S):
        """The next LANE for it: generation and endpoint."""
        while True:
            message = self.sink.hear(LANE, within_s, sender=self.remote.life)
            life, self.generation = struct.unpack_from("<QI", message.records)
            self.endpoint = message.records[14:].decode()
            if life == self.life:
                return self

    def connect(self):
        if self.socket:
            self.socket.close()
        self.socket = self.case.socket(wire.PULL)
        self.socket.connect(self.case.dialled(self.endpoint))
        return self

    def begin(self):
        return self.order().connect()

    def sockets(self):
        return [self.socket, *self.sink.sockets()]

    def take(self):
        self.sink.pump(0)
        frames = self.socket.receive() if self.socket else None
        if not frames:
            return False
        return self.keep(wire.parse(frames, 0))

    def tasks(self, within_s=WITHIN_S):
        return wire.read_tasks(self.hear(TASKS, within_s))

    def relay(self, kind, records, **fields):
        """A letter of the dryer, as the sink passes it on."""
        self.remote.letter(kind, struct.pack("<Q", self.life) + records, **fields)

    def lanegot(self, got, generation=None):
        self.relay(LANEGOT, struct.pack("<QIQ", self.remote.life, generation or self.generation, got))

    def slots(self, slots, prefetch, unsure=1):
        self.relay(DRYER_SLOTS, struct.pack("<III", slots, prefetch, unsure))

    def down(self, blame=True):
        self.remote.letter(wire.DRYER_DOWN, struct.pack("<QB", self.life, blame))

    def close(self):
        if self.socket:
            self.socket.close()
