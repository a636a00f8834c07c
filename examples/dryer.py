#!/usr/bin/env python3
"""A dryer of dishes in Python: it shows that doc/protocol.md and doc/security.md are all that a peer needs.

    dryer.py --at URL [-j N] [--key FILE] COMMAND [ARG...]

runs COMMAND once for each item of the pipeline at URL, N at a time, beside dryers of any other kind. In COMMAND, {}
{.} {/} {//} {/.} {#} {%} {1} {2} ... stand for what they stand for in dishes; without any of them the item goes last.
TERM or HUP lets it finish what runs, give back the rest, and leave; a second one ends it at once, and so does INT.

Read from the bottom: main, then Life, which is one life of the dryer from HELLO to BYE. It is one loop that never waits
for a command: outputs go to unlinked files, the end of a command is one more descriptor to poll, and so it beats
whatever the commands do. Link is section 3 of the protocol, Place is security.md. S1, S2 ... are its sentences.

It needs Debian's python3-zmq. Where it does less than the C dryer: a life that was closed kills its commands without
asking them first, each report is a message of its own, and when it is killed itself, what its commands have started
below them lives on.
"""

import argparse
import collections
import ctypes
import fcntl
import itertools
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time

import zmq

HELLO, BEAT, BYE, DONE, OUT, FAILED, RETURNED, LANEGOT, SLOTS, HOLDING = range(1, 11)
LANE, ADVERT, WELCOME, STOP = 12, 32, 33, 44
WASHER_DOWN, HALT, GONE, WHO, REFUSED = range(38, 43)
TASKS, RECALL, SKIP = range(64, 67)

#  The records of what a dryer hears, in the letters of the struct module; t is a text.
FORMS = {LANE: "QIt", ADVERT: "t", WELCOME: "IBBt", STOP: "BB8Q", WASHER_DOWN: "QB", REFUSED: "t",
         TASKS: "QQIBBBHI", RECALL: "I", BEAT: "", HALT: "", GONE: "", WHO: "", SKIP: ""}

HEADER = struct.Struct("<BBBBIQQQQQQQQ")
TOPIC_BYTES = 10
GAP = 1                                         # header flag
TAG, COMMAND, LINES, BYTES, ACK_FIRST = 1, 2, 4, 8, 16      # what WELCOME wants
NEVER_STARTED, OUTPUT_BEFORE = 2, 128           # flags of DONE
END_LOST = 5

PIECE_BYTES = 65536     # the largest body of OUT, and the largest output that travels in DONE
WAIT_S = 60             # for a sink, or for its next life where it keeps a journal
STREAM_S = 0.05         # how often the outputs of running commands are looked at, where they are wanted as they come
READ_AT_ONCE = 100      # messages of one socket, before the others have their turn


class Failure(Exception):
    """An error of ours or of the pipeline: a line on stderr and the exit status."""

    def __init__(self, text, status=125):
        super().__init__(text)
        self.status = status


#  Messages.

def pack_text(text):
    return struct.pack("<H", len(text)) + text


def unpack(form, data):
    """The values of `form`, which has to take all of data: else struct.error or ValueError."""
    values, at = [], 0
    for part in re.findall("t|[^t]+", form):
        if part == "t":
            (size,) = struct.unpack_from("<H", data, at)
            at += 2 + size
            values.append(data[at - size:at])
        else:
            values += struct.unpack_from("<" + part, data, at)
            at += struct.calcsize("<" + part)
    if at != len(data):
        raise ValueError("the records do not fit")
    return values


class Message:
    """A message that was received. `at` is where its header begins: behind the topic on `out`."""

    def __init__(self, frames, at):
        (magic, version, self.type, self.flags, self.count, self.run, self.sender, self.to, self.seq, self.got,
         self.ack, self.sent, self.credit) = HEADER.unpack_from(frames[0], at)
        if magic != ord("D") or version != 1 or self.type not in FORMS:
            raise ValueError("not a message of this protocol")
        self.records = unpack(FORMS[self.type], frames[0][at + HEADER.size:])
        self.body = frames[1] if len(frames) > 1 else b""


def read(sock, at):
    """The messages that wait at a socket; what is malformed is dropped (S1)."""
    for _ in range(READ_AT_ONCE):
        try:
            yield Message(sock.recv_multipart(zmq.NOBLOCK), at)
        except zmq.Again:
            return
        except (struct.error, ValueError):
            pass


