#!/usr/bin/env python3
"""What a user or an operator does to a run, by mistake as a rule: the wrong input, a name that is taken, files taken
away under it, a helper killed. Nothing of it is to end in a success that is none, or in a wait without an end."""

# ctest: waits plain

import glob
import os
import shutil
import signal
import socket
import unittest

import harness
import kitchen
from stages import GATED, StageCase


class Flags(harness.Case):
    @harness.ways("dishes")
    def test_o_of_xargs_does_not_run_the_items(self):
        self.write("run-me", "#!/bin/sh\ntouch ran\n", mode=0o755)
        self.usage_error("-o", "cat", stdin=b"./run-me\n", says=["-o cat", "-o ./cat"])
        self.assertEqual(self.files(), ["run-me"])
        self.dishes("-o", "./cat", stdin=b"echo a\n", status=0)
        self.dishes("-o", "out", stdin=b"echo a\n", status=0)
        self.dishes("-o", "cat", "echo", stdin=b"a\n", status=0)
        self.assertEqual(self.read("cat"), b"a\n")


class WrongInput(StageCase):
    def has_open(self, program, name):
        links = f"/proc/{program.pid}/fd"
        return any(os.path.realpath(os.path.join(links, fd)) == os.path.realpath(self.path(name)) for fd in os.listdir(links))

    def test_what_is_left_of_a_fifo_is_not_the_input_of_the_washer_before(self):
        os.mkfifo(self.path("fifo"))
        fifo = os.open(self.path("fifo"), os.O_RDWR)
        sink, dryer = self.sink("-o", "out"), self.dryer("echo")
        first = self.washer("--name", "w", "-a", "fifo")
        os.write(fifo, b"1\n2\n3\n")
        self.wait_for(lambda: "out" in self.files() and len(self.read("out").split()) == 3, "three to be done")
        first.signal(signal.SIGKILL)
        self.ends(first, -signal.SIGKILL)
        os.write(fifo, b"4\n5\n6\n")
        second = self.washer("--name", "w", "-a", "fifo")
        self.wait_for(lambda: second.ended() or self.has_open(second, "fifo"), "that it reads")
        os.close(fifo)
        for part in (second, sink):
            self.assertIn(b"the input is not that of the run", self.ends(part, 125).err)
        self.ends(dryer, 125)


class TakenAway(StageCase):
    """Files that are removed or replaced under a run that needs them to go on: it ends, and says so."""

    def check_lost(self, change, *words):
        program = self.observe("-j1", "--journal", "j", "-o", "out", *GATED, ":::", "1", "2", "3")
        self.wait_for_files("running.")
        change()
        self.go()
        self.check_one_line(self.ends(program, 125), *words)

    def test_the_journal_is_removed(self):
        self.check_lost(lambda: os.remove(self.path("j")), "journal", "it is not there any more")

    def test_the_journal_is_replaced(self):
        self.dishes("--journal", "other", "true", ":::", "1", status=0)
        self.check_lost(lambda: os.replace(self.path("other"), self.path("j")), "journal", "was replaced by another file")

    def test_the_log_of_the_journal_is_removed(self):
        self.check_lost(lambda: os.remove(self.path("j-wal")), "journal", "-wal", "No such file")

    def test_the_output_file_is_removed(self):
        self.check_lost(lambda: os.remove(self.path("out")), "out", "removed")


    def test_another_output_file_is_refused_and_not_made(self):
        self.dishes("--journal", "j", "-o", "out", "echo", ":::", "1", status=0)
        result = self.dishes("--journal", "j", "-o", "another", "--resume", "echo", ":::", "1", "2", status=125)
        self.check_one_line(result, "another is shorter than the journal says")
        self.assertEqual(self.files(), ["j", "out"])

    def test_the_sockets_are_removed(self):
        at = f"ipc://{self.path('place')}"
        parts = self.sink(at=at), self.washer(":::", "1", "2", at=at), self.dryer("-j1", *GATED, at=at)
        self.wait_for_files("running.")
        os.remove(self.path("place/out"))
        self.wait_for_word(parts[0], "the sockets of", "were removed")
        self.go()
        self.all_end(0, *parts)
        self.assertEqual(sorted(parts[0].result.lines), [b"1", b"2"])


