"""What goes over the wires of dishes, for a peer in Python: doc/protocol.md, sections 2, 3 and 6, and doc/security.md.

A Message is read, a Letter is written; Link is section 3; Place is where the parts meet, and what is shown there.
"""

import collections
import fcntl
import itertools
import os
import re
import stat
import struct

import zmq

HELLO, BEAT, BYE, DONE, OUT, FAILED, RETURNED, LANEGOT, SLOTS, HOLDING = range(1, 11)
LANE, ADVERT, WELCOME, STOP = 12, 32, 33, 44
WASHER_DOWN, HALT, GONE, WHO, REFUSED = range(38, 43)
TASKS, RECALL, SKIP = range(64, 67)

#  The records of what a dryer hears, in the letters of the struct module; t is a text, w one that may be missing.
FORMS = {LANE: "QIt", ADVERT: "t", WELCOME: "IBBt", STOP: "BB8Qw", WASHER_DOWN: "QB", REFUSED: "t",
         TASKS: "QQIBBBHI", RECALL: "I", BEAT: "", HALT: "", GONE: "", WHO: "", SKIP: ""}

HEADER = struct.Struct("<BBBBIQQQQQQQQ")
TOPIC_BYTES = 10
GAP, STAY = 1, 2                                # header flags
TAG, COMMAND, LINES, BYTES, ACK_FIRST, ITEM, TROUBLE = 1, 2, 4, 8, 16, 32, 64      # what WELCOME wants
NEVER_STARTED, ITEM_TOLD, OUTPUT_BEFORE = 2, 64, 128            # flags of DONE
END_LOST = 5

PIECE_BYTES = 65536     # the largest body of OUT, and the largest output that travels in DONE
VALUE_BYTES = 131071    # that are told of a value
READ_AT_ONCE = 100      # messages of one socket, before the others have their turn


def shown(text):
    """A line of others, without what a terminal would obey."""
    return "".join(each if each.isprintable() else "?" for each in text.decode(errors="replace"))


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
    for part in re.findall("[tw]|[^tw]+", form):
        if part == "w" and at == len(data):
            values.append(b"")
        elif part in "tw":
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

    def size(self):
        return len(self.body) if isinstance(self.body, bytes) else self.body[2]

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
        self.granted, self.spent = 0, sum(letter.size() for letter in self.letters)     # credit, in bytes of bodies

    def post(self, letter):
        self.spent += letter.size()
        self.letters.append(letter)

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


#  Tasks.

class Lane:
    """What comes from one life of the washer."""

    def __init__(self, washer):
        self.washer, self.generation, self.socket = washer, 0, None
        self.got, self.behind = 0, False


class Task:
    """One delivery of a task: (washer, seq) is the lane message that brought it."""

    def __init__(self, washer, seq, n, attempt, last, columns, values, stdin):
        self.washer, self.seq, self.n, self.attempt, self.last = washer, seq, n, attempt, last
        self.columns, self.values = columns, values     # of a block there are none
        self.stdin = stdin                              # what --pipe writes; None: it cannot be done so

    def item(self):
        """What it was given, as DONE tells it."""
        values = [value[:VALUE_BYTES] for value in self.values]
        return struct.pack("<HI", self.columns, len(values)) + b"".join(
            struct.pack("<I", len(value)) + value for value in values)


def tasks_of(message):
    """The tasks of a TASKS message (section 6)."""
    n, count, attempt, flags, form, delimiter, columns, items = message.records
    if form == 0:
        values = message.body.split(bytes([delimiter]))
        if values.pop():
            raise ValueError("the last item has no end")
        lists = [values[at:at + items] for at in range(0, len(values), items)]
        stdins = [b"".join(value + bytes([delimiter]) for value in values) for values in lists]
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
        stdins = [values[0] if len(values) == 1 else None for values in lists]
    elif form == 2:
        lists, stdins = [[]], [message.body]
    else:
        raise ValueError("no such format")
    if len(lists) != count:
        raise ValueError("the body holds another number of tasks")
    return [Task(message.sender, message.seq, n + i, attempt, flags & 1, columns, values, stdin)
            for i, (values, stdin) in enumerate(zip(lists, stdins))]


def is_block(message):
    """Are its tasks for the stdin of commands, and nothing else?"""
    return message.type == TASKS and message.records[4] == 2


def runs_of(tasks):
    """(washer, seq, n, count) of tasks that stand together in one lane message."""
    by_place = sorted(tasks, key=lambda task: (task.washer, task.seq, task.n))
    for (washer, seq, _), group in itertools.groupby(enumerate(by_place), key=lambda numbered: (
            numbered[1].washer, numbered[1].seq, numbered[1].n - numbered[0])):
        group = list(group)
        yield washer, seq, group[0][1].n, len(group)


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
        """What to dial: (endpoint, cookie), None while nobody is there. A sink that is started anew has a new one."""
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
