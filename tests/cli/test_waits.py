#!/usr/bin/env python3
"""Every wait has an end: each row of the table in doc/protocol.md, section 10, as test_WHO__WHAT, on real processes.

A test sees that a part waits, for how long, and what becomes of it then. The bounds that it gives are shorter than any
default, so it sees the option too. Where a part must be silent at one moment and not before, it is played: a sink that
answers only so much (false_sink.py), a peer that subscribes, or beats, or has a lane, and does no more (stranger.py).
The last class reads the table: a row that nobody tests is named.

The classes below are tried at a time, each by a process of its own: they wait more than they do anything. The lane that
a firewall cuts off is in test_hosts.py too, with what the dryer says of it.
"""

# ctest: waits seconds=180 plain

import contextlib
import os
import re
import signal
import struct
import subprocess
import sys
import time

import harness
import stranger as wire
from false_sink import JOINED, STOP, false_sink, joined, welcome
from stages import GATED, StageCase, pause

#  What a busy machine may add; and how long before a part fell silent it may have been heard last. A bound of 1 s is so
#  told from any default (5 s or more), and from one of 2 s.
LATE_S, EARLY_S = 3, 0.35
DEAD_AFTER_MS = 1000    # of FAST
RETURNED, LANEGOT, NO_WASHER_HELD = 7, 8, struct.pack("<QQI", 0, 0, 0)


class Case(StageCase):
    FAST = ("--dead-after", "1", "--washer-grace", "1")
    JOURNAL = (*FAST, "--journal", "journal")

    def stop(self, program):
        self.stop_process(program.pid)

    def stop_process(self, pid):
        os.kill(pid, signal.SIGSTOP)
        self.wait_for(lambda: harness.process_state(pid) == "T", "that it stands still")

    def kill(self, *programs):
        for program in programs:
            program.signal(signal.SIGKILL)
            self.ends(program, -signal.SIGKILL)

    def check_time(self, seconds, bound_s):
        self.assertGreater(seconds, bound_s - EARLY_S, "it did not wait")
        self.assertLess(seconds, bound_s + LATE_S, "it waited for longer")

    @contextlib.contextmanager
    def takes(self, bound_s):
        """What is done in here, and is there before the block ends, takes just as long as that."""
        began = time.monotonic()
        yield
        self.check_time(time.monotonic() - began, bound_s)

    def end_saying(self, words, *programs, status=125):
        """All end so, and each with one line."""
        for program in programs:
            self.check_one_line(self.ends(program, status), words)

    def join(self, *args):
        return self.observe("--join", self.at, *args)

    def seekers(self, *args):
        """One of each kind of peer."""
        return (self.washer(*args, ":::", "a"), self.dryer(*args, "true"), self.join(*args),
                self.observe("--status", self.at, *args))

    def start_gated(self, *sink, items=("1", "2")):
        parts = self.sink(*self.FAST, *sink), self.washer(":::", *items), self.dryer("-j2", *GATED)
        self.wait_for_files("running.", 2)
        return parts

    def endless(self, *args):
        """A washer whose input goes on; the test closes the pipe, if nothing does it before."""
        ours, theirs = os.pipe()
        washer = self.washer(*args, stdin=ours)
        os.close(ours)
        pipe = os.fdopen(theirs, "wb", buffering=0)
        self.addCleanup(pipe.close)
        return washer, pipe

    def wait_for_state(self, state):
        self.wait_for(lambda: self.status_json()["state"] == state, f"the state {state}")

    def false_sink(self, answers=lambda role: ()):
        return false_sink(self.at, self.env["DISHES_DIR"], answers)

    def stranger(self):
        """A peer that has all it needs to be let in; the sink is there."""
        place, (scheme, name) = self.env["DISHES_DIR"], self.at.split("://")
        if scheme == "ipc":
            return wire.stranger(f"ipc://{place}/{name}/out")
        port = name.rpartition(":")[2]
        self.wait_for(lambda: os.path.exists(f"{place}/tcp-{port}.cookie"), "the cookie")
        return wire.stranger(self.at, wire.read_cookie(place, port))

    @contextlib.contextmanager
    def guest(self, role):
        """One who has subscribed, as any part of this role, and knows what he needs to say HELLO: gives (who, life, ear)."""
        with self.stranger() as who:
            who.meet()
            life = wire.life()
            ear = who.listen((role, life))
            self.assertTrue(who.hear_kind(ear, wire.ADVERT))
            yield who, life, ear

    def beat_until(self, who, life, condition):
        """Says that it lives, and no more."""
        def held():
            who.say(wire.BEAT, life)
            return condition()
        harness.wait_until(held, pause_s=0.1)