class OfARunThatIsOver(StageCase):
    def test_its_journal_is_not_taken_for_that_of_a_new_run(self):
        parts = self.sink("--journal", "j"), self.dryer("echo"), self.washer(":::", "1")
        self.all_end(0, *parts)
        result = self.ends(self.sink("--journal", "j"), 125)
        self.check_one_line(result, "its run is over (joined, exit status 0)", "--resume")
        parts = self.sink("--journal", "j", "--resume"), self.dryer("echo"), self.washer(":::", "1", "2")
        self.all_end(0, *parts)
        self.assertEqual(parts[0].result.out, b"2\n")

    def test_what_waited_for_its_turn_leaves_no_file_when_it_is_resumed_without_one(self):
        program = self.observe("-k", "-j2", "--journal", "j", "-o", "out", *GATED, ":::", "1", "2")
        self.wait_for_files("running.", 2)
        self.write("j-early", b"x", mode=0o600)     # as a kill leaves it, with nothing in it that is needed
        program.signal(signal.SIGKILL)
        self.ends(program, -signal.SIGKILL)
        self.dishes("--journal", "j", "-o", "out", "--resume", "echo", ":::", "1", "2", status=0)
        self.assertEqual(self.files("j"), ["j"])


class DryRun(StageCase):
    def test_a_journal_does_not_keep_that_it_was_done(self):
        sink = self.sink("--journal", "j")
        self.check_one_line(self.ends(self.dryer("--dry-run", "echo"), 125), "journal", "--dry-run")
        self.all_end(0, self.washer(":::", "1"), self.dryer("echo"), sink)
        self.assertEqual(sink.result.out, b"1\n")


class NotOurs(StageCase):
    """A port where no sink of ours is, and something else is."""

    @unittest.skipUnless(os.getuid() == 0, "only root can be two users")
    def test_a_sink_of_another_user(self):
        os.chmod(self.base, 0o755)
        os.chmod(self.dir, 0o777)
        program, at = shutil.copy(harness.stage("sink"), self.path("sink")), f"tcp://127.0.0.1:{kitchen.free_port()}"
        sink = self.start_program(["setpriv", "--reuid=65534", "--clear-groups", program, "--at", at, "--wait", "20"],
                                  env={"DISHES_DIR": self.path("theirs")})
        self.wait_for(lambda: self.files("theirs") and os.listdir(self.path("theirs")), "its cookie")
        for seeker in (self.dryer("--wait", "2", "true", at=at), self.observe("--join", at, "--wait", "2")):
            self.assertIn(b"belongs to user 65534, and without a key", self.ends(seeker, 125).err)
        sink.signal(signal.SIGINT)
        self.ends(sink, -signal.SIGINT)

    def test_what_is_no_sink(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            at = f"tcp://127.0.0.1:{server.getsockname()[1]}"
            self.assertIn(b"has left no cookie in ", self.ends(self.dryer("--wait", "2", "true", at=at), 125).err)


FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)


@unittest.skipUnless(FAKETIME, "libfaketime is not installed")
class ClockSetBack(StageCase):
    """A machine that comes up again with its clock in the past, as one without a battery does."""

    PAST = {"LD_PRELOAD": FAKETIME, "FAKETIME": "-2d", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}

    def test_a_sink_goes_on(self):
        sink = self.sink("--journal", "j", "-o", "out")
        others = self.washer(":::", "1", "2"), self.dryer(*GATED)
        self.wait_for_files("running.")
        sink.signal(signal.SIGKILL)
        self.ends(sink, -signal.SIGKILL)
        sink = self.sink("--journal", "j", "-o", "out", env=self.PAST)
        self.go()
        self.all_end(0, sink, *others)
        self.assertEqual(sorted(self.read("out").split()), [b"1", b"2"])

    def test_a_run_is_resumed(self):
        for at in ([], ["--at", self.at]):
            self.dishes(*at, "--journal", "j", "-o", "out", "echo", ":::", "1", status=0)
            again = self.observe(*at, "--journal", "j", "-o", "out", "--resume", "echo", ":::", "1", "2", env=self.PAST)
            self.ends(again, 0)
            self.assertEqual(self.read("out"), b"1\n2\n")
            os.remove(self.path("j"))