class Letter:
    """A message that is kept until it is acked. body: bytes, or (file, offset, size). tasks: what it reports.
    job: whose output it carries or concludes, if there is any; such letters are made anew for a new sink (S8)."""

    def __init__(self, kind, records, count=0, body=b"", tasks=(), job=None):
        self.kind, self.records, self.count, self.body, self.tasks, self.job = kind, records, count, body, tasks, job

    def bytes(self):
        if isinstance(self.body, bytes):
            return self.body
        file, offset, size = self.body
        return os.pread(file.fileno(), size, offset)


class Link:
    """The link between this life and one life of the sink, both directions."""

    def __init__(self, letters=()):
        self.letters = collections.deque(letters)       # not acked; letters[0] has the sequence `first`
        self.first = self.next = 1                      # next: what goes out next, lower again after a gap
        self.sent = 0                                   # highest sequence used
        self.got = 0                                    # highest sequence received in order
        self.behind = False                             # a gap was seen, and is not filled yet
        self.tell_gap = False                           # the next message out carries GAP
        self.granted = self.spent = 0                   # bytes of output

    def hears(self, message):
        """Takes what the header says of both directions. True when the message is to be handled (S5)."""
        while self.letters and self.first <= min(message.ack, self.sent):
            self.letters.popleft()
            self.first += 1
        self.next = max(self.next, self.first)
        if message.flags & GAP:
            self.next = max(self.first, min(self.next, message.got + 1))
        self.granted = max(self.granted, message.credit)
        if message.seq == 0:
            self.tell_gap = self.tell_gap or message.sent > self.got
            return True
        if message.seq == self.got + 1:
            self.got += 1
            self.behind = False
            return True
        if message.seq > self.got and not self.behind:
            self.behind = self.tell_gap = True
        return False

    def due(self):
        """The letters that are to go out now, each with its sequence."""
        while self.next < self.first + len(self.letters):
            self.sent = max(self.sent, self.next)
            self.next += 1
            yield self.next - 1, self.letters[self.next - 1 - self.first]


#  Where the parts meet, and what is shown there.

