#!/usr/bin/env python3
"""sink, washer and dryer as programs of their own: in any order, coming and going, lost and refused."""

# ctest: waits seconds=400 plain

import itertools
import os
import signal

import harness
from stages import GATED, StageCase, pause


def numbered(count, first=1):
    return "".join(f"{n}\n" for n in range(first, first + count)).encode()


class Order:
    def start_in(self, order, delay_s):
        """A pipeline of 20 items. The delay is what this is about: whoever comes first waits for the others."""
        starts = {"sink": lambda: self.sink("-k"), "dryer": lambda: self.dryer("-j2", "echo"),
                  "washer": lambda: self.washer(stdin=numbered(20))}
        parts = {}
        for name in order:
            parts[name] = starts[name]()
            pause(delay_s)
        return parts

    def test_whoever_starts_first(self):
        for order in itertools.permutations(("sink", "dryer", "washer")):
            with self.subTest(" ".join(order)):
                self.at = self.address()
                parts = self.start_in(order, 0.3)
                self.all_end(0, *parts.values())
                self.assertEqual(parts["sink"].out, numbered(20))
                self.check_nothing_left()

    def test_one_run_after_the_other_at_the_same_address(self):
        for order in (("sink", "dryer", "washer"), ("dryer", "washer", "sink"), ("washer", "sink", "dryer")):
            with self.subTest(" ".join(order)):
                parts = self.start_in(order, 0.1)
                self.all_end(0, *parts.values())
                self.assertEqual(parts["sink"].out, numbered(20))

    def test_no_items_need_no_dryer(self):
        self.all_end(0, self.sink(), self.washer(stdin=b""))


