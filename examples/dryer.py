#!/usr/bin/python3
"""A dryer of dishes in Python: it shows that doc/protocol.md and doc/security.md are all that a peer needs.

    dryer.py --at URL [-j N] [--pipe] [--key FILE] COMMAND [ARG...]

runs COMMAND once for each item of the pipeline at URL, N at a time, beside dryers of any other kind. In COMMAND, {}
{.} {/} {//} {/.} {#} {%} {1} {2} ... stand for what they stand for in dishes; without any of them the item goes last.
With --pipe, which a washer's --pipe needs here too, the item is the stdin of COMMAND.
TERM or HUP lets it finish what runs, give back the rest, and leave; a second one ends it at once, and so does INT.

This file is one life of the dryer, from HELLO to BYE: a loop that never waits for a command, since outputs go to
unlinked files and the end of a command is one more descriptor to poll; so it beats whatever the commands do. What goes
over the wires is in dishes_wire.py, commands are in dishes_job.py. S1, S2 ... are sentences of the protocol.

It needs Debian's python3-zmq. Where it does less than the C dryer: a life that was closed kills its commands without
asking them first, each report is a message of its own, and there are no time limits.
"""

import argparse
import collections
import os
import secrets
import shlex
import shutil
import signal
import socket
import struct
import sys
import time

import zmq

import dishes_wire as wire
from dishes_job import REPLACED, Guardian, Job, expand

WAIT_S = 60             # for a sink, or for its next life where it keeps a journal
STREAM_S = 0.05         # how often the outputs of running commands are looked at, where they are wanted as they come