class TheSameName(StageCase):
    def test_a_second_washer_of_a_name_is_not_told_that_its_items_are_done(self):
        sink, dryer = self.sink(), self.dryer(*GATED)
        first = self.washer("--name", "w", ":::", "1", "2")
        self.wait_for_files("running.")
        second = self.washer("--name", "w", "--wait", "1", ":::", "3", "4", "5")
        self.wait_for(lambda: len(os.listdir(f"/proc/{second.pid}/task")) > 2, "that it seeks")
        self.go()
        self.all_end(0, first, sink, dryer)
        self.assertEqual(sorted(sink.result.lines), [b"1", b"2"])
        self.check_one_line(self.ends(second, 125), "in time (--wait)")


class Helpers(StageCase):
    """`dishes` over ipc has its dryers in processes of their own, which a small one starts, again where they die."""

    def gated(self, *args):
        program = self.observe("--at", self.at, "--dryers", "2", "-j1", *args, *GATED, stdin=b"1\n2\n3\n4\n")
        self.wait_for_files("running.", 2)
        return program, harness.children(program.pid)[0]

    def test_the_one_that_keeps_the_dryers_is_killed(self):
        program, warden = self.gated()
        os.kill(warden, signal.SIGKILL)
        self.wait_for_word(program, "killed by signal 9: none is started any more")
        self.go()
        result = self.ends(program, 125)
        self.assertEqual(len(result.lines), 2)      # what they ran is done and counted
        self.assertIn(b"the local dryers are gone, and there is no other", result.err)
        self.check_nothing_left()

    def test_the_one_that_keeps_the_dryers_is_killed_and_another_dryer_is_there(self):
        program, warden = self.gated()
        dryer = self.dryer("-j1", *GATED)
        self.wait_for_files("running.", 3)
        os.kill(warden, signal.SIGKILL)
        self.wait_for_word(program, "none is started any more")
        self.go()
        self.assertEqual(sorted(self.ends(program, 0).lines), [b"1", b"2", b"3", b"4"])
        self.ends(dryer, 0)

    def test_dryers_that_die_again_and_again(self):
        program = self.observe("--at", self.at, "-j1", "--crash-limit", "0", "sh", "-c", "kill -9 $PPID", stdin=b"1\n")
        result = self.ends(program, 125)
        self.assertIn(b"too many have died in a minute", result.err)
        self.assertIn(b"the local dryers are gone, and there is no other", result.err)

    @unittest.skipIf(harness.SANITIZED, "the sanitizers need threads of their own")
    def test_dryers_that_cannot_be_started_are_one_line(self):
        user = ["setpriv", "--reuid=65534", "--clear-groups"] if os.getuid() == 0 else []
        os.chmod(self.base, 0o755)
        os.chmod(self.dir, 0o777)
        program = shutil.copy(harness.BINARY, self.path("dishes"))
        argv = [*user, "prlimit", "--nproc=20", program, "--at", f"ipc://{self.path('place')}", "--dryers", "200", "true", "1"]
        lines = self.ends(self.start_program(argv), (0, 125)).err.splitlines()
        self.assertEqual(len([line for line in lines if b"cannot start 200 local dryers, only " in line]), 1, lines)
        self.assertLess(len(lines), 4, lines)     # a thread of its own may not begin either, before they are gone


if __name__ == "__main__":
    harness.main()
