#!/usr/bin/env python3
"""`dishes --join` and `dishes --status`: from outside, early, in time and late; never a hang, never another run's end."""

# ctest: waits seconds=300

import json
import os
import re
import resource
import signal

import harness
import stranger as wire
from false_sink import false_sink
from stages import GATED, StageCase

#  What --status --json tells: always, of a sink that lives, of a run that is over.
ALWAYS = {"run": str, "state": str, "total_known": bool, "total": int, "ok": int, "failed": int, "broken": int,
          "dropped": int, "redelivered": int, "duplicates": int, "dryers_lost": int}
LIVING = {"slots": int, "observers": int, "backlog_bytes": int, "refused": int, "bad": int, "strangers": int, "up_ms": int,
          "durable": bool, "restarted": bool, "washer": str, "washer_alive": bool, "dryers": int, "dryer": list}
OVER = {"end": str, "exit_status": int}
DRYER = {"life": str, "name": str, "host": str, "slots": int, "prefetch": int, "leaving": bool}


class JoinCase(StageCase):
    def join(self, *args, **how):
        return self.observe("--join", self.at, *args, **how)

    def start_gated(self, *sink):
        """A pipeline of four tasks that run until the test lets go; the item is the exit status."""
        parts = (self.sink(*sink), self.washer(":::", "0", "1"),
                 self.dryer("-j4", "sh", "-c", GATED[2] + "; exit $1", "sh"))
        self.wait_for_files("running.", 2)
        return parts

    def wait_for_observers(self, count):
        """So many joins, besides the one who asks."""
        self.wait_for(lambda: self.status_json()["observers"] >= count + 1, f"{count} joins")


class Join:
    def test_in_time(self):
        sink, washer, dryer = self.start_gated()
        join = self.join()
        self.wait_for_observers(1)
        self.assertFalse(join.ended())
        self.go()
        result = self.ends(join, 1)
        self.check_one_line(result, "1 tasks succeeded, 1 failed")
        self.all_end(1, sink, washer)
        self.ends(dryer, 0)

    def test_before_anybody_is_there(self):
        join = self.join()
        parts = self.sink(), self.washer(":::", "a"), self.dryer("true")
        self.all_end(0, *parts, join)
        self.assertEqual((join.out, join.err), (b"", b""))

    def test_many_at_once(self):
        joins = [self.join() for _ in range(10)]
        parts = self.start_gated()
        joins += [self.join() for _ in range(10)]
        self.wait_for_observers(20)
        self.go()
        self.all_end(1, parts[0], parts[1], *joins)
        self.ends(parts[2], 0)

    def test_while_a_slow_reader_has_not_read_all(self):
        ours, theirs = os.pipe()
        sink = self.sink(stdout=theirs)
        os.close(theirs)
        self.all_end(0, self.washer(":::", "1", "2", "3"), self.dryer("head -c 300000 /dev/zero; : {}"))
        self.ends(self.join(), 0)
        self.assertEqual(self.status_json()["end"], "joined")
        self.assertFalse(sink.ended())
        with os.fdopen(ours, "rb") as reader:
            self.assertEqual(len(reader.read()), 900000)
        self.ends(sink, 0)

    def test_nobody_is_there(self):
        result = self.ends(self.join("--wait", "1"), 125)
        self.check_one_line(result, self.at)
        result = self.ends(self.observe("--status", self.at, "--wait", "1"), 125)
        self.check_one_line(result, self.at)

    def test_the_deadline_of_the_join_is_its_own(self):
        sink, washer, dryer = self.start_gated()
        result = self.ends(self.join("--deadline", "1"), 124)
        self.check_one_line(result, "deadline")
        self.go()
        self.all_end(1, sink, washer)
        self.ends(dryer, 0)

    def test_the_deadline_of_the_run(self):
        parts = self.start_gated("--deadline", "3")
        join = self.join()
        self.all_end(124, join, *parts[:2])

    def test_no_dryer_comes(self):
        sink, washer, join = self.sink("--deadline", "1"), self.washer(":::", "a"), self.join()
        self.wait_for_observers(1)
        self.check_one_line(self.ends(self.join("--deadline", "300ms"), 124), "deadline")
        self.all_end(124, sink, washer, join)
        self.check_one_line(join.result, "the deadline of the run has passed: 0 tasks succeeded, 0 failed")

    def test_a_lost_sink(self):
        sink, washer, dryer = self.start_gated("--dead-after", "1")
        join = self.join()
        self.wait_for_observers(1)
        sink.signal(signal.SIGKILL)
        self.ends(sink, -signal.SIGKILL)
        self.check_one_line(self.ends(join, 125), self.at)
        self.all_end(125, washer, dryer)

    def test_a_lost_washer(self):
        ours, theirs = os.pipe()
        sink, dryer = self.sink("--washer-grace", "1", "--dead-after", "1"), self.dryer("echo")
        washer, join = self.washer(stdin=ours), self.join()
        os.close(ours)
        os.write(theirs, b"a\n")
        self.wait_for(lambda: sink.out == b"a\n", "a result")
        washer.signal(signal.SIGKILL)
        self.ends(washer, -signal.SIGKILL)
        self.all_end(125, sink, dryer, join)
        os.close(theirs)

    def test_of_another_run_it_is_no_answer(self):
        parts = self.start_gated()
        run = self.status_json()["run"]
        self.ends(self.join("--run", str(int(run) - 1)), 125)
        right = self.join("--run", run)
        self.wait_for_observers(1)
        self.go()
        self.all_end(1, *parts[:2], right)
        self.ends(parts[2], 0)

    def test_never_the_end_of_the_next_run(self):
        """The join means the run that it met: it hears of that one's loss, and not of what stands there afterwards."""
        sink, washer, dryer = self.start_gated("--dead-after", "1")
        join = self.join()
        self.wait_for_observers(1)
        sink.signal(signal.SIGKILL)
        self.ends(sink, -signal.SIGKILL)
        self.all_end(125, washer, dryer, join)
        self.all_end(0, self.sink(), self.washer(":::", "a"), self.dryer("true"))

    def test_a_run_of_dishes_itself_can_be_joined(self):
        program = self.observe("--at", self.at, *GATED, ":::", "1", "2")
        join = self.join()
        self.wait_for_observers(1)
        self.go()
        self.all_end(0, program, join)


