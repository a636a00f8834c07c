"""Where the tests of the specification play: the real parts, in threads (parts.h), and a case: one test on one kind of
wire, with an address of its own and all that it opens.
"""

import ctypes
import itertools
import os
import shutil
import sqlite3
import tempfile
import time

import wire
from players import WITHIN_S, Peer, SinkPlayer, wait_until

PARTS = ("washer", "dryer", "sink", "observer")         # as in parts.h
DRAIN = 64                                              # of role/control.h


class Part:
    """A real part, in a thread."""

    def __init__(self, case, kind, words, fd):
        self.case, self.kind, self.out, self.last_said = case, kind, None, ""
        argv = [kind, "--at", "ipc:///tmp", *words] if kind != "observer" else ["dishes", "--join", "ipc:///tmp", *words]
        if case.wire == "tcp":
            argv.insert(1, "--insecure")
        array = (ctypes.c_char_p * (len(argv) + 1))(*[word.encode() for word in argv], None)
        error = ctypes.create_string_buffer(1024)
        self.handle = case.library.spec_part_new(PARTS.index(kind), case.address.encode(), len(argv), array, fd,
                                                 ctypes.c_void_p(case.station), error, ctypes.c_size_t(1024))
        assert self.handle, error.value.decode()
        self.handle = ctypes.c_void_p(self.handle)
        case.open.append(self)
        if kind == "sink":
            self.find()

    def call(self, name, *args):
        return getattr(self.case.library, "spec_part_" + name)(self.handle, *args)

    def find(self):
        """Where it is, as soon as it can be found."""
        wait_until(lambda: self.call("bound") >= 0 or self.status() is not None, self.said)
        assert self.status() is None, self.said()
        self.out = self.case.endpoint("out")
        if self.case.wire == "tcp":
            self.out = f"tcp://127.0.0.1:{self.call('bound')}"

    def said(self):
        if not self.handle:
            return self.last_said
        lines = ctypes.create_string_buffer(8192)
        self.call("said", lines, ctypes.c_size_t(8192))
        return lines.value.decode()

    def status(self):
        status = ctypes.c_int()
        return status.value if self.call("done", ctypes.byref(status)) else None

    def ends(self, within_s=WITHIN_S, meanwhile=None):
        """Its exit status. A player goes on meanwhile."""
        wait_until(lambda: self.status() is not None, self.said, within_s, meanwhile)
        return self.status()

    def ask(self, what):
        self.call("ask", ctypes.c_uint(what))

    def pause(self, seconds):
        self.call("pause", int(1000 * seconds))

    def running(self):
        numbers = (ctypes.c_uint64 * 64)()
        return list(numbers[:self.call("running", numbers, 64)])

    def runs(self, *numbers, meanwhile=None):
        """Waits until just these tasks run."""
        wait_until(lambda: self.running() == list(numbers), lambda: f"{self.running()} run, not {numbers}", WITHIN_S,
                   meanwhile)

    def finish(self, n, status=0, out_bytes=0):
        wait_until(lambda: n in self.running(), lambda: f"task {n} does not run")
        self.call("finish", ctypes.c_uint64(n), status, ctypes.c_uint64(out_bytes))

    def started(self):
        """(how many tasks were begun, how many of these were ended by force)"""
        killed = ctypes.c_uint64()
        return self.call("started", ctypes.byref(killed)), killed.value

    def close(self):
        self.last_said = self.said()
        if self.handle:
            self.call("destroy")
        self.handle = None


