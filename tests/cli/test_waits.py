#!/usr/bin/env python3
"""Every wait has an end: the rows of the table in doc/protocol.md, section 10, by "who: waits for".

Elsewhere: "sink, waiting", "any peer, seeking", "sink, orphan", "washer: a first dryer" and "any peer, up" as the
matrix of test_stages.py too; "washer: a lane to be made" in test_hosts.py; "any peer, hello" and "sink: an expected
dryer's HELLO" need a sink that is there and does not answer, and are tested in virtual time.
"""

# ctest: seconds=300 plain

import os
import signal

import harness
from stages import GATED, StageCase, pause


class Waits:
    FAST = ("--dead-after", "1", "--washer-grace", "1")

    def stop(self, program):
        program.signal(signal.SIGSTOP)
        self.wait_for(lambda: harness.process_state(program.pid) == "T", "that it stands still")

    def kill(self, program):
        program.signal(signal.SIGKILL)
        self.ends(program, -signal.SIGKILL)

    def start_gated(self, *sink):
        parts = self.sink(*self.FAST, *sink), self.washer(":::", "1", "2"), self.dryer("-j2", *GATED)
        self.wait_for_files("running.", 2)
        return parts

    def test_any_peer_seeking__a_sink(self):
        for program in (self.washer("--wait", "1", ":::", "a"), self.dryer("--wait", "1", "true")):
            self.assertIn(b"no sink was found", self.ends(program, 125).err)

    def test_any_peer_up__a_sign_of_the_sink(self):
        """A sink that hangs is as lost as one that died."""
        sink, washer, dryer = self.start_gated()
        self.stop(sink)
        for program in (washer, dryer):
            self.assertIn(b"the pipeline is lost", self.ends(program, 125).err)
        self.kill(sink)

    def test_any_peer_bye__gone(self):
        sink, dryer = self.sink(*self.FAST), self.dryer("true")
        self.wait_for_dryers(1)
        self.stop(sink)
        dryer.signal(signal.SIGTERM)
        self.ends(dryer, (-signal.SIGTERM, 125))
        self.kill(sink)

    def test_sink_waiting__a_washer(self):
        self.assertIn(b"no washer came", self.ends(self.sink("--wait", "1"), 125).err)

    def test_sink_orphan__the_washers_next_life(self):
        ours, theirs = os.pipe()
        sink, washer = self.sink(*self.FAST), self.washer(stdin=ours)
        os.close(ours)
        self.wait_for(lambda: self.status_json()["state"] == "open", "the washer")
        self.stop(washer)
        self.assertIn(b"the washer was lost", self.ends(sink, 125).err)
        self.kill(washer)
        os.close(theirs)

    def test_sink__holding_after_washer_down(self):
        """Washer and dryer hang at once: the sink waits for neither answer longer than for a sign of life."""
        sink, washer, dryer = self.start_gated()
        self.stop(dryer)
        self.stop(washer)
        self.assertIn(b"the washer was lost", self.ends(sink, 125).err)
        self.kill(washer)
        self.kill(dryer)

    def test_dryer_halt__the_ack_of_its_reports(self):
        sink, washer, dryer = self.start_gated("--halt", "soon,fail=1")
        self.stop(sink)
        self.go()
        self.all_end(125, washer, dryer)
        self.kill(sink)

    def test_sink_ended__bye_of_each_peer(self):
        sink, idle, dryer = self.sink(*self.FAST), self.dryer("true"), self.dryer("-j2", *GATED)
        self.wait_for_dryers(2)
        self.stop(idle)
        washer = self.washer(":::", "1", "2")
        self.go()
        self.all_end(0, sink, washer, dryer)
        self.kill(idle)

    def test_sink_open__completions(self):
        parts = self.start_gated("--deadline", "2")
        self.all_end(124, *parts[:2])
        self.ends(parts[2], 0)

    def test_washer__a_first_dryer(self):
        sink, washer = self.sink(*self.FAST, "--deadline", "7"), self.washer(":::", "a")
        self.wait_for_word(washer, "no dryer")
        self.all_end(124, sink, washer)

    def test_washer__credit_and_input(self):
        ours, theirs = os.pipe()
        sink, dryer = self.sink(*self.FAST, "--deadline", "2"), self.dryer("true")
        washer = self.washer(stdin=ours)
        self.all_end(124, sink, washer)
        os.close(ours)
        os.close(theirs)
        self.ends(dryer, 0)

    def test_dryer__tasks_and_output_credit(self):
        """As long as the sink is heard: longer than dead-after."""
        ours, theirs = os.pipe()
        sink, dryer = self.sink(*self.FAST), self.dryer("echo")
        washer = self.washer(stdin=ours)
        os.close(ours)
        self.wait_for_dryers(1)
        pause(2.5)
        os.write(theirs, b"late\n")
        os.close(theirs)
        self.all_end(0, sink, washer, dryer)
        self.assertEqual(sink.out, b"late\n")


class WaitsOverIpc(Waits, StageCase):
    transport = "ipc"


class WaitsOverTcp(Waits, StageCase):
    transport = "tcp"


if __name__ == "__main__":
    harness.main()
