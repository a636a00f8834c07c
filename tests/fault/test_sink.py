#!/usr/bin/env python3
"""A sink that is killed and started again by the same command line, and one whose results nobody reads for a while."""

# ctest: seconds=240 serial

import collections
import os

import fault
from fault import amount, numbers, pause


class KilledWithJournal:
    """What is in -o is exact after each start; dryers and washer wait for it, and nobody is lost."""

    def test_killed_and_started_again(self):
        kills = amount(4, 10)
        count = amount(3000, 20000)
        self.give(numbers(count))
        arguments = ("--journal", "journal")
        self.start_sink(*arguments)
        self.start_washer()
        for _ in range(2):
            self.start_dryer()
        for round_ in range(kills):
            self.wait_done((round_ + 1) * count // (kills + 2))
            self.kill(self.the_sink)
            self.start_sink(*arguments)
        #  What was told and not yet acked is told again: as many as were under way at most.
        self.check_end(dryers_lost=0, duplicates=lambda n: n <= kills * 2 * (64 + 2), redelivered=0)
        self.assertEqual(self.born, 2)


class StalledReader:
    """Nobody reads the sink's stdout, for longer than dead-after, while more is to be said than any pipe holds."""

    dead_after = "2s"

    def test_nobody_is_lost_for_being_patient(self):
        items, size = numbers(amount(1500, 3000)), 40000
        self.write("items", "".join(item + "\n" for item in items))
        reader, writer = os.pipe()
        sink = self.sink("--dead-after", self.dead_after, stdout=writer)
        os.close(writer)
        script = 'echo x >>ran; printf "%s %0*d\\n" "$1" "$0" 0'
        dryers = [self.dryer("-j2", "sh", "-c", script, str(size), "{}") for _ in range(2)]
        washer = self.start_washer()
        self.wait_for_files("ran")
        pause(amount(5, 30))
        shown = self.figures()
        self.check_figures(shown, {"dryers_lost": 0, "dryers": 2, "washer_alive": True})
        self.assertLess(shown["ok"], len(items), "the reader held nothing back")
        with os.fdopen(reader, "rb") as file:
            lines = file.read().splitlines()
        for program in (sink, washer, *dryers):
            self.end(program)
        got = collections.Counter(line.split()[0].decode() for line in lines)
        self.assertEqual(got, collections.Counter(items))
        self.assertEqual({len(line.split()[1]) for line in lines}, {size})
        self.assertEqual(len(self.read("ran").splitlines()), len(items))
        if self.transport == "ipc":
            self.check_figures(self.figures(), {"dryers_lost": 0, "duplicates": 0, "redelivered": 0})


fault.over_each_wire(KilledWithJournal, StalledReader)

if __name__ == "__main__":
    fault.main()