class AnyPeer:
    def test_any_peer_seeking__a_sink(self):
        for program in self.seekers("--wait", "1"):
            self.end_saying("no sink was found", program)
            self.check_time(program.result.seconds, 1)

    def test_any_peer_hello__welcome(self):
        with self.false_sink() as sink:
            for program in self.seekers("--wait", "1"):
                self.end_saying("the sink did not answer", program)
                self.check_time(program.result.seconds, 1)
        for role in "wdo":
            self.assertGreater(sink.heard[role, wire.HELLO], 2, "it is repeated")

    def test_any_peer_hello__welcome_once_more(self):
        """Of a sink that asks who it is, after a welcome. Its dead-after is less than two HELLO lie apart."""
        greeted = set()

        def answers(role):
            first = role not in greeted
            greeted.add(role)
            return ((wire.WELCOME, welcome(role, 400)), (wire.WHO, b"")) if first else ()
        with self.false_sink(answers):
            for program in self.washer("--wait", "1", ":::", "a"), self.dryer("--wait", "1", "true"), self.join("--wait", "1"):
                self.end_saying("the sink did not answer", program)
                self.check_time(program.result.seconds, 1)

    def test_any_peer_hello__welcome_of_a_sink_that_has_a_washer_of_that_name(self):
        sink, dryer, (washer, pipe) = self.sink(), self.dryer("echo"), self.endless("--name", "W")
        self.wait_for_state("open")
        second = self.washer("--name", "W", "--wait", "1", ":::", "a")
        self.end_saying("the sink did not answer", second)
        self.check_time(second.result.seconds, 1)
        pipe.write(b"b\n")
        pipe.close()
        self.all_end(0, sink, washer, dryer)
        self.assertEqual(sink.out, b"b\n")

    def test_any_peer_up__a_sign_of_the_sink(self):
        """One that hangs is as lost as one that died."""
        sink, washer, dryer = self.start_gated()
        idle, join = self.dryer("true"), self.join()
        self.wait_for(lambda: self.status_json()["observers"] == 2 and self.status_json()["dryers"] == 2, "all")
        with self.takes(1):
            self.stop(sink)
            self.end_saying("the pipeline is lost", washer, dryer, idle, join)
        self.kill(sink)

    def test_any_peer_up__a_sign_of_a_sink_with_a_journal(self):
        sink, wait = self.sink(*self.JOURNAL), ("--wait", "2")
        washer, dryer, join = self.washer(*wait, ":::", "1"), self.dryer("-j1", *wait, *GATED), self.join(*wait)
        self.wait_for_files("running.")
        self.wait_for(lambda: self.status_json()["observers"] == 2, "the join")
        with self.takes(2):
            self.stop(sink)
            self.end_saying("the pipeline is lost", washer, join)
            self.ends(dryer, 125)
        begun, lost = dryer.err.decode().splitlines()       # it tells first that it starts nothing more
        self.assertIn("nothing more is started", begun)
        self.assertIn("the pipeline is lost", lost)
        self.kill(sink)

    def test_any_peer_bye__gone(self):
        """It has been told how all ended, so it owes nobody an answer."""
        def answers(role):
            last = () if role == "o" else ((STOP if role == "d" else JOINED, joined()),)
            return ((wire.WELCOME, welcome(role, DEAD_AFTER_MS)), *last)
        with self.false_sink(answers) as sink:
            for program in self.washer(":::", "a"), self.dryer("true"), self.observe("--status", self.at):
                self.ends(program, 0)
                self.check_time(program.result.seconds, 1)
        for role in "wdo":
            self.assertGreater(sink.heard[role, wire.BYE], 2, "it is repeated")

    def test_any_peer_bye__gone_of_a_sink_that_hangs(self):
        sink, dryer = self.sink(*self.FAST), self.dryer("true")
        self.wait_for_dryers(1)
        with self.takes(1):
            self.stop(sink)
            dryer.signal(signal.SIGTERM)
            self.ends(dryer, (-signal.SIGTERM, 125))
        self.kill(sink)

    def test_wait_0_is_endless(self):
        dryer, join, sink = self.dryer("--wait", "0", "echo"), self.join("--wait", "0"), None
        pause(0.3)
        sink = self.sink("--wait", "0")
        pause(0.3)
        self.all_end(0, self.washer("--wait", "0", ":::", "a"), sink, dryer, join)