class Why:
    """Where the sink ends by an error of its own, everybody's line says what happened there."""

    def check_all_say(self, why, *sink, limits=()):
        ours, theirs = os.pipe()
        sink, join = self.sink(*sink, limits=limits), self.join()
        dryer, washer = self.dryer("echo", "x" * 200), self.washer(stdin=ours)
        os.close(ours)
        self.addCleanup(os.close, theirs)
        self.wait_for_observers(1)
        os.write(theirs, b"1\n" * 1000)
        for program in (washer, dryer, join):
            self.check_one_line(self.ends(program, 125), "the sink gave up: ", why)
        self.assertEqual(self.ends(sink, 125).err.count(why.encode()), 1)

    def test_a_full_disk(self):
        self.check_all_say("cannot write to /dev/full: No space left on device", "-o", "/dev/full")
        if self.transport == "ipc":     # it has left word for who comes late
            status = self.status_json()
            self.assertEqual(status["why"], "cannot write to /dev/full: No space left on device")
            self.check_one_line(self.ends(self.join(), 125), "the sink gave up: cannot write to /dev/full")

    def test_a_file_that_may_not_grow(self):
        self.check_all_say("cannot write to results: File too large", "-o", "results",
                           limits=[(resource.RLIMIT_FSIZE, 60000, 60000)])

    def test_a_journal_that_may_not_grow(self):
        self.check_all_say("journal: cannot write: File too large", "--journal", "journal",
                           limits=[(resource.RLIMIT_FSIZE, 100000, 100000)])

    def test_of_two_parts_in_one_process_one_says_it(self):
        for at in (("--at", self.at), ()):
            result = self.observed(*at, "-o", "/dev/full", "sh", "-c", "sleep 0.1; echo x", ":::", "1", "2", "3")
            self.assertEqual(result.status, 125)
            self.assertEqual(result.err.count(b"No space left"), 1, str(result))