class Case:
    """One test on one kind of wire: an address of its own, and all that it opens."""

    numbers = itertools.count()

    def __init__(self, library, kind, base):
        self.library, self.wire, self.open = library, kind, []
        self.dir = tempfile.mkdtemp(dir=base, prefix="d")
        self.station = self.context = None
        self.files = []
        if kind == "inproc":
            self.address = f"inproc://spec{next(Case.numbers)}"
            self.station = library.spec_station_new(self.address.encode())
            self.context = library.spec_station_context(ctypes.c_void_p(self.station))
        else:
            self.context = library.zmq_ctx_new()
            self.address = f"ipc://{self.dir}" if kind == "ipc" else "tcp://127.0.0.1:0"

    #   ---- addresses

    def endpoint(self, name):
        if self.wire == "tcp":
            return "tcp://127.0.0.1:*"
        return f"{self.address}/{name.replace('/', '-') if self.wire == 'ipc' else name}"

    def told(self, endpoint):
        return endpoint.replace("tcp://127.0.0.1:", "tcp://*:")

    def dialled(self, endpoint):
        return endpoint.replace("tcp://*:", "tcp://127.0.0.1:")

    def move_to(self, endpoint):
        """The address, where the port is known only now."""
        if self.wire == "tcp":
            self.address = endpoint

    def elsewhere(self):
        """Another address for what follows, on the same kind of wire."""
        if self.wire == "inproc":
            self.address += "x"
        elif self.wire == "ipc":
            self.address = f"ipc://{tempfile.mkdtemp(dir=self.dir, prefix='d')}"
        else:
            self.address = "tcp://127.0.0.1:0"

    def socket(self, kind):
        return wire.Socket(self.library, self.context, kind)

    #   ---- who plays

    def sink(self, *words):
        """Real. Its results go to a pipe: printed ()."""
        self.results, fd = os.pipe()
        os.set_blocking(self.results, False)
        self.files += [self.results, fd]
        return Part(self, "sink", words, fd)

    def printed(self):
        try:
            return os.read(self.results, 1 << 20).decode()
        except BlockingIOError:
            return ""

    def washer(self, items, *words, keeps_open=False):
        """Real, with these bytes for its input, of which more may come: feed ()."""
        if keeps_open:
            fd, self.feed_fd = os.pipe()
            self.files.append(self.feed_fd)
            self.feed(items)
        else:
            path = os.path.join(self.dir, "items")
            with open(path, "w", encoding="ascii") as file:
                file.write(items)
            fd = os.open(path, os.O_RDONLY)
        self.files.append(fd)
        return Part(self, "washer", words, fd)

    def feed(self, items):
        os.write(self.feed_fd, items.encode())

    def feed_end(self):
        self.files.remove(self.feed_fd)
        os.close(self.feed_fd)

    def dryer(self, slots=1, prefetch=0, *words):
        return Part(self, "dryer", ["-j", str(slots), "--prefetch", str(prefetch), *words, "true"], -1)

    def observer(self, *words):
        return Part(self, "observer", words, -1)

    def sink_player(self):
        return SinkPlayer(self)

    def peer(self, sink, role, records=None, life=None):
        """A player before a real sink, welcomed."""
        peer = Peer(self, sink, role, life)
        peer.meet(records)
        return peer

    def status(self, sink):
        """What the sink tells who asks."""
        observer = Peer(self, sink, "o")
        found = wire.read_status(observer.meet())
        observer.say(wire.BYE)
        observer.hear(wire.GONE)
        return found

    #   ---- journals

    def journal(self):
        return os.path.join(self.dir, "journal")

    def ask_journal(self, query, path=None):
        database = sqlite3.connect(path or self.journal(), timeout=5)
        try:
            return database.execute(query).fetchall()
        finally:
            database.close()

    def locked_journal(self):
        """Until it is closed nobody else writes there."""
        database = sqlite3.connect(self.journal(), isolation_level=None, timeout=5)
        database.execute("BEGIN IMMEDIATE")
        return database

    def restarted(self, *words):
        """A sink that goes on from what the journal holds this very moment, as after a kill -9, elsewhere."""
        copy = tempfile.mkdtemp(dir=self.dir)
        for end in ("", "-wal"):
            if os.path.exists(self.journal() + end):
                shutil.copy(self.journal() + end, os.path.join(copy, "journal" + end))
        self.elsewhere()
        return self.sink("--journal", os.path.join(copy, "journal"), *words)

    @staticmethod
    def let_pass(seconds):
        """Time in which nobody says anything, where that is what a test is about."""
        time.sleep(seconds)

    def close(self):
        for each in reversed(self.open):
            each.close()
        if self.station:
            self.library.spec_station_destroy(ctypes.c_void_p(self.station))
        else:
            self.library.zmq_ctx_term(ctypes.c_void_p(self.context))
        for fd in self.files:
            try:
                os.close(fd)
            except OSError:
                pass
        shutil.rmtree(self.dir, ignore_errors=True)