class Sink:
    def test_sink_waiting__a_washer(self):
        sink = self.sink("--wait", "1")
        self.end_saying("no washer came", sink)
        self.check_time(sink.result.seconds, 1)

    def test_sink_waiting__a_washer_when_it_is_to_halt_soon(self):
        """It is killed between what made it halt and the end of what still runs: the verdict stands."""
        options = (*self.JOURNAL, "--halt", "soon,fail=1")
        parts = (self.sink(*options), self.washer(":::", "fail", "1"),
                 self.dryer("-j2", "sh", "-c", "[ $1 != fail ] || exit 7; " + GATED[2], "sh"))
        self.wait_for_state("halting")
        self.kill(*parts)
        sink = self.sink(*options, "--wait", "1")
        self.ends(sink, 7)
        self.check_time(sink.result.seconds, 1)

    def lose_washer(self, bound_s, *sink):
        sink, dryer, (washer, pipe) = self.sink(*sink), self.dryer("echo"), self.endless()
        pipe.write(b"a\n")
        self.wait_for(lambda: sink.out == b"a\n", "a result")
        with self.takes(bound_s):
            self.kill(washer)
            self.ends(sink, 125)
        self.assertIn(b"the washer was lost", sink.err)
        self.ends(dryer, 125)

    def test_sink_orphan__the_washers_next_life(self):
        self.lose_washer(1.25, *self.FAST)

    def test_sink_orphan__the_washers_next_life_with_a_journal(self):
        self.lose_washer(2.25, *self.JOURNAL, "--wait", "2")

    def test_sink_orphan__the_washers_next_life_when_it_hangs(self):
        """Dead-after, until it is lost, and the grace."""
        sink, (washer, _) = self.sink(*self.FAST), self.endless()
        self.wait_for_state("open")
        with self.takes(2):
            self.stop(washer)
            self.ends(sink, 125)
        self.kill(washer)

    def test_sink__holding_after_washer_down(self):
        """The dryer hangs when the washer is lost: the next washer waits for its answer until it is lost as well."""
        name, sink = ("--name", "W", ":::", "1", "2"), self.sink("--dead-after", "1")
        washer, hangs = self.washer(*name), self.dryer("-j2", *GATED)
        self.wait_for_files("running.", 2)
        with self.takes(1):
            self.stop(hangs)
            self.kill(washer)
            self.go()
            next_one, healthy = self.washer(*name), self.dryer("-j2", *GATED)
            self.all_end(0, sink, next_one, healthy)
        self.assertEqual(sorted(sink.out.split()), [b"1", b"2"])
        self.assertIn(b" is lost; ", sink.err)
        self.kill(hangs)

    def test_sink__an_expected_dryers_hello(self):
        """The washer names two dryers to a sink that is started again: one hangs, and one is dead."""
        sink, washer = self.sink(*self.JOURNAL), self.washer(":::", "1", "2", "3")
        hangs, dies = (self.dryer("-j1", "--prefetch", "0", *GATED) for _ in range(2))
        self.wait_for_files("running.", 2)
        self.stop(hangs)
        self.kill(sink, dies)
        self.go()
        with self.takes(1):
            sink, healthy = self.sink(*self.JOURNAL), self.dryer("-j1", *GATED)
            self.wait_for(lambda: sink.err.count(b"a dryer of before has not come back: it is lost; ") == 2, "the loss of both")
        self.all_end(0, sink, washer, healthy)
        self.assertEqual(sorted(sink.out.split()), [b"1", b"2", b"3"])
        self.kill(hangs)

    def test_sink_ended__bye_of_each_peer(self):
        """One hangs, and one still beats, which has been told; neither takes leave."""
        sink, hangs, dryer = self.sink(*self.FAST), self.dryer("true"), self.dryer("-j2", *GATED)
        self.wait_for_dryers(2)
        with self.guest("o") as (who, life, ear):
            who.say(wire.HELLO, life, b"o" + wire.text("guest") + wire.text("elsewhere"))
            self.assertTrue(who.hear_kind(ear, wire.WELCOME))
            self.stop(hangs)
            washer = self.washer(":::", "1", "2")
            self.beat_until(who, life, lambda: len(self.files("running.")) == 2)
            with self.takes(1):
                self.go()
                self.beat_until(who, life, sink.ended)
                self.all_end(0, sink)
            self.assertTrue(who.hear_kind(ear, JOINED, 0))
        self.all_end(0, washer, dryer)
        self.kill(hangs)

    def test_sink_ended__hello_of_who_subscribes(self):
        """He never says it. A join that comes while the sink waits for him gets the end."""
        join = self.join("--wait", "5")
        self.wait_for(lambda: self.seeks(join), "that it seeks")
        self.stop(join)
        sink = self.sink()
        with self.guest("o"):
            with self.takes(1):
                self.ends(self.washer(stdin=b""), 0)
                join.signal(signal.SIGCONT)
                self.ends(join, 0)
                self.assertFalse(sink.ended(), "it did not wait for him")
                self.ends(sink, 0)

    def seeks(self, program):
        """It has threads of its own by then, which dial."""
        return len(os.listdir(f"/proc/{program.pid}/task")) > 1

    def test_sink_ended__hello_in_time_of_who_subscribes(self):
        sink = self.sink()
        with self.guest("o") as (who, life, ear):
            self.ends(self.washer(stdin=b""), 0)
            who.say(wire.HELLO, life, b"o" + wire.text("guest") + wire.text("elsewhere"))
            self.assertTrue(who.hear_kind(ear, JOINED))
            who.say(wire.BYE, life)
            self.assertTrue(who.hear_kind(ear, wire.GONE))
            ear.close()
            self.ends(sink, 0)

    def test_sink_open__completions(self):
        """For longer than dead-after, and nobody is lost for it."""
        sink, washer, dryer = self.start_gated("--deadline", "2")
        self.end_saying("the deadline has passed", sink, status=124)
        self.check_time(sink.result.seconds, 2)
        self.ends(washer, 124)
        self.ends(dryer, 0)

    def test_sink_open__completions_of_tasks_with_a_timeout(self):
        sink, washer = self.sink(*self.FAST), self.washer(":::", "1")
        with self.takes(1):
            dryer = self.dryer("--timeout", "1", *GATED)
            self.all_end(1, sink, washer)
        self.ends(dryer, 0)


    def test_sink_of_a_chain_ended__the_next_washer(self):
        """It has counted its one task; nobody takes what came of it, until the deadline there has passed."""
        after = self.address()
        first, last = self.sink("--into", after), self.sink("--deadline", "2", at=after)
        self.all_end(0, self.dryer("echo"), self.washer(":::", "a"))
        self.all_end(124, last, first)
        self.check_time(last.result.seconds, 2)
        self.check_time(first.result.seconds, 2)