class Status:
    def check_fields(self, status, *tables):
        wanted = {name: kind for table in tables for name, kind in table.items()}
        self.assertEqual({name: type(value) for name, value in status.items()}, wanted)

    def test_without_a_washer(self):
        sink = self.sink()
        status = self.status_json()
        self.check_fields(status, ALWAYS, LIVING)
        self.assertEqual((status["state"], status["washer"], status["washer_alive"]), ("waiting", "", False))
        sink.signal(signal.SIGTERM)
        self.ends(sink, -signal.SIGTERM)

    def test_while_it_runs(self):
        sink, dryer = self.sink(), self.dryer("-j3", "--name", "my \"dryer\"", *GATED)
        washer = self.washer("--name", "my washer", ":::", "1", "2", "3")
        self.wait_for_files("running.", 3)
        self.wait_for(lambda: self.status_json()["total_known"], "the total")
        status = self.status_json()
        self.check_fields(status, ALWAYS, LIVING)
        self.assertEqual((status["state"], status["washer"], status["total"], status["slots"], status["ok"]),
                         ("open", "my washer", 3, 3, 0))
        self.assertEqual({name: type(value) for name, value in status["dryer"][0].items()}, DRYER)
        self.assertEqual(status["dryer"][0]["name"], "my \"dryer\"")
        plain = self.observed("--status", self.at)
        self.assertEqual(plain.status, 0)
        self.assertIn(b"\ntotal 3\n", plain.out)
        self.go()
        self.all_end(0, sink, washer, dryer)

    def test_without_its_washer(self):
        ours, theirs = os.pipe()
        sink, washer = self.sink("--dead-after", "1", "--washer-grace", "60"), self.washer(stdin=ours)
        os.close(ours)
        self.wait_for(lambda: self.status_json()["state"] == "open", "the washer")
        washer.signal(signal.SIGKILL)
        self.ends(washer, -signal.SIGKILL)
        os.close(theirs)
        self.wait_for(lambda: self.status_json()["state"] == "orphan", "that it is missed")
        self.check_fields(self.status_json(), ALWAYS, LIVING)
        sink.signal(signal.SIGTERM)
        self.ends(sink, -signal.SIGTERM)

    def test_while_it_halts(self):
        sink, dryer = self.sink("--halt", "soon,fail=1"), self.dryer("-j2", "sh", "-c", "[ $1 = 0 ] || exit 1; " + GATED[2], "sh")
        washer = self.washer(":::", "0", "1", "2")
        self.wait_for_files("running.0")
        self.wait_for(lambda: self.status_json()["state"] == "halting", "the halt")
        self.check_fields(self.status_json(), ALWAYS, LIVING)
        self.go()
        self.all_end(1, sink, washer)
        self.ends(dryer, 0)

    def test_a_dryer_that_leaves(self):
        parts = self.start_gated()
        parts[2].signal(signal.SIGTERM)
        self.wait_for(lambda: [row["leaving"] for row in self.status_json()["dryer"]] == [True], "that it leaves")
        self.go()
        self.all_end(1, *parts[:2])


class Late(JoinCase):
    """Over ipc a run leaves its result; over tcp --wait ends the search."""

    def run_once(self, *command, items=("a", "b")):
        parts = self.sink(), self.dryer(*command), self.washer(":::", *items)
        return parts[0].wait().status, [part.wait() for part in parts]

    def test_a_late_join_is_answered_by_what_the_run_left(self):
        for command, status in ((("true",), 0), (("false",), 1)):
            with self.subTest(command[0]):
                self.run_once(*command)
                self.ends(self.join(), status)

    def test_a_late_status(self):
        self.run_once("false")
        result = self.observed("--status", self.at, "--json")
        status = json.loads(result.out)
        Status.check_fields(self, status, ALWAYS, OVER)
        self.assertEqual((status["state"], status["end"], status["exit_status"], status["failed"], status["total"]),
                         ("over", "joined", 2, 2, 2))

    def test_who_meets_a_sink_that_goes_without_a_word_is_answered_by_what_the_run_left(self):
        self.run_once("true")
        where = os.path.join(self.env["DISHES_DIR"], self.at.removeprefix("ipc://"), "result")
        result = self.read(where)
        os.remove(where)
        with false_sink(self.at, self.env["DISHES_DIR"]) as sink:
            parts = (self.dryer("true"), 0), (self.join("--wait", "20"), 0), (self.washer(":::", "a"), 125)
            self.wait_for(lambda: all(sink.heard[role, wire.HELLO] for role in "dow"), "all three to say HELLO")
        run = f"run {sink.run_id}\n".encode()
        with open(os.open(where, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(re.sub(rb"run \d+\n", run, result))
        for part, status in parts:
            self.ends(part, status)

    def test_a_late_join_of_another_run_is_not_answered(self):
        self.run_once("true")
        run = json.loads(self.observed("--status", self.at, "--json").out)["run"]
        self.ends(self.join("--run", run), 0)
        self.ends(self.join("--run", str(int(run) + 1), "--wait", "1"), 125)

    def test_the_next_sink_takes_the_result_away(self):
        self.run_once("true")
        sink = self.sink()
        self.wait_for(lambda: self.status_json()["state"] == "waiting", "the next sink")
        sink.signal(signal.SIGKILL)
        self.ends(sink, -signal.SIGKILL)
        self.ends(self.join("--wait", "1"), 125)

    def test_a_lost_run_leaves_that(self):
        sink = self.sink("--wait", "1")
        self.ends(sink, 125)
        self.ends(self.join("--wait", "1"), 125)


class LateOverTcp(JoinCase):
    transport = "tcp"

    def test_wait_ends_the_search(self):
        self.all_end(0, self.sink(), self.dryer("true"), self.washer(":::", "a"))
        self.ends(self.join("--wait", "1"), 125)


for body in (Join, Why, Status):
    for transport in ("ipc", "tcp"):
        name = f"{body.__name__}Over{transport.title()}"
        globals()[name] = type(name, (body, JoinCase), {"transport": transport, "__doc__": body.__doc__})
del body


if __name__ == "__main__":
    harness.main()