class ComingAndGoing:
    def test_a_late_dryer_helps(self):
        sink, washer = self.sink("--joblog", "log"), self.washer(stdin=b"wait\n" + numbered(20))
        command = ("sh", "-c", "[ $1 != wait ] || until [ -s go ]; do sleep 0.02; done; echo $DISHES_DRYER", "sh")
        first = self.dryer("-j1", "--name", "first", *command)
        self.wait_for(lambda: self.status_json()["slots"] == 1, "the first dryer")
        second = self.dryer("-j1", "--name", "second", *command)
        self.wait_for_rows(20)
        self.go()
        self.all_end(0, washer, first, second)
        self.assertEqual(sorted(self.ends(sink, 0).lines)[0], b"first")
        self.assertIn(b"second", sink.out)

    def test_the_first_task_waits_for_as_many_dryers_as_asked(self):
        sink, washer = self.sink("--joblog", "log"), self.washer("--wait-dryers", "2", stdin=numbered(20))
        first = self.dryer("-j1", "--prefetch", "0", "--name", "first", "sh", "-c", "echo $DISHES_DRYER")
        self.wait_for(lambda: self.status_json()["slots"] == 1, "the first dryer")
        self.wait_for(lambda: self.status_json()["total"] == 20, "all to be put")
        self.assertEqual(self.log_rows(), [])
        second = self.dryer("-j1", "--prefetch", "0", "--name", "second", "sh", "-c", "echo $DISHES_DRYER")
        self.all_end(0, washer, first, second)
        self.assertEqual(set(self.ends(sink, 0).lines), {b"first", b"second"})

    def test_a_dryer_that_gets_term_finishes_what_it_runs_and_gives_the_rest_back(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal.Signals(number).name):
                self.at = self.address()
                for name in self.files():
                    os.remove(self.path(name))
                sink, washer = self.sink("-k", "--joblog", "log"), self.washer(stdin=numbered(30))
                leaving = self.dryer("-j2", "--name", "leaving", "sh", "-c", "echo >> ran.$1; " + GATED[2], "sh")
                self.wait_for_files("running.", 2)
                leaving.signal(number)
                staying = self.dryer("-j1", "sh", "-c", "echo >> ran.$1; echo $1", "sh")
                self.wait_for_rows(28)
                self.assertFalse(leaving.ended(), "it did not wait for what it runs")
                self.go()
                self.ends(leaving, -number)
                self.all_end(0, washer, staying)
                self.assertEqual(self.ends(sink, 0).out, numbered(30))
                self.assertEqual(sum(len(self.read(name)) for name in self.files("ran.")), 30, "something ran twice")

    def test_the_second_term_ends_what_runs(self):
        sink, washer = self.sink(), self.washer(stdin=b"1\n")
        leaving = self.dryer(*GATED)
        self.wait_for_files("running.1")
        leaving.signal(signal.SIGTERM)
        self.wait_for(lambda: self.status_json()["slots"] == 0, "that it leaves")
        leaving.signal(signal.SIGTERM)
        self.ends(leaving, -signal.SIGTERM)
        self.assertFalse(harness.alive(int(self.read("running.1"))))
        staying = self.dryer("echo")    # for the task, where it was given back and not reported as failed
        status = self.ends(sink, (0, 1)).status
        self.ends(washer, status)
        staying.signal(signal.SIGTERM)
        self.ends(staying, (0, -signal.SIGTERM))

    def test_dryers_join_and_leave_while_it_runs(self):
        sink = self.sink("-k")
        ours, theirs = os.pipe()
        washer = self.washer(stdin=ours)
        os.close(ours)
        dryers = []
        for round_ in range(5):
            dryers.append(self.dryer("-j2", "echo"))
            self.wait_for_dryers(len(dryers) - round_ // 2)     # or it may come when all is over
            os.write(theirs, numbered(20, 1 + 20 * round_))
            self.wait_for(lambda: len(sink.out.split()) == 20 * (round_ + 1), "the items of this round")
            if round_ % 2:
                dryers[-2].signal(signal.SIGTERM)
                self.ends(dryers[-2], -signal.SIGTERM)
        os.close(theirs)
        self.all_end(0, washer, dryers[1], dryers[3], dryers[4])
        self.assertEqual(self.ends(sink, 0).out, numbered(100))

    def test_a_dryer_that_is_killed_costs_no_task(self):
        sink, washer = self.sink("-k", "--dead-after", "2"), self.washer(stdin=numbered(20))
        killed = self.dryer("-j2", *GATED)
        self.wait_for_files("running.", 2)
        killed.signal(signal.SIGKILL)
        self.ends(killed, -signal.SIGKILL)
        self.go()
        staying = self.dryer("-j2", *GATED)
        self.all_end(0, washer, staying)
        self.assertEqual(self.ends(sink, 0).out, numbered(20))

    def test_a_task_that_kills_its_dryers_is_given_up(self):
        sink = self.sink("--crash-limit", "2", "--dead-after", "1")
        washer = self.washer(stdin=b"bad\n1\n2\n3\n")
        command = ("sh", "-c", "[ $1 != bad ] || kill -9 $PPID; echo $1", "sh")
        dryers = [self.dryer("-j1", *command) for _ in range(4)]
        result = self.ends(sink, 1)
        self.ends(washer, 1)
        self.assertEqual(sorted(result.lines), [b"1", b"2", b"3"])
        ended = sorted(program.wait().status for program in dryers)
        self.assertEqual(ended.count(0), len(ended) - ended.count(-signal.SIGKILL), ended)
        self.assertGreaterEqual(ended.count(-signal.SIGKILL), 2)

    def test_slots_are_each_dryers_own(self):
        sink, washer = self.sink(), self.washer(stdin=numbered(30))
        script = "echo > here.$DISHES_DRYER.$DISHES_SLOT.$1; until [ -s go ]; do sleep 0.02; done"
        dryers = [self.dryer(f"-j{slots}", "--name", name, "sh", "-c", script, "sh") for name, slots in (("a", 3), ("b", 2))]
        running = self.wait_for_files("here.", 5)
        pause(0.3)
        self.assertEqual(self.files("here."), running, "more ran at a time")
        slots = sorted(tuple(name.split(".")[1:3]) for name in running)
        self.assertEqual(slots, [("a", "1"), ("a", "2"), ("a", "3"), ("b", "1"), ("b", "2")])
        self.go()
        self.all_end(0, washer, sink, *dryers)

    def test_two_washers_one_after_the_other_are_two_runs_for_a_dryer_that_stays(self):
        dryer = self.dryer("--stay", "echo")
        for _ in range(3):
            sink, washer = self.sink(), self.washer(":::", "a")
            self.all_end(0, washer, sink)
            self.assertEqual((sink.out, sink.err), (b"a\n", b""))     # its dryer is no stranger to it
        dryer.signal(signal.SIGTERM)
        self.ends(dryer, -signal.SIGTERM)

    def test_a_sink_that_stays_takes_the_next_run_and_keeps_its_dryers(self):
        sink, dryer = self.sink("--stay"), self.dryer("echo")
        for item in ("a", "b"):
            self.all_end(0, self.washer(":::", item))
        self.wait_for(lambda: sink.out == b"a\nb\n", "both runs")
        self.wait_for_dryers(1)
        sink.signal(signal.SIGTERM)
        self.ends(sink, -signal.SIGTERM)
        self.ends(dryer, 0)


class Pipe:
    def test_what_a_sink_prints_are_the_items_of_the_next_washer(self):
        after = self.address()
        ours, theirs = os.pipe()
        sink, washer = self.sink(stdout=theirs), self.washer(stdin=ours, at=after)
        os.close(theirs)
        os.close(ours)
        parts = (self.dryer("-j2", "sh", "-c", "[ $1 != 7 ] || exit 3; echo $1", "sh"), self.washer(stdin=numbered(20)),
                 self.sink("-k", at=after), self.dryer("-j2", "echo", "dry", at=after))
        self.all_end(1, sink, parts[1])
        self.all_end(0, washer, parts[0], *parts[2:])
        self.assertEqual(sorted(parts[2].result.lines), sorted(b"dry %d" % n for n in range(1, 21) if n != 7))


class WhenFull:
    """The dryer holds its first task until the test lets go; what becomes of the rest meanwhile?"""

    ITEMS = 200_000

    def start_full(self, what):
        self.wide = b"".join(b"%d\n" % n for n in range(self.ITEMS))
        self.parts = [self.sink("--joblog", "log"), self.dryer("-j1", "--prefetch", "0", "sh", "-c",
                      "echo > running; until [ -s go ]; do sleep 0.02; done", "sh")]
        washer = self.washer("-n", "1000", "--queue", "2", "--when-full", what, stdin=self.wide)
        self.wait_for_files("running")
        return washer

    def has_read_all(self, washer):
        return not washer.threads[0].is_alive()

    def test_block_stops_reading(self):
        washer = self.start_full("block")
        pause(0.7)
        self.assertFalse(self.has_read_all(washer), "it read on")
        self.go()
        self.all_end(0, washer, *self.parts)
        self.assertEqual(len(self.log_rows()), self.ITEMS // 1000)

    def test_stack_reads_on_and_loses_nothing(self):
        washer = self.start_full("stack")
        self.wait_for(lambda: self.has_read_all(washer), "the washer to read all")
        self.go()
        self.all_end(0, washer, *self.parts)
        self.assertEqual(len(self.log_rows()), self.ITEMS // 1000)

    def test_drop_reads_on_and_counts_what_it_dropped(self):
        washer = self.start_full("drop")
        self.wait_for(lambda: self.has_read_all(washer), "the washer to read all")
        self.go()
        sink, dryer = self.parts
        self.ends(dryer, 0)
        status = self.ends(sink, tuple(range(1, 102))).status
        self.ends(washer, status)


class ExactDispatch:
    """A task waits for nobody while any slot anywhere is free: read from the log, in which the long task is the last."""

    COMMAND = ("sh", "-c", "[ $1 != long ] || { echo > running.long; until [ -s go ]; do sleep 0.02; done; }; sleep 0.05", "sh")

    def finish(self, *parts):
        self.wait_for_rows(20)
        self.go()
        self.all_end(0, *parts)
        order = [int(row[0]) for row in self.log_rows()]
        self.assertEqual(order[-1], 1, f"the long one was not the last: {order}")
        self.assertEqual(sorted(order), list(range(1, 22)))

    def test_twenty_short_ones_pass_a_long_one(self):
        sink, dryers = self.sink("--joblog", "log"), [self.dryer("-j1", *self.COMMAND) for _ in range(2)]
        self.finish(sink, self.washer(stdin=b"long\n" + numbered(20)), *dryers)

    def test_while_the_items_trickle_in(self):
        ours, theirs = os.pipe()
        sink, dryers = self.sink("--joblog", "log"), [self.dryer("-j1", *self.COMMAND) for _ in range(2)]
        washer = self.washer(stdin=ours)
        os.close(ours)
        os.write(theirs, b"long\n")
        self.wait_for_files("running.long")
        for n in range(20):
            os.write(theirs, b"%d\n" % n)
            pause(0.02)
        self.wait_for_rows(20)      # before the washer knows that there will be no more
        os.close(theirs)
        self.finish(sink, washer, *dryers)

    def test_what_was_prefetched_behind_it_is_called_back(self):
        sink, first = self.sink("--joblog", "log"), self.dryer("-j1", "--prefetch", "64", *self.COMMAND)
        washer = self.washer(stdin=b"long\n" + numbered(20))
        self.wait_for_files("running.long")
        pause(0.3)                  # the washer has nothing left: all twenty wait behind the long one
        second = self.dryer("-j1", "--prefetch", "64", *self.COMMAND)
        self.finish(sink, washer, first, second)


class Matrix:
    """How each part ends, in each case."""

    FAIL = ("sh", "-c", "exit $1", "sh")

    def pipeline(self, *command, items, sink=(), washer=(), dryer=()):
        return (self.sink(*sink), self.washer(*washer, stdin=items), self.dryer("-j4", *dryer, *command))

    def check(self, wanted, parts):
        for status, program in zip(wanted, parts):
            self.ends(program, status)

    def test_all_succeed(self):
        self.check((0, 0, 0), self.pipeline("true", items=numbered(10)))

    def test_some_fail(self):
        self.check((3, 3, 0), self.pipeline(*self.FAIL, items=b"0\n1\n2\n0\n255\n"))

    def test_more_than_100_fail(self):
        self.check((101, 101, 0), self.pipeline("false", items=numbered(120)))

    def test_exactly_100_fail(self):
        self.check((100, 100, 0), self.pipeline("false", items=numbered(100)))

    def test_the_deadline_of_the_sink(self):
        parts = self.pipeline("sleep", items=b"1000\n", sink=("--deadline", "1"))
        self.check((124, 124, 0), parts)
        self.assertIn(b"deadline", parts[0].err)

    def open_pipeline(self, *args):
        """One whose input goes on. Gives sink, washer, dryer and the end of the pipe, which the caller closes."""
        ours, theirs = os.pipe()
        sink, dryer = self.sink("--washer-grace", "1", "--dead-after", "1"), self.dryer("-j4", "echo")
        washer = self.washer(*args, stdin=ours)
        os.close(ours)
        os.write(theirs, numbered(5))
        self.wait_for(lambda: len(sink.out.split()) == 5 or washer.ended(), "the first results")
        return sink, washer, dryer, theirs

    def test_the_deadline_of_the_washer(self):
        *parts, pipe = self.open_pipeline("--deadline", "2")
        self.check((125, 124, 125), parts)
        os.close(pipe)
        self.assertIn(b"deadline", parts[1].err)

    def test_a_deadline_that_passes_before_the_input_is_open(self):
        result = self.washer("--deadline", "1ms", *[":::", "a"] * 30000).wait()
        self.assertEqual(result.status, 124, result.err)

    def test_an_input_that_cannot_be_read_to_its_end(self):
        """What came before is done, and nobody says that this was all."""
        join = self.observe("--join", self.at)
        sink = self.sink("-k")
        self.wait_for(lambda: self.status_json()["observers"] == 2, "the join")
        dryer, washer = self.dryer("echo"), self.washer("--max-item", "5", stdin=b"a\nb\n0123456789\nc\n")
        self.check_one_line(self.ends(washer, 125), "--max-item")
        for part in sink, dryer, join:
            self.check_one_line(self.ends(part, 125), "the washer could not read all of its input; 2 tasks were counted")
        self.assertEqual(sink.out, b"a\nb\n")

    def test_halt_tells_everybody_the_same(self):
        parts = self.pipeline(*self.FAIL, items=b"7\n" + b"0\n" * 50, sink=("--halt", "soon,fail=1"))
        self.check((7, 7, 0), parts)

    def test_an_interrupted_sink_ends_all(self):
        sink, washer, dryer = self.pipeline(*GATED, items=numbered(10))
        self.wait_for_files("running.", 4)
        sink.signal(signal.SIGINT)
        self.ends(sink, -signal.SIGINT)
        self.ends(dryer, 0)
        self.ends(washer, (130, -signal.SIGINT, 125))

    def lose_washer(self, number):
        sink, washer, dryer, pipe = self.open_pipeline()
        washer.signal(number)
        self.check((-number, 125, 125), (washer, sink, dryer))
        os.close(pipe)
        self.assertIn(b"the washer was lost", sink.err)

    def test_an_interrupted_washer_is_a_lost_one(self):
        self.lose_washer(signal.SIGINT)

    def test_a_lost_washer(self):
        self.lose_washer(signal.SIGKILL)

    def test_a_washer_that_is_lost_after_the_last_item_is_not_missed(self):
        sink, dryer = self.sink("--dead-after", "1"), self.dryer("-j4", *GATED)
        washer = self.washer(stdin=numbered(4))
        self.wait_for_files("running.", 4)
        self.wait_for(lambda: self.status_json()["total_known"], "that the total is known")
        washer.signal(signal.SIGKILL)
        self.ends(washer, -signal.SIGKILL)
        pause(1.5)
        self.go()
        self.check((0, 0), (sink, dryer))
        self.assertEqual(sorted(sink.out.split()), [b"1", b"2", b"3", b"4"])

    def test_a_lost_sink(self):
        sink, washer, dryer = self.pipeline(*GATED, items=numbered(10), sink=("--dead-after", "1"))
        self.wait_for_files("running.", 4)
        sink.signal(signal.SIGKILL)
        self.ends(sink, -signal.SIGKILL)
        for program in (washer, dryer):
            self.ends(program, 125)
            self.assertIn(b"the pipeline is lost", program.err)
        running = [int(self.read(name)) for name in self.files("running.")]
        self.assertEqual([pid for pid in running if harness.alive(pid)], [], "tasks outlived their dryer")

    def test_after_a_lost_sink_the_address_is_free(self):
        sink = self.sink("--dead-after", "1")
        self.wait_for(lambda: self.status_json()["state"] == "waiting", "the sink")
        sink.signal(signal.SIGKILL)
        self.ends(sink, -signal.SIGKILL)
        self.check((0, 0, 0), self.pipeline("true", items=numbered(3)))

    def test_no_dryer_is_said_and_waited_for(self):
        sink, washer = self.sink("--deadline", "8"), self.washer(stdin=b"1\n")
        self.wait_for_word(washer, "no dryer")
        self.check((124, 124), (sink, washer))
        self.assertEqual(washer.err.count(b"no dryer"), 1, str(washer.err))

    def test_nobody_is_there(self):
        for start, args, says in ((self.sink, (), b"no washer came"), (self.washer, (":::", "a"), b"no sink was found"),
                                  (self.dryer, ("true",), b"no sink was found")):
            with self.subTest(says=says):
                result = self.ends(start("--wait", "1", *args), 125)
                self.assertIn(says, result.err)
                self.assertEqual(result.err.count(b"\n"), 1, str(result))
                self.check_nothing_left()

    def test_a_second_sink_is_refused_and_does_no_harm(self):
        sink, washer, dryer = self.pipeline(*GATED, items=numbered(4))
        self.wait_for_files("running.", 4)
        result = self.ends(self.sink(), 125)
        self.check_one_line(result, self.at if self.transport == "tcp" else "")
        self.go()
        self.check((0, 0, 0), (sink, washer, dryer))

    def test_a_second_washer_is_refused_and_does_no_harm(self):
        sink, washer, dryer = self.pipeline(*GATED, items=numbered(4))
        self.wait_for_files("running.", 4)
        result = self.ends(self.washer(":::", "intruder"), 125)
        self.check_one_line(result, "washer")
        self.go()
        self.check((0, 0, 0), (sink, washer, dryer))
        self.assertEqual(sorted(sink.out.split()), [b"1", b"2", b"3", b"4"])

    def test_a_command_that_is_not_there_is_126_or_127_before_anything(self):
        self.write("not-executable", "")
        for command, status in (("no-such-command", 127), ("./not-executable", 126)):
            self.check_one_line(self.ends(self.dryer(command), status), command)

    def test_a_sink_that_cannot_write_is_no_success(self):
        parts = self.pipeline("echo", items=numbered(10), sink=("-o", "/dev/full"))
        self.ends(parts[0], 125)
        self.all_end((0, 125), *parts[1:])      # all may be counted before the first is printed
        self.assertIn(b"No space left", parts[0].err)


BODIES = (Order, ComingAndGoing, Pipe, WhenFull, ExactDispatch, Matrix)
for body in BODIES:
    for transport in ("ipc", "tcp"):
        name = f"{body.__name__}Over{transport.title()}"
        globals()[name] = type(name, (body, StageCase), {"transport": transport, "__doc__": body.__doc__})
del body


class Inproc(StageCase):
    def test_separate_programs_cannot_meet_in_one_process(self):
        for name, args in (("sink", ()), ("washer", (":::", "a")), ("dryer", ("true",))):
            with self.subTest(name):
                result = self.ends(self.part(name, *args, at="inproc://here"), 125)
                self.check_one_line(result, "inproc://here", "dishes")
                self.assertFalse(os.path.exists(self.env["DISHES_DIR"]))

    def test_without_an_address_they_say_what_to_do(self):
        for name, args in (("sink", ()), ("washer", (":::", "a")), ("dryer", ("true",))):
            result = self.ends(self.start_program([harness.stage(name), *args]), 125)
            self.check_one_line(result, "--at", "DISHES_AT")

    def test_the_address_may_come_from_the_environment(self):
        env = {"DISHES_AT": self.at}
        parts = [self.start_program([harness.stage(name), *args], env=env)
                 for name, args in (("sink", ()), ("washer", (":::", "a")), ("dryer", ("echo",)))]
        self.all_end(0, *parts)
        self.assertEqual(parts[0].out, b"a\n")


if __name__ == "__main__":
    harness.main()
