#!/usr/bin/env python3
"""Slots that come and go while it runs, by signals and by a file; dryers that leave when there is nothing to do."""

# ctest: waits seconds=180 ways=ipc,tcp plain-ways

import os
import signal

import harness
from stages import StageCase, pause

MORE, LESS = signal.SIGUSR1, signal.SIGUSR2

#  Says that it runs and in which slot, how many run then, and waits for the word to end.
GATED = ("sh", "-c", "echo $DISHES_SLOT $PARALLEL_JOBSLOT > running.$1; echo running.* | wc -w > seen.$1; "
         "until [ -e end.$1 ]; do sleep 0.02; done; rm running.$1; echo $1", "sh")


def numbered(count):
    return "".join(f"{n}\n" for n in range(1, count + 1)).encode()


class SlotCase(harness.Case):
    def running(self):
        return sorted(int(name.split(".")[1]) for name in self.files("running.") if self.read(name))

    def wait_for_running(self, *numbers):
        self.wait_for(lambda: self.running() == list(numbers), f"{numbers} to run")

    def check_slots(self):
        """Each of those that run has its own, under either name."""
        slots = [self.read(f"running.{number}").split() for number in self.running()]
        self.assertTrue(all(slot == other for slot, other in slots), slots)
        self.assertEqual(sorted(int(slot) for slot, _ in slots), list(range(1, len(slots) + 1)))

    def end(self, *numbers):
        for number in numbers:
            self.write(f"end.{number}", "")

    def seen_at(self, number):
        """How many ran when this one began."""
        self.wait_for(lambda: f"seen.{number}" in self.files("seen.") and self.read(f"seen.{number}"), f"{number} to begin")
        return int(self.read(f"seen.{number}"))

    def wait_for_line(self, program, line, times=1):
        self.wait_for(lambda: program.err.decode().count(line) >= times, f"the line {line!r} in {program.err!r}")

    def start_gated(self, *args, items=8):
        return self.start("-k", *args, *GATED, stdin=numbered(items))

    def finish(self, program, items=8):
        self.end(*range(1, items + 1))
        result = program.wait()
        self.check_sanitizers(result)
        self.assertEqual((result.status, result.out), (0, numbered(items)), str(result))
        return result


class Signals(SlotCase):
    def test_usr1_is_one_more_and_usr2_one_less(self):
        program = self.start_gated("-j1")
        self.wait_for_running(1)
        program.signal(MORE)
        self.wait_for_running(1, 2)
        program.signal(MORE)
        self.wait_for_running(1, 2, 3)
        self.check_slots()
        program.signal(LESS)
        self.wait_for_line(program, "-j is 2 now", 2)
        self.wait_for_running(1, 2, 3)
        self.end(1, 2)
        self.assertEqual(self.seen_at(4), 2)
        program.signal(LESS)
        self.wait_for_line(program, "-j is 1 now")
        self.end(3, 4)
        self.assertEqual(self.seen_at(5), 1)
        self.wait_for_running(5)
        self.check_slots()
        self.finish(program)

    def test_one_is_the_least(self):
        program = self.start_gated("-j2")
        self.wait_for_running(1, 2)
        program.signal(LESS)
        self.wait_for_line(program, "-j is 1 now")
        program.signal(LESS)
        self.wait_for_line(program, "-j stays 1")
        program.signal(MORE)
        self.wait_for_line(program, "-j is 2 now")
        self.end(1)
        self.wait_for_running(2, 3)
        self.finish(program)

    def test_quiet_says_nothing(self):
        program = self.start_gated("-j1", "--quiet")
        self.wait_for_running(1)
        program.signal(MORE)
        self.wait_for_running(1, 2)
        self.assertEqual(self.finish(program).err, b"")

    @harness.ways("ipc", "tcp")
    def test_each_local_dryer_gets_one_more_and_so_does_the_one_that_takes_its_place(self):
        program = self.start_gated("-j1", "--dryers", "2")
        self.wait_for(lambda: len(self.running()) == 2, "two to run")
        program.signal(MORE)
        self.wait_for(lambda: len(self.running()) == 4, "four to run")
        warden = [pid for pid in harness.children(program.pid) if len(harness.children(pid)) >= 2][0]
        os.kill(harness.children(warden)[0], signal.SIGKILL)
        self.wait_for_line(program, "another one is started")
        self.wait_for_line(program, "-j is 2 now", 3)   # two dryers have said so, and now the new one
        self.end(*range(1, 9))
        self.assertEqual(program.wait().out, numbered(8))

    @harness.ways("ipc", "tcp")
    def test_without_a_dryer_here_they_change_nothing(self):
        at = f"ipc://{os.path.basename(self.base)}" if harness.WAY == "ipc" else "tcp://127.0.0.1:0"
        ours, theirs = os.pipe()
        program = self.start("--at", at, "--no-local", stdin=ours)
        os.close(ours)
        self.wait_for(lambda: harness.children(program.pid) or os.listdir(f"/proc/{program.pid}/task")[2:], "threads")
        program.signal(MORE)
        self.wait_for_line(program, "there is none here")
        os.close(theirs)
        self.assertEqual(program.wait().status, 0, str(program.result))