class Washer:
    def test_washer__a_first_dryer(self):
        """It says so after 5 s; then one comes. Beside it are one that wants two dryers, and one that waits only 1 s."""
        began = time.monotonic()
        sink, washer = self.sink(), self.washer(":::", "a")
        none_at, self.at = self.at, self.address()
        short = self.sink("--deadline", "1"), self.washer(":::", "a")
        self.at = self.address()
        two = self.sink(), self.washer("--wait-dryers", "2", ":::", "b"), self.dryer("echo")
        self.all_end(124, *short)
        self.check_time(short[0].result.seconds, 1)
        for program, words in ((washer, "no dryer has come yet"), (two[1], "1 of 2 dryers have come")):
            self.wait_for_word(program, words)
            self.check_time(time.monotonic() - began, 5)
        self.all_end(0, self.dryer("echo"), two[0], two[2], self.dryer("echo", at=none_at), sink)
        self.end_saying("no dryer has come yet", washer, status=0)
        self.end_saying("1 of 2 dryers have come", two[1], status=0)
        self.assertEqual((sink.out, two[0].out), (b"a\n", b"b\n"))

    def test_washer__a_lane_to_be_made(self):
        """The lane is ordered, and no dryer comes to it. It is closed after dead-after, and tried again after as long."""
        sink = self.sink(*self.FAST)
        with self.guest("d") as (who, life, ear):
            who.say(wire.HELLO, life, wire.hello_of_dryer(slots=1))
            self.assertTrue(who.hear_kind(ear, wire.WELCOME))
            washer, pipe = self.endless()
            with self.takes(1):
                pipe.write(b"a\n")
                self.await_lane(who, life, ear, generation=1, is_bound=True)
                order = self.await_lane(who, life, ear, generation=2, is_bound=False)
            with self.takes(1):
                healthy = self.dryer("echo")
                self.wait_for(lambda: self.beat(who, life) and sink.out == b"a\n", "the task to go to another")
                who.say(RETURNED, life, struct.pack("<QQ", order, 0), seq=1, count=0, sent=2)
                who.say(LANEGOT, life, struct.pack("<QIQ", order, 2, 0), seq=2, sent=2)
                self.await_lane(who, life, ear, generation=3, is_bound=True)
        pipe.close()
        self.all_end(0, healthy, sink)
        self.end_saying("cannot be reached; others do its tasks", washer, status=0)

    def beat(self, who, life, **header):
        who.say(wire.BEAT, life, **header)
        return True

    def await_lane(self, who, life, ear, generation, is_bound):
        """Beats until that order comes, and gives the washer's life."""
        def order():
            self.beat(who, life)
            while heard := who.hear(ear, 0):
                if heard[0] == wire.LANE:
                    washer, found, size = struct.unpack_from("<QIH", heard[4])
                    if (found, bool(size)) == (generation, is_bound):
                        return washer
            return None
        washer = harness.wait_until(order, pause_s=0.1)
        self.assertTrue(washer, f"no order for generation {generation}")
        return washer

    def test_washer__credit_and_input(self):
        """For longer than dead-after: one waits for items, one for room at its dryer."""
        deadline = (*self.FAST, "--deadline", "2")
        dryers, ends = [self.dryer("true")], [self.sink(*deadline), self.endless()[0]]
        self.at = self.address()
        dryers += [self.dryer("-j1", "--prefetch", "0", *GATED)]
        ends += [self.sink(*deadline), self.washer(":::", *"123456789")]
        self.all_end(124, *ends)
        for sink in ends[::2]:
            self.check_one_line(sink.result, "the deadline has passed")
            self.check_time(sink.result.seconds, 2)
        self.all_end(0, *dryers)