def own_directory(path):
    """True where the directory is there, ours alone and no link; False where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from error
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise Failure(f"{path}: it has to belong to you, and to be closed to others (chmod 700)")
    return True


def is_locked(path):
    """Whether somebody holds the lock (of open file descriptions) on a file. It is asked for, never taken."""
    with open(path, "rb") as file:
        asked = struct.pack("hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        return struct.unpack("hhqqi0q", fcntl.fcntl(file, fcntl.F_OFD_GETLK, asked))[0] != fcntl.F_UNLCK


def read_keys(path):
    try:
        with open(path, encoding="ascii") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise Failure(f"{path}: others may read this key file (chmod 600)")
            found = dict(re.findall(r'^\s+(head|public-key|secret-key)\s*=\s*"(.{40})"\s*$', file.read(), re.MULTILINE))
    except (OSError, UnicodeError) as error:
        raise Failure(f"{path}: cannot read the key: {error}") from error
    if len(found) != 3:
        raise Failure(f"{path}: not the key file of a worker")
    return found


class Place:
    """An address, and the credential for it."""

    def __init__(self, url, key):
        self.base = os.environ.get("DISHES_DIR") or f"/tmp/dishes-{os.getuid()}"
        self.keys = read_keys(key) if key else None
        self.cookie = None
        kind, _, rest = url.partition("://")
        host, _, port = rest.rpartition(":")
        if kind == "ipc" and (rest.startswith("/") or re.fullmatch(r"[^/.][^/]*", rest)) and not key:
            self.host, self.directories = None, [rest] if rest.startswith("/") else [self.base, f"{self.base}/{rest}"]
            self.out = f"ipc://{self.directories[-1]}/out"
        elif kind == "tcp" and host and port.isdigit():
            self.host, self.port, self.directories = host, port, []
            self.out = url
            if not key and not re.fullmatch(r"127\.[0-9.]+|localhost|\[::1\]", host):
                raise Failure(f"{url}: an address that other machines can reach needs --key")
        else:
            raise Failure(f"{url}: not an address for this: ipc://NAME, ipc:///DIR (without --key), tcp://HOST:PORT")

    def look(self):
        """What to dial: (endpoint, cookie), None while nobody is there. A sink that was started anew has a new cookie."""
        if not all(map(own_directory, self.directories)):
            return None
        if not self.host or self.keys:
            return self.out, None
        files = f"{self.base}/tcp-{self.port}"
        try:
            if not own_directory(self.base) or not is_locked(files + ".lock"):
                return None
            with open(files + ".cookie", encoding="ascii") as file:
                return self.out, file.read().strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeError) as error:
            raise Failure(f"{files}: {error}") from error

    def connect(self, context, kind, endpoint, cookie):
        """A socket as the protocol wants it (section 1), connected to an endpoint that was told or looked up."""
        sock = context.socket(kind)
        for option, value in ((zmq.LINGER, 0), (zmq.SNDHWM, 0), (zmq.RCVHWM, 0), (zmq.RECONNECT_IVL, 20),
                              (zmq.HEARTBEAT_IVL, 1000), (zmq.HEARTBEAT_TIMEOUT, 5000)):
            sock.setsockopt(option, value)
        if self.keys:
            sock.curve_serverkey = self.keys["head"].encode()
            sock.curve_publickey = self.keys["public-key"].encode()
            sock.curve_secretkey = self.keys["secret-key"].encode()
        elif cookie:
            sock.plain_username = b"dishes"
            sock.plain_password = cookie.encode()
        if self.host:
            endpoint = endpoint.replace("tcp://*:", f"tcp://{self.host}:")
        try:
            sock.connect(endpoint)
        except zmq.ZMQError as error:
            raise Failure(f"{endpoint}: {error}") from error
        return sock


#  Tasks and commands.

class Task:
    """One delivery of a task: (washer, seq) is the lane message that brought it."""

    def __init__(self, washer, seq, n, attempt, last, values):
        self.washer, self.seq, self.n, self.attempt, self.last, self.values = washer, seq, n, attempt, last, values


def tasks_of(message):
    """The tasks of a TASKS message (section 6)."""
    n, count, attempt, flags, form, delimiter, _, items = message.records
    if form == 0:
        values = message.body.split(bytes([delimiter]))
        if values.pop():
            raise ValueError("the last item has no end")
        lists = [values[at:at + items] for at in range(0, len(values), items)]
    elif form == 1:
        lists, at = [], 0
        while at < len(message.body):
            (many,) = struct.unpack_from("<I", message.body, at)
            at += 4
            lists.append([])
            for _ in range(many):
                (size,) = struct.unpack_from("<I", message.body, at)
                at += 4 + size
                lists[-1].append(message.body[at - size:at])
        if at != len(message.body):
            raise ValueError("a value is cut off")
    else:
        raise ValueError("no such format")
    if len(lists) != count:
        raise ValueError("the body holds another number of tasks")
    return [Task(message.sender, message.seq, n + i, attempt, flags & 1, values) for i, values in enumerate(lists)]


def runs_of(tasks):
    """(washer, seq, n, count) of tasks that stand together in one lane message."""
    by_place = sorted(tasks, key=lambda task: (task.washer, task.seq, task.n))
    for (washer, seq, _), group in itertools.groupby(enumerate(by_place), key=lambda numbered: (
            numbered[1].washer, numbered[1].seq, numbered[1].n - numbered[0])):
        group = list(group)
        yield washer, seq, group[0][1].n, len(group)


REPLACED = re.compile(rb"\{(?:([0-9]*)(|\.|/|//|/\.)|([#%]))\}")
PARTS = {b"": lambda value: value,
         b".": lambda value: re.sub(rb"\.[^/.]*$", b"", value),
         b"/": lambda value: value.rpartition(b"/")[2],
         b"//": lambda value: os.path.dirname(value) or b".",
         b"/.": lambda value: re.sub(rb"\.[^/.]*$", b"", value.rpartition(b"/")[2])}


def expand(text, task, slot, between):
    """`text` with its replacement strings replaced; the values of {} are joined by `between`."""
    def replacement(match):
        number, part, other = match.groups()
        if other:
            return b"%d" % (task.n if other == b"#" else slot)
        values = task.values[int(number) - 1:int(number)] if number else task.values
        return between.join(map(PARTS[part], values))
    return REPLACED.sub(replacement, text)


def words_of(command, task, slot):
    """The words of the command. Several values in place of {} are several words; NUL, which no word can hold, parts
    them. A word that was nothing but a replacement string without a value falls away."""
    words = []
    for word in command:
        if REPLACED.search(word) and not any(b"\0" in value for value in task.values):
            expanded = expand(word, task, slot, b"\0")
            words += expanded.split(b"\0") if expanded or task.values[:1] == [b""] else []
        else:
            words.append(expand(word, task, slot, b" "))
    return words


def in_the_child():
    """Between fork and exec: the command is killed when this process dies, for its tasks will run elsewhere."""
    PRCTL(1, signal.SIGKILL)    # PR_SET_PDEATHSIG


PRCTL = ctypes.CDLL(None, use_errno=True).prctl


class Job:
    """A command that runs or has run for a task, with its outputs: in files of no name, gone with the last letter that
    reads from them."""

    def __init__(self, task, slot, words, environment):
        self.task, self.slot, self.words, self.holds_slot = task, slot, words, True
        self.files = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]   # stdout, stderr
        self.sizes = [0, 0]         # complete once the command has ended
        self.told = [0, 0]          # bytes that went in OUT
        self.status = self.signal = self.flags = self.runtime_us = 0
        self.start_us, self.began = time.time_ns() // 1000, time.monotonic()
        self.process = self.descriptor = None
        try:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self.files[0],
                                            stderr=self.files[1], env=environment, process_group=0,
                                            preexec_fn=in_the_child)
            self.descriptor = os.pidfd_open(self.process.pid)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it holds a NUL byte, which no argument can hold"
            self.files[1].write(f"dryer.py: task {task.n} cannot be run: {reason}\n".encode())
            self.files[1].flush()
            self.status = 127 if isinstance(error, FileNotFoundError) else 126
            self.flags = NEVER_STARTED
            self.measure()

    def measure(self):
        self.sizes = [os.fstat(file.fileno()).st_size for file in self.files]

    def end(self):
        """Takes the exit status of a command that has ended."""
        status = self.process.wait()
        self.status, self.signal = max(status, 0), max(-status, 0)
        self.runtime_us = int((time.monotonic() - self.began) * 1e6)
        os.close(self.descriptor)
        self.measure()

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.end()

    def failed(self):
        return self.status or self.signal

    def left(self):
        """How much of the output has not been told in OUT."""
        return sum(self.sizes) - sum(self.told)

    def piece(self, by_lines):
        """The next piece of output: (stream 1 or 2, (file, offset, size)), or None. by_lines: end with a line's end."""
        for stream in (0, 1):
            file, offset = self.files[stream], self.told[stream]
            size = min(self.sizes[stream] - offset, PIECE_BYTES)
            if size and by_lines:
                size = (os.pread(file.fileno(), size, offset).rfind(b"\n") + 1) or size * (size == PIECE_BYTES)
            if size:
                self.told[stream] += size
                return stream + 1, (file, offset, size)
        return None