class Life:
    """One life of the dryer, at one place. Another begins where this one is told that it is over."""

    def __init__(self, context, place, options, guardian, wakeup, ended_run):
        self.context, self.place, self.guardian, self.wakeup = context, place, guardian, wakeup
        self.command, self.slots, self.pipe = options.command, options.jobs, options.pipe
        self.life = time.time_ns() & ~0xFFF | secrets.randbits(12)
        self.topic = b"d" + struct.pack("<QB", self.life, 0)
        self.poller = zmq.Poller()
        self.poller.register(wakeup.fileno(), zmq.POLLIN)
        self.out = self.into = self.dialled = None      # the sockets; what Place.look () gave for them
        self.state = "seeking"                          # open, leaving, parting: section 9
        self.over = None                                # the exit status, "again" for a new life
        self.result = 0                                 # the exit status, once the end of the pipeline is known
        self.run = self.sink = 0
        self.ended_run = ended_run                      # whose sink may still be there, though another is meant
        self.link, self.lane, self.washers_over = wire.Link(), None, 0
        self.welcomed = self.was_open = self.halted = False
        self.dead_after_s, self.journal, self.wants, self.tag = 5.0, False, 0, b""
        self.waiting = collections.deque()      # tasks that were not started
        self.running = {}                       # jobs, by the descriptor of their process
        self.outbox = collections.deque()       # jobs that have ended, whose output waits for credit
        self.free = list(range(1, self.slots + 1))
        self.woke = self.heard = self.since = time.monotonic()  # since: of the wait that ends with WAIT_S or dead-after
        self.hello_at = self.bye_at = self.look_at = self.spoke = 0.0
        self.hello_pause_s = 0.01
        self.handlers = {wire.WELCOME: self.on_welcome, wire.LANE: self.on_lane, wire.HALT: self.on_halt,
                         wire.WASHER_DOWN: self.on_washer_down, wire.GONE: self.on_gone, wire.WHO: self.on_who,
                         wire.REFUSED: self.on_refused, wire.STOP: self.on_stop}

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
        pause, self.woke = now - self.woke, now
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
            raise wire.Failure("the sink did not answer" if self.sink else "no sink was found")
        elif self.was_open and silence > (max(WAIT_S, self.dead_after_s) if self.journal else self.dead_after_s):
            raise wire.Failure("the pipeline is lost")
        self.start_commands(silence)

    def dial(self, found):
        if found is None or found == self.dialled:
            return
        self.dialled = found
        self.drop_socket(self.out)
        self.out = self.place.connect(self.context, zmq.SUB, *found)
        self.out.subscribe(bytes(wire.TOPIC_BYTES))
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
        if self.wants & (wire.LINES | wire.BYTES) and self.running:
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
        flags = wire.GAP if link.tell_gap else 0
        header = wire.HEADER.pack(ord("D"), 1, kind, flags, count, self.run, self.life, self.sink, seq, link.got,
                                  link.got, link.sent, 0)
        self.into.send_multipart([header + records] + ([body] if body else []))
        link.tell_gap = False
        self.spoke = time.monotonic()

    def post(self, kind, records, **more):
        self.link.post(wire.Letter(kind, records, **more))

    def speak(self):
        now = time.monotonic()
        if not self.sink:
            return
        if self.state == "parting":
            if now >= self.bye_at:
                self.bye_at = now + 0.1
                self.send(wire.BYE)
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
                self.send(wire.BEAT)
            if self.state == "leaving" and not (self.waiting or self.running or self.outbox or self.link.letters):
                self.part()

    def hello(self):
        host = socket.gethostname()
        slots = 0 if self.state == "leaving" else self.slots
        self.send(wire.HELLO, b"d" + wire.pack_text(f"{host}-{os.getpid()}".encode()) + wire.pack_text(host.encode())
                  + struct.pack("<IIII", slots, slots, 1, self.slots) + self.inventory())

    def inventory(self, reported=True):
        """What waits, what runs, and what is reported but not acked, unless that comes in letters before."""
        jobs = [*self.running.values(), *self.outbox]
        tasks = [*self.waiting, *(job.task for job in jobs)]
        tasks += [task for letter in self.link.letters if reported for task in letter.tasks]
        runs = list(wire.runs_of(tasks))
        lane = (self.lane.washer, self.lane.got) if self.lane else (0, 0)
        return struct.pack("<QQI", *lane, len(runs)) + b"".join(
            struct.pack("<QQQQ", washer, seq, n, count) for washer, seq, n, count in runs)

    def post_outputs(self):
        """Outputs, while there is credit: one task after another; those that are wanted as they come, as they come."""
        streamed = self.wants & (wire.LINES | wire.BYTES)
        if streamed:
            for job in self.running.values():
                job.measure()
                while self.link.spent < self.link.granted and self.post_piece(job, by_lines=self.wants & wire.LINES):
                    pass
        while self.outbox and (self.link.spent < self.link.granted or not self.outbox[0].left()):
            job = self.outbox[0]
            if not streamed and not sum(job.told) and job.left() <= wire.PIECE_BYTES:
                self.post_done(job, b"".join(os.pread(file.fileno(), size, 0)
                                             for file, size in zip(job.files, job.sizes)), job.sizes)
            elif not self.post_piece(job):
                if not streamed:
                    job.flags |= wire.OUTPUT_BEFORE
                self.post_done(job)
            else:
                continue
            self.outbox.popleft()

    def post_piece(self, job, by_lines=False):
        piece = job.piece(by_lines)
        if piece:
            stream, body = piece
            streamed = bool(self.wants & (wire.LINES | wire.BYTES))
            self.post(wire.OUT, struct.pack("<QQQBB", job.task.washer, job.task.n, job.task.seq, stream, streamed)
                      + self.tag_of(job), body=body, job=job)
        return piece

    def post_done(self, job, output=b"", sizes=(0, 0)):
        """The final report. Without output it waits for nothing (S31), and its slot is free at once."""
        task = job.task
        tag = self.tag_of(job)
        is_odd = job.status or job.signal or job.runtime_us >= 1000000
        is_wanted = self.wants & wire.COMMAND or self.wants & wire.TROUBLE and is_odd
        command = os.fsencode(shlex.join(map(os.fsdecode, job.words))) if is_wanted else b""
        item = task.item() if self.wants & wire.ITEM else b""
        flags = job.flags | (wire.ITEM_TOLD if item else 0)
        record = struct.pack("<QQQQIHBBQQIIII", task.washer, task.n, 1, task.seq, task.attempt, job.status, job.signal,
                             flags, job.start_us, job.runtime_us, *sizes, len(tag), len(command))
        self.post(wire.DONE, record + (struct.pack("<I", len(item)) if item else b""), count=1,
                  body=output + tag + command + item, tasks=[task], job=job if sum(job.sizes) else None)
        self.free_slot(job)

    def free_slot(self, job):
        """A slot is free when the output of its command is on its way: so no more outputs wait here than there are."""
        if job.holds_slot:
            job.holds_slot = False
            self.free.append(job.slot)

    def tag_of(self, job):
        return expand(self.tag or b"{}", job.task, job.slot, b" ") if self.wants & wire.TAG else b""

    def post_returned(self, tasks, recall=0):
        """Gives tasks back. They are of one washer, except where several of them are over: one letter for each."""
        by_washer = collections.defaultdict(list)
        for washer, seq, n, count in wire.runs_of(tasks):
            by_washer[washer].append(struct.pack("<QQQ", n, count, seq))
        if recall and not by_washer:
            by_washer[self.lane.washer] = []
        for washer, records in by_washer.items():
            self.post(wire.RETURNED, struct.pack("<QQ", washer, recall) + b"".join(records), count=len(records),
                      tasks=[task for task in tasks if task.washer == washer])

    #  What the sink says.

    def hear_sink(self):
        for message in wire.read(self.out, wire.TOPIC_BYTES):
            if message.type == wire.ADVERT:
                self.on_advert(message)
            elif (message.run, message.to, message.sender) == (self.run, self.life, self.sink):     # S2
                self.heard = time.monotonic()
                if self.link.hears(message) and message.type in self.handlers and self.over is None:
                    self.handlers[message.type](message, *message.records)

    def on_advert(self, message):
        if self.run and message.run != self.run:
            raise wire.Failure("the pipeline is lost: another run is at its address")
        if message.sender <= self.sink or message.run == self.ended_run or self.state == "parting":
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
        again = [letter.job for letter in self.link.letters if letter.kind == wire.DONE and letter.job]
        self.outbox.extendleft(reversed(again))
        for job in [*self.running.values(), *self.outbox]:
            job.told = [0, 0]
            job.flags &= ~wire.OUTPUT_BEFORE
        self.link = wire.Link(letter for letter in self.link.letters if not letter.job)
        self.halted, self.washers_over = False, 0   # the new sink judges anew

    def on_welcome(self, _, dead_after_ms, journal, wants, tag):
        self.dead_after_s, self.journal, self.wants, self.tag = dead_after_ms / 1000, bool(journal), wants, tag
        self.welcomed = self.was_open = True
        if self.state == "seeking":
            self.state = "open"

    def on_who(self, _):
        self.welcomed, self.hello_at, self.hello_pause_s = False, 0.0, 0.01

    def on_refused(self, _, why):
        raise wire.Failure("refused: " + wire.shown(why))

    def on_halt(self, _):
        self.halted = True

    def on_gone(self, _):
        self.over = self.result if self.state in ("leaving", "parting") else "again"

    def on_stop(self, message, end, *rest):
        if self.state != "parting":
            self.end_commands()
            if end == wire.END_LOST:
                print("dryer.py: the sink gave up: " + wire.shown(rest[-1]), file=sys.stderr)   # S50
            self.result = 125 if end == wire.END_LOST else 0
            if message.flags & wire.STAY and self.state != "leaving":
                self.result, self.ended_run = "again", self.run
            self.part()

    def on_washer_down(self, _, washer, drop):
        self.washers_over = max(self.washers_over, washer)
        if self.lane and self.lane.washer <= washer:
            self.drop_socket(self.lane.socket)
            self.lane.generation, self.lane.socket = 0, None
        if drop:
            self.waiting = collections.deque(task for task in self.waiting if task.washer > washer)
        self.post_outputs()
        self.post(wire.HOLDING, struct.pack("<QB", washer, drop) + self.inventory(reported=False))

    def on_lane(self, _, washer, generation, endpoint):
        known = self.lane and self.lane.washer
        if washer <= self.washers_over or known and (washer, generation) < (known, self.lane.generation):
            return
        if known != washer:
            if self.lane:
                self.drop_socket(self.lane.socket)
            self.lane = wire.Lane(washer)
        lane = self.lane
        first = generation == 1 and lane.generation == 0 and not lane.got
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
        self.post(wire.LANEGOT, struct.pack("<QIQ", self.lane.washer, self.lane.generation, self.lane.got))

    #  What the washer says.

    def hear_lane(self):
        lane = self.lane
        for message in wire.read(lane.socket, 0):
            if (message.run, message.to, message.sender) != (self.run, self.life, lane.washer):
                continue
            if message.seq != lane.got + 1:
                if message.seq > lane.got and not lane.behind:
                    lane.behind = True
                    self.post_lanegot()         # S23
                continue
            try:
                tasks = wire.tasks_of(message) if message.type == wire.TASKS else []
            except (struct.error, ValueError):
                continue
            lane.got, lane.behind = message.seq, False
            if wire.is_block(message) and not self.pipe and self.state == "open":
                print("dryer.py: the washer gives blocks for the stdin of commands: give --pipe", file=sys.stderr)
                self.result = 125
                self.leave()
            self.take(tasks)
            if message.type == wire.RECALL:
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
        return not (self.wants & wire.ACK_FIRST and (self.outbox or any(letter.tasks for letter in self.link.letters)))

    def start_commands(self, silence):
        while self.waiting and self.free and self.may_start(silence):
            task, slot = self.waiting.popleft(), min(self.free)
            self.free.remove(slot)
            job = Job(self.guardian, task, slot, self.command, self.pipe)
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
            self.post(wire.FAILED, struct.pack("<QQQIHBB", task.washer, task.n, task.seq, task.attempt, job.status,
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
            self.post(wire.SLOTS, struct.pack("<III", 0, 0, self.slots))
            self.post_returned(self.waiting)
            self.waiting = collections.deque()

    def part(self):
        self.state, self.since, self.bye_at = "parting", time.monotonic(), 0.0


def parse_arguments():
    def usage_error(text):
        raise wire.Failure(text)

    parser = argparse.ArgumentParser(description="A dryer of dishes: runs wire.COMMAND once for each item.")
    parser.add_argument("--at", metavar="URL", default=os.environ.get("DISHES_AT"), help="where the parts meet")
    parser.add_argument("-j", "--jobs", metavar="N", type=int, default=os.cpu_count(), help="so many at a time")
    parser.add_argument("--pipe", action="store_true", help="the item is the stdin of COMMAND")
    parser.add_argument("--key", metavar="FILE", default=os.environ.get("DISHES_KEY"), help="a worker's key")
    parser.add_argument("command", metavar="COMMAND [ARG...]", nargs=argparse.REMAINDER)
    parser.error = usage_error
    options = parser.parse_args()
    if options.command[:1] == ["--"]:
        del options.command[0]
    if not options.at or not options.command or options.jobs < 1:
        usage_error("wanted: --at URL [-j N] [--pipe] [--key FILE] COMMAND [ARG...]")
    options.command = [os.fsencode(word) for word in options.command]
    program = options.command[0]
    if options.pipe and any(found.group(3) is None for word in options.command for found in REPLACED.finditer(word)):
        usage_error("with --pipe the item is the stdin of COMMAND: leave out {} and its kind")
    if not options.pipe and not any(map(REPLACED.search, options.command)):
        options.command.append(b"{}")
    if not REPLACED.search(program) and not shutil.which(program):
        there = b"/" in program and os.path.exists(program)
        why, status = ("cannot be run", 126) if there else ("not found", 127)
        raise wire.Failure(f"{os.fsdecode(program)}: {why}", status)
    return options


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
        place, guardian, status = wire.Place(options.at, options.key), Guardian(), "again"
        context, ended_run = zmq.Context(), 0
        while status == "again":
            life = Life(context, place, options, guardian, ours, ended_run)
            status, ended_run = life.run_to_end(asked_to_leave), life.ended_run
        return status
    except wire.Failure as failure:
        print(f"dryer.py: {failure}", file=sys.stderr)
        return failure.status
    except InterruptedError:
        signal.signal(signals[-1], signal.SIG_DFL)
        os.kill(os.getpid(), signals[-1])
        return 128 + signals[-1]
    finally:
        signal.set_wakeup_fd(-1)


if __name__ == "__main__":
    sys.exit(main())