class Dryer:
    def test_dryer_halt__the_ack_of_its_reports(self):
        """What it holds is not begun before the sink has heard how the first one ended."""
        sink, washer, dryer = self.start_gated("--halt", "soon,fail=1", items="1234")
        with self.takes(1):
            self.stop(sink)
            self.go()
            self.end_saying("the pipeline is lost", washer, dryer)
        self.assertEqual(self.files("running."), ["running.1", "running.2"])
        self.kill(sink)

    def test_dryer__tasks(self):
        """As long as the sink is heard: longer than dead-after."""
        sink, dryer, (washer, pipe) = self.sink(*self.FAST), self.dryer("echo"), self.endless()
        self.wait_for_dryers(1)
        pause(1.5)
        pipe.write(b"late\n")
        pipe.close()
        self.all_end(0, sink, washer, dryer)
        self.assertEqual((sink.out, sink.err), (b"late\n", b""))

    def test_dryer__something_to_do(self):
        dryer = self.dryer("--stay", "--idle-timeout", "1", "true")
        self.end_saying("nothing to do for 1s", dryer, status=0)
        self.check_time(dryer.result.seconds, 1)

    def test_dryer__output_credit(self):
        """The same, where nobody reads the results."""
        reader, writer = os.pipe()
        sink = self.sink(*self.FAST, stdout=writer)
        os.close(writer)
        dryer = self.dryer("-j2", "sh", "-c", "echo x >> ran; head -c 2000000 /dev/zero", "sh")
        washer = self.washer(stdin=b"x\n" * 20)
        self.wait_for_files("ran")
        pause(1.8)
        self.assertLess(len(self.read("ran").split()), 20, "nothing held it back")
        with os.fdopen(reader, "rb") as file:
            self.assertEqual(len(file.read()), 20 * 2000000)
        self.all_end(0, sink, washer, dryer)
        self.assertEqual(sink.err, b"")