#  The dryer.

class Lane:
    """What comes from one life of the washer."""

    def __init__(self, washer):
        self.washer, self.generation, self.socket = washer, 0, None
        self.got, self.behind = 0, False


class Life:
    """One life of a dryer."""

    def __init__(self, context, place, options, wakeup):
        self.context, self.place, self.wakeup = context, place, wakeup
        self.command, self.slots = options.command, options.jobs
        self.life = time.time_ns() & ~0xFFF | secrets.randbits(12)
        self.topic = b"d" + struct.pack("<QB", self.life, 0)
        self.poller = zmq.Poller()
        self.poller.register(wakeup.fileno(), zmq.POLLIN)
        self.out = self.into = self.dialled = None      # the sockets; what Place.look () gave for them
        self.state = "seeking"                          # open, leaving, parting: section 9
        self.over = None                                # the exit status, "again" for a new life
        self.result = 0                                 # the exit status, once the end of the pipeline is known
        self.run = self.sink = 0
        self.link, self.lane, self.washers_over = Link(), None, 0
        self.welcomed = self.was_open = self.halted = False
        self.dead_after_s, self.journal, self.wants, self.tag = 5.0, False, 0, b""
        self.waiting = collections.deque()      # tasks that were not started
        self.running = {}                       # jobs, by the descriptor of their process
        self.outbox = collections.deque()       # jobs that have ended, whose output waits for credit
        self.free = list(range(1, self.slots + 1))
        self.woke = self.heard = self.since = time.monotonic()  # since: of the wait that ends with WAIT_S or dead-after
        self.hello_at = self.beat_at = self.bye_at = self.look_at = self.spoke = 0.0
        self.hello_pause_s = 0.01
        self.environment = {name: value for name, value in os.environb.items()
                            if name not in (b"DISHES_AT", b"DISHES_KEY")}
        self.handlers = {WELCOME: self.on_welcome, LANE: self.on_lane, WASHER_DOWN: self.on_washer_down,
                         HALT: self.on_halt, GONE: self.on_gone, WHO: self.on_who, REFUSED: self.on_refused,
                         STOP: self.on_stop}

    def run_to_end(self, asked_to_leave):
        """The loop: do what is due, say what there is to say, wait. asked_to_leave () is asked each time around."""
        try:
            while self.over is None:
                if asked_to_leave():
                    self.leave()
                self.tick()
                self.speak()
                if self.over is None:
                    self.wait()
            return self.over
        finally:
            self.end_commands()
            for sock in (self.out, self.into, self.lane and self.lane.socket):
                if sock:
                    sock.close()

    #  Time.

    def beat_s(self):
        return min(1.0, self.dead_after_s / 4)

    def tick(self):
        now = time.monotonic()
        pause = now - self.woke
        self.woke = now
        if pause > 2 * self.beat_s():           # we were stopped: it is no silence of the sink's (S14)
            self.heard += pause
            self.since += pause
        silence = now - self.heard
        if now >= self.look_at and (not self.out or silence > 2 * self.beat_s()):
            self.look_at = now + (0.25 if self.out else 0.02)
            self.dial(self.place.look())
        if self.state == "parting":
            self.over = self.result if now - self.since > self.dead_after_s else None
        elif not self.was_open and now - self.since > WAIT_S:
            raise Failure("the sink did not answer" if self.sink else "no sink was found")
        elif self.was_open and silence > (max(WAIT_S, self.dead_after_s) if self.journal else self.dead_after_s):
            raise Failure("the pipeline is lost")
        self.start_commands(silence)

    def dial(self, found):
        if found is None or found == self.dialled:
            return
        self.dialled = found
        self.drop_socket(self.out)
        self.out = self.place.connect(self.context, zmq.SUB, *found)
        self.out.subscribe(bytes(TOPIC_BYTES))
        self.out.subscribe(self.topic)
        self.poller.register(self.out, zmq.POLLIN)

    def drop_socket(self, sock):
        if sock:
            self.poller.unregister(sock)
            sock.close()

    def wait(self):
        due = [self.woke + self.beat_s()]
        if self.sink:
            due.append(self.spoke + self.beat_s() if self.welcomed else self.hello_at)
        if self.state == "parting":
            due.append(self.bye_at)
        if not self.out:
            due.append(self.look_at)
        if self.wants & (LINES | BYTES) and self.running:
            due.append(self.woke + STREAM_S)
        events = dict(self.poller.poll(max(0, min(due) - time.monotonic()) * 1000 + 1))
        if self.wakeup.fileno() in events:
            self.wakeup.recv(4096)
        for descriptor in [one for one in events if one in self.running]:
            self.command_ended(descriptor)
        if self.into in events:
            while self.into.poll(0):            # the sink's subscription has arrived: HELLO can be heard from now on
                self.into.recv()
                self.hello_at = 0.0
        if self.out in events:
            self.hear_sink()
        if self.lane and self.lane.socket in events:
            self.hear_lane()

    #  Speaking.

    def send(self, kind, records=b"", count=0, seq=0, body=b""):
        link = self.link
        header = HEADER.pack(ord("D"), 1, kind, GAP if link.tell_gap else 0, count, self.run, self.life, self.sink,
                             seq, link.got, link.got, link.sent, 0)
        self.into.send_multipart([header + records] + ([body] if body else []))
        link.tell_gap = False
        self.spoke = time.monotonic()

    def post(self, kind, records, **more):
        self.link.letters.append(Letter(kind, records, **more))

    def speak(self):
        now = time.monotonic()
        if not self.sink:
            return
        if self.state == "parting":
            if now >= self.bye_at:
                self.bye_at = now + 0.1
                self.send(BYE)
        elif not self.welcomed:
            if now >= self.hello_at:
                self.hello_at = now + self.hello_pause_s
                self.hello_pause_s = min(0.5, self.hello_pause_s * 2)
                self.hello()
        else:
            self.post_outputs()
            for seq, letter in self.link.due():
                self.send(letter.kind, letter.records, letter.count, seq, letter.bytes())
            if self.link.tell_gap or now - self.spoke >= self.beat_s():
                self.send(BEAT)
            if self.state == "leaving" and not (self.waiting or self.running or self.outbox or self.link.letters):
                self.part()

    def hello(self):
        host = socket.gethostname()
        slots = 0 if self.state == "leaving" else self.slots
        self.send(HELLO, b"d" + pack_text(f"{host}-{os.getpid()}".encode()) + pack_text(host.encode())
                  + struct.pack("<IIII", slots, slots, 1, self.slots) + self.inventory())

    def inventory(self):
        """What waits, what runs, and what is reported but not acked."""
        jobs = [*self.running.values(), *self.outbox]
        tasks = [*self.waiting, *(job.task for job in jobs)]
        tasks += [task for letter in self.link.letters for task in letter.tasks]
        runs = list(runs_of(tasks))
        lane = (self.lane.washer, self.lane.got) if self.lane else (0, 0)
        return struct.pack("<QQI", *lane, len(runs)) + b"".join(
            struct.pack("<QQQQ", washer, seq, n, count) for washer, seq, n, count in runs)

    def post_outputs(self):
        """Outputs, while there is credit: one task after another; those that are wanted as they come, as they come."""
        streamed = self.wants & (LINES | BYTES)
        if streamed:
            for job in self.running.values():
                job.measure()
                while self.link.spent < self.link.granted and self.post_piece(job, by_lines=self.wants & LINES):
                    pass
        while self.outbox and (self.link.spent < self.link.granted or not self.outbox[0].left()):
            job = self.outbox[0]
            if not streamed and not sum(job.told) and job.left() <= PIECE_BYTES:
                self.link.spent += job.left()
                self.post_done(job, b"".join(os.pread(file.fileno(), size, 0)
                                             for file, size in zip(job.files, job.sizes)), job.sizes)
            elif not self.post_piece(job):
                if not streamed:
                    job.flags |= OUTPUT_BEFORE
                self.post_done(job)
            else:
                continue
            self.outbox.popleft()

    def post_piece(self, job, by_lines=False):
        piece = job.piece(by_lines)
        if piece:
            stream, body = piece
            streamed = bool(self.wants & (LINES | BYTES))
            self.link.spent += body[2]
            self.post(OUT, struct.pack("<QQQBB", job.task.washer, job.task.n, job.task.seq, stream, streamed)
                      + (self.tag_of(job) if streamed else b""), body=body, job=job)
        return piece

    def post_done(self, job, output=b"", sizes=(0, 0)):
        """The final report. Without output it waits for nothing (S31), and its slot is free at once."""
        task = job.task
        tag = self.tag_of(job)
        command = os.fsencode(shlex.join(map(os.fsdecode, job.words))) if self.wants & COMMAND else b""
        self.post(DONE, struct.pack("<QQQQIHBBQQIIII", task.washer, task.n, 1, task.seq, task.attempt, job.status,
                                    job.signal, job.flags, job.start_us, job.runtime_us, *sizes, len(tag),
                                    len(command)),
                  count=1, body=output + tag + command, tasks=[task], job=job if sum(job.sizes) else None)
        self.free_slot(job)

    def free_slot(self, job):
        """A slot is free when the output of its command is on its way: so no more outputs wait here than there are."""
        if job.holds_slot:
            job.holds_slot = False
            self.free.append(job.slot)

    def tag_of(self, job):
        return expand(self.tag or b"{}", job.task, job.slot, b" ") if self.wants & TAG else b""

    def post_returned(self, tasks, recall=0):
        """Gives tasks back. They are of one washer, except where several of them are over: one letter for each."""
        by_washer = collections.defaultdict(list)
        for washer, seq, n, count in runs_of(tasks):
            by_washer[washer].append(struct.pack("<QQQ", n, count, seq))
        if recall and not by_washer:
            by_washer[self.lane.washer] = []
        for washer, records in by_washer.items():
            self.post(RETURNED, struct.pack("<QQ", washer, recall) + b"".join(records), count=len(records),
                      tasks=[task for task in tasks if task.washer == washer])

    #  What the sink says.

    def hear_sink(self):
        for message in read(self.out, TOPIC_BYTES):
            if message.type == ADVERT:
                self.on_advert(message)
            elif (message.run, message.to, message.sender) == (self.run, self.life, self.sink):     # S2
                self.heard = time.monotonic()
                if self.link.hears(message) and message.type in self.handlers and self.over is None:
                    self.handlers[message.type](message, *message.records)

    def on_advert(self, message):
        if self.run and message.run != self.run:
            raise Failure("the pipeline is lost: another run is at its address")
        if message.sender <= self.sink or self.state == "parting":
            return
        self.run, self.sink = message.run, message.sender
        self.welcomed, self.hello_at, self.hello_pause_s = False, 0.0, 0.01
        self.heard = time.monotonic()
        self.since = self.heard if not self.was_open else self.since
        self.drop_socket(self.into)
        self.into = self.place.connect(self.context, zmq.XPUB, message.records[0].decode(errors="replace"),
                                       self.dialled[1])
        self.poller.register(self.into, zmq.POLLIN)
        self.begin_link()

    def begin_link(self):
        """To a new life of the sink all goes again that it has not acked, outputs from their first byte (S8)."""
        again = list(dict.fromkeys(letter.job for letter in self.link.letters if letter.kind == DONE and letter.job))
        self.outbox.extendleft(reversed(again))
        for job in [*self.running.values(), *self.outbox]:
            job.told = [0, 0]
            job.flags &= ~OUTPUT_BEFORE
        self.link = Link(letter for letter in self.link.letters if not letter.job)
        self.halted = False

    def on_welcome(self, _, dead_after_ms, journal, wants, tag):
        self.dead_after_s, self.journal, self.wants, self.tag = dead_after_ms / 1000, bool(journal), wants, tag
        self.welcomed = self.was_open = True
        if self.state == "seeking":
            self.state = "open"

    def on_who(self, _):
        self.welcomed, self.hello_at, self.hello_pause_s = False, 0.0, 0.01

    def on_refused(self, _, why):
        raise Failure("refused: " + why.decode(errors="replace"))

    def on_halt(self, _):
        self.halted = True

    def on_gone(self, _):
        self.over = self.result if self.state in ("leaving", "parting") else "again"

    def on_stop(self, _, end, *__):
        if self.state != "parting":
            self.end_commands()
            self.result = 125 if end == END_LOST else 0
            self.part()

    def on_washer_down(self, _, washer, drop):
        self.washers_over = max(self.washers_over, washer)
        if self.lane and self.lane.washer <= washer:
            self.drop_socket(self.lane.socket)
            self.lane = None
        if drop:
            self.waiting = collections.deque(task for task in self.waiting if task.washer > washer)
        self.post(HOLDING, struct.pack("<QB", washer, drop) + self.inventory())

    def on_lane(self, _, washer, generation, endpoint):
        known = self.lane and self.lane.washer
        if washer <= self.washers_over or known and (washer, generation) < (known, self.lane.generation):
            return
        if known != washer:
            if self.lane:
                self.drop_socket(self.lane.socket)
            self.lane = Lane(washer)
        lane = self.lane
        first = generation == 1 and lane.generation == 0
        if generation != lane.generation:
            self.drop_socket(lane.socket)
            lane.generation, lane.socket = generation, None
            if endpoint:
                lane.socket = self.place.connect(self.context, zmq.PULL, endpoint.decode(errors="replace"),
                                                 self.dialled[1])
                self.poller.register(lane.socket, zmq.POLLIN)
            else:                               # the washer has given the lane up (S40)
                self.give_back(len(self.waiting))
        if not first:
            self.post_lanegot()

    def post_lanegot(self):
        self.post(LANEGOT, struct.pack("<QIQ", self.lane.washer, self.lane.generation, self.lane.got))

    #  What the washer says.

    def hear_lane(self):
        lane = self.lane
        for message in read(lane.socket, 0):
            if (message.run, message.to, message.sender) != (self.run, self.life, lane.washer):
                continue
            if message.seq != lane.got + 1:
                if message.seq > lane.got and not lane.behind:
                    lane.behind = True
                    self.post_lanegot()         # S23
                continue
            try:
                tasks = tasks_of(message) if message.type == TASKS else []
            except (struct.error, ValueError):
                continue
            lane.got, lane.behind = message.seq, False
            self.take(tasks)
            if message.type == RECALL:
                self.give_back(message.records[0], message.seq)

    def take(self, tasks):
        if self.state == "open":
            self.waiting.extend(tasks)
        elif self.state == "leaving":
            self.post_returned(tasks)

    def give_back(self, most, recall=0):
        """Returns at most so many tasks of the lane that were not started, the last that came first."""
        ours = [task for task in self.waiting if task.washer == self.lane.washer]
        ours = ours[max(0, len(ours) - most):]
        self.waiting = collections.deque(task for task in self.waiting if task not in ours)
        self.post_returned(ours, recall)

    #  Commands.

    def may_start(self, silence):
        if self.state != "open" or self.halted or silence > self.dead_after_s:      # S17
            return False
        return not (self.wants & ACK_FIRST and (self.outbox or any(letter.tasks for letter in self.link.letters)))

    def start_commands(self, silence):
        while self.waiting and self.free and self.may_start(silence):
            task, slot = self.waiting.popleft(), min(self.free)
            self.free.remove(slot)
            told = {b"DISHES_SEQ": task.n, b"PARALLEL_SEQ": task.n, b"DISHES_SLOT": slot,
                    b"PARALLEL_JOBSLOT": slot, b"DISHES_ATTEMPT": task.attempt}
            job = Job(task, slot, words_of(self.command, task, slot),
                      {**self.environment, **{name: b"%d" % value for name, value in told.items()}})
            if job.process:
                self.running[job.descriptor] = job
                self.poller.register(job.descriptor, zmq.POLLIN)
            else:
                self.report(job)

    def command_ended(self, descriptor):
        self.poller.unregister(descriptor)
        job = self.running.pop(descriptor)
        job.end()
        self.report(job)

    def report(self, job):
        task = job.task
        if job.failed() and not task.last:      # S27
            self.post(FAILED, struct.pack("<QQQIHBB", task.washer, task.n, task.seq, task.attempt, job.status,
                                          job.signal, job.flags), count=1, tasks=[task])
            self.free_slot(job)
        elif job.left():
            self.outbox.append(job)
        else:
            self.post_done(job)

    def end_commands(self):
        for descriptor, job in self.running.items():
            self.poller.unregister(descriptor)
            job.kill()
        self.running = {}

    #  The end.

    def leave(self):
        """Finishes what runs and gives back the rest (S18)."""
        if not self.was_open:
            self.over = 0
        elif self.state == "open":
            self.state = "leaving"
            self.post(SLOTS, struct.pack("<II", 0, 0))
            self.post_returned(self.waiting)
            self.waiting = collections.deque()

    def part(self):
        self.state, self.since, self.bye_at = "parting", time.monotonic(), 0.0


