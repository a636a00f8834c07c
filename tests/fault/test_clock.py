#!/usr/bin/env python3
"""The clock of one part steps, forth and back, by more than any wait of its own. (faketime; the clock that measures
how long something takes is left alone, as it is where a real clock is set.)"""

# ctest: waits seconds=120 each=Ipc,Tcp

import glob
import os
import unittest

import fault
from fault import amount, numbers, pause

LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)


@unittest.skipUnless(LIBRARY or os.environ.get("CI"), "libfaketime is not installed")
class Steps:
    dead_after = "2s"

    def faked(self, part):
        """The environment of a part whose clock is told by a file."""
        self.set_clock(part, "+0")
        return {"LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": self.path(f"clock.{part}"), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}

    def set_clock(self, part, offset):
        self.write(f"clock.{part}.new", offset + "\n")
        os.rename(self.path(f"clock.{part}.new"), self.path(f"clock.{part}"))

    def check_steps(self, part):
        environment = {name: self.faked(part) if name == part else {} for name in ("sink", "washer", "dryer")}
        self.give(numbers(amount(400, 4000)))
        self.start_sink("--journal", "journal", "--joblog", "log", env=environment["sink"])
        self.start_washer(env=environment["washer"])
        self.start_dryer(does="sleep 0.02", env=environment["dryer"])
        self.start_dryer(does="sleep 0.02")
        self.wait_all_work()
        for offset in ("+2h", "-2h", "+400d", "-400d", "+0") * amount(1, 10):
            self.set_clock(part, offset)
            pause(0.3)
        self.check_end(dryers_lost=0, redelivered=0)
        if part == "dryer":
            return
        self.assertEqual(self.born, 2)

    def test_of_the_sink(self):
        self.check_steps("sink")

    def test_of_the_washer(self):
        self.check_steps("washer")

    def test_of_a_dryer(self):
        self.check_steps("dryer")

    def test_back_before_a_dryer_begins_anew(self):
        """It was thought dead; its next life is later than the last one all the same."""
        self.give(numbers(300))
        self.start_sink()
        self.start_washer()
        dryer = self.start_dryer("--prefetch", "4", does="sleep 0.03", env=self.faked("dryer"))
        self.start_dryer("--prefetch", "4", does="sleep 0.03")
        self.wait_all_work()
        dryer.signal(19)
        self.wait_figures(dryers_lost=1)
        self.set_clock("dryer", "-1d")
        dryer.signal(18)
        self.wait_works_again(dryer)
        self.check_end(dryers_lost=1, redelivered=lambda n: n > 0)


fault.over_each_wire(Steps)

if __name__ == "__main__":
    fault.main()