class File(SlotCase):
    def test_what_it_says_counts_while_it_runs(self):
        self.write("jobs", "1\n")
        program = self.start_gated("-j", "jobs")
        self.wait_for_running(1)
        self.write("jobs", "3\n")
        self.wait_for_running(1, 2, 3)
        self.check_slots()
        self.write("jobs", "nonsense\n")
        self.wait_for_line(program, "-j jobs: 'nonsense' is not a number of jobs")
        self.end(1)
        self.assertEqual(self.seen_at(4), 3)
        self.write("jobs", "1")
        self.wait_for_line(program, "-j is 1 now")
        self.end(2, 3, 4)
        self.assertEqual(self.seen_at(5), 1)
        result = self.finish(program)
        self.assertEqual(result.err.count(b"nonsense"), 1, str(result))

    def test_signals_move_it_until_it_is_written_again(self):
        self.write("jobs", "1")
        program = self.start_gated("-j", "jobs")
        self.wait_for_running(1)
        program.signal(MORE)
        self.wait_for_running(1, 2)
        self.end(1)
        self.wait_for_running(2, 3)     # which is after a look at the file
        self.write("jobs", "1")
        self.wait_for_line(program, "-j is 1 now")
        self.finish(program)

    def test_a_file_that_is_wrong_at_the_start(self):
        self.write("jobs", "many")
        self.write("empty", "")
        for name, says in (("absent", "No such file"), ("jobs", "'many' is not a number of jobs"), (".", "directory"),
                           ("empty", "'' is not a number of jobs")):
            with self.subTest(name):
                self.usage_error("-j", name, "echo", ":::", "a", says=(f"-j {name}: ", says, "+N"))


@harness.ways("ipc", "tcp")
class Dryers(SlotCase, StageCase):
    transport = harness.TRANSPORT

    def start_parts(self, *args, items=8):
        return self.sink("-k"), self.washer(stdin=numbered(items)), self.dryer(*args, *GATED)

    def test_a_dryer_takes_the_signals_too(self):
        sink, washer, dryer = self.start_parts("-j1")
        self.wait_for_running(1)
        dryer.signal(MORE)
        self.wait_for_running(1, 2)
        self.assertEqual(self.status_json()["slots"], 2)
        dryer.signal(LESS)
        self.wait_for(lambda: self.status_json()["slots"] == 1, "one slot less")
        self.end(*range(1, 9))
        self.all_end(0, washer, dryer)
        self.assertEqual(self.ends(sink, 0).out, numbered(8))

    def test_a_washer_and_a_sink_are_not_ended_by_them(self):
        sink, washer, dryer = self.start_parts("-j1")
        self.wait_for_running(1)
        for part in (sink, washer):
            part.signal(LESS)
            self.wait_for_line(part, "there is none here")
        self.end(*range(1, 9))
        self.all_end(0, sink, washer, dryer)

    def test_a_dryer_with_nothing_to_do_leaves(self):
        ours, theirs = os.pipe()
        sink, washer = self.sink("-k"), self.washer(stdin=ours)
        os.close(ours)
        os.write(theirs, b"1\n")
        leaving = self.dryer("-j1", "--idle-timeout", "300ms", *GATED)
        self.wait_for_running(1)
        pause(0.5)      # a task takes as long as it likes
        self.assertFalse(leaving.ended())
        self.end(1)
        self.check_one_line(self.ends(leaving, 0), "nothing to do for 300ms (--idle-timeout)")
        self.wait_for_dryers(0)
        os.write(theirs, b"2\n")
        os.close(theirs)
        self.all_end(0, self.dryer("echo"), washer)
        self.assertEqual(self.ends(sink, 0).out, b"1\n2\n")

    def test_one_that_stays_leaves_where_no_pipeline_comes(self):
        result = self.ends(self.dryer("--stay", "--idle-timeout", "200ms", "true"), 0)
        self.check_one_line(result, "nothing to do for 200ms")

    def test_one_that_stays_leaves_after_a_pipeline(self):
        dryer = self.dryer("--stay", "--idle-timeout", "1s", "echo")
        self.all_end(0, self.sink(), self.washer(stdin=numbered(3)))
        self.ends(dryer, 0)

    def test_that_no_sink_is_there_is_still_an_error(self):
        result = self.ends(self.dryer("--wait", "300ms", "--idle-timeout", "100ms", "true"), 125)
        self.check_one_line(result, "no sink was found")


if __name__ == "__main__":
    harness.main()