class Dishes:
    def test_dishes_over_ipc_and_tcp__the_end_of_its_local_dryers(self):
        """One hangs: its task goes to the other one, and at the end it is told to leave, twice, and then killed."""
        dishes = self.observe("--at", self.at, "--dead-after", "1", "--dryers", "2", "-j1", *GATED, ":::", "1", "2")
        self.wait_for_files("running.", 2)
        (warden,) = harness.children(dishes.pid)
        hangs, _ = harness.children(warden)
        with self.takes(1 + 0.1 + 2 + 2):
            self.stop_process(hangs)
            self.go()
            self.ends(dishes, 0)
        self.assertEqual(sorted(dishes.out.split()), [b"1", b"2"])
        self.assertFalse(harness.alive(hangs))
        self.check_one_line(dishes.result, " is lost; what it had goes to others")


class PeersOverIpc(AnyPeer, Washer, Dryer, Case):
    transport = "ipc"


class PeersOverTcp(AnyPeer, Washer, Dryer, Case):
    transport = "tcp"


class SinkOverIpc(Sink, Dishes, Case):
    transport = "ipc"


class SinkOverTcp(Sink, Dishes, Case):
    transport = "tcp"


@harness.ways("inproc")
class Table(harness.Case):
    PAGE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "doc", "protocol.md")

    def words(self, cell):
        return "_".join(re.findall(r"[a-z]+", re.sub(r"`--|\(.*\)|'", "", cell.lower())))

    def test_each_row_has_a_test_over_each_wire(self):
        with open(self.PAGE, encoding="utf-8") as file:
            section = file.read().split("\n## 10. Waits\n")[1].split("\n## ")[0]
        rows = [line.strip("| ").split(" | ")[:2] for line in section.splitlines() if line.startswith("| ")][2:]
        self.assertGreater(len(rows), 15)
        for who, what in rows:
            begin = f"test_{self.words(who)}__" + "_".join(self.words(what.split(",")[0]).split("_")[:3])
            for cases in (PeersOverIpc, SinkOverIpc), (PeersOverTcp, SinkOverTcp):
                tests = [name for case in cases for name in dir(case) if name.startswith(begin)]
                self.assertTrue(tests, f"no {begin}... for: {who} | {what}")


def each_by_itself(*names):
    """Runs the classes at a time: the exit status of the worst. What they say comes one after the other."""
    runs = [subprocess.Popen([sys.executable, __file__, name], stderr=subprocess.PIPE) for name in names]
    for run in runs:
        sys.stderr.buffer.write(run.communicate()[1])
    return max(abs(run.returncode) for run in runs)


if __name__ == "__main__":
    if sys.argv[1:]:
        harness.main()
    sys.exit(each_by_itself("PeersOverIpc", "PeersOverTcp", "SinkOverIpc", "SinkOverTcp", "Table"))