def parse_arguments():
    parser = argparse.ArgumentParser(description="A dryer of dishes: runs COMMAND once for each item.")
    parser.add_argument("--at", metavar="URL", default=os.environ.get("DISHES_AT"), help="where the parts meet")
    parser.add_argument("-j", "--jobs", metavar="N", type=int, default=os.cpu_count(), help="so many at a time")
    parser.add_argument("--key", metavar="FILE", default=os.environ.get("DISHES_KEY"), help="a worker's key")
    parser.add_argument("command", metavar="COMMAND [ARG...]", nargs=argparse.REMAINDER)
    parser.error = usage_error
    options = parser.parse_args()
    if options.command[:1] == ["--"]:
        del options.command[0]
    if not options.at or not options.command or options.jobs < 1:
        usage_error("wanted: --at URL [-j N] [--key FILE] COMMAND [ARG...]")
    options.command = [os.fsencode(word) for word in options.command]
    program = options.command[0]
    if not any(map(REPLACED.search, options.command)):
        options.command.append(b"{}")
    if not REPLACED.search(program) and not shutil.which(program):
        there = b"/" in program and os.path.exists(program)
        raise Failure(f"{os.fsdecode(program)}: " + ("cannot be run" if there else "not found"), 126 if there else 127)
    return options


def usage_error(text):
    raise Failure(text)


def main():
    signals = []

    def asked_to_leave():
        if signals[1:] or signal.SIGINT in signals:
            raise InterruptedError
        return signals

    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    try:
        options = parse_arguments()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda number, _: signals.append(number))
        context, place, status = zmq.Context(), Place(options.at, options.key), "again"
        while status == "again":
            status = Life(context, place, options, ours).run_to_end(asked_to_leave)
        return status
    except Failure as failure:
        print(f"dryer.py: {failure}", file=sys.stderr)
        return failure.status
    except InterruptedError:
        signal.signal(signals[-1], signal.SIG_DFL)
        os.kill(os.getpid(), signals[-1])
        return 128 + signals[-1]


if __name__ == "__main__":
    sys.exit(main())
