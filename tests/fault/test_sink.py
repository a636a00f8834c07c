#!/usr/bin/env python3
"""A sink that is killed and started again by the same command line, and one whose results nobody reads for a while."""

# ctest: waits seconds=300 each=Ipc,Tcp

import collections
import contextlib
import os
import re
import sqlite3

import fault
from fault import amount, numbers, pause


class KilledWithJournal:
    """What is in -o is exact after each start; dryers and washer wait for it, and nobody is lost."""

    def test_killed_and_started_again(self):
        kills = amount(10, 100)
        count = amount(4000, 40000)
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


class KilledInOrder:
    """With -k what was counted and waited for its turn comes in its turn, tags and stderr too; over and over."""

    does = ('case $1 in *7) sleep 0.2;; *3) printf "%0*d\\n" 100000 0;; esac; printf "err %s\\n" "$1" >&2')

    def errors(self):
        """Of the numbers that the sinks have passed on to their stderr, one after the other."""
        return [int(line.split()[-1]) for line in self.read("errors").decode().splitlines() if "\terr " in line]

    def start(self):
        with open(self.path("errors"), "ab") as errors:
            self.start_sink("-k", "--tag", "--journal", "journal", stderr=errors)

    def test_killed_and_started_again(self):
        kills = amount(4, 20)
        count = amount(200, 4000)
        self.give(numbers(count))
        self.start()
        self.start_washer()
        for _ in range(2):
            self.start_dryer("--prefetch", "4", does=f'[ "$1" = gate ] || {{ {self.does}; }}')
        waited = 0
        for round_ in range(kills):
            self.wait_for(lambda: self.figures()["ok"] >= (round_ + 1) * count // (kills + 2), "tasks", fault.DEADLINE_S)
            self.kill(self.the_sink)
            with contextlib.closing(sqlite3.connect(self.path("journal"))) as journal:
                waited += journal.execute("SELECT count (*) FROM early").fetchone()[0]
            self.start()
        self.go()
        for program in (self.the_sink, self.the_washer, *self.dryers):
            self.end(program)
        self.assertGreater(waited, 0, "nothing was early")
        wanted = [f"{item}\t{'0' * 100000}\n{item}\t{item} " if item.endswith("3") else f"{item}\t{item} "
                  for item in self.items]
        self.assertEqual(re.sub(" a[12]\n", " ", self.read("out").decode()), "".join(wanted))
        self.assertFalse(os.path.exists(self.path("journal-early")))
        errors = self.errors()
        self.assertEqual(errors, sorted(set(errors)), "on stderr more than once, or out of order")
        self.assertGreater(len(errors), count - kills * 50)


class KilledWithResults:
    """The tree of --results has what each task has written, in one message or in several, whole, and nothing else."""

    size = 100_000      # bytes of stdout of every tenth task
    does = ('[ $(($1 % 10)) != 1 ] || { printf "%0*d\\n" 100000 0; sleep 0.02; }; printf "err %s\\n" "$1" >&2')

    def files(self):
        return {os.path.relpath(os.path.join(where, name), self.path("tree"))
                for where, _, names in os.walk(self.path("tree")) for name in names}

    def check_task(self, seq, item):
        for leaf, wanted in (("seq", str(seq)), ("stderr", "" if item == fault.GATE else f"err {item}\n")):
            self.assertEqual(self.read(f"tree/1/{item}/{leaf}").decode(), wanted)
        large = item != fault.GATE and int(item) % 10 == 1
        zeros = "0" * self.size + "\n" if large else ""
        self.assertIn(self.read(f"tree/1/{item}/stdout").decode(), [f"{zeros}{item} {name}\n" for name in ("a1", "a2")])

    def test_killed_and_started_again(self):
        kills = amount(3, 30)
        count = amount(400, 4000)
        self.give(numbers(count))
        arguments = ("--journal", "journal", "--results", "tree")
        self.start_sink(*arguments)
        self.start_washer()
        for _ in range(2):
            self.start_dryer(does=f'[ "$1" = gate ] || {{ {self.does}; }}')
        for round_ in range(kills):
            self.wait_for(lambda: os.path.exists(self.path("tree/1")) and len(os.listdir(self.path("tree/1"))) >=
                          (round_ + 1) * count // (kills + 2), "tasks in the tree", fault.DEADLINE_S)
            self.kill(self.the_sink)
            self.start_sink(*arguments)
        self.wait_for(lambda: len(os.listdir(self.path("tree/1"))) >= count, "all but the gate", fault.DEADLINE_S)
        shown = self.figures()
        self.check_figures(shown, {"dryers_lost": 0, "redelivered": 0})
        self.go()
        for program in (self.the_sink, self.the_washer, *self.dryers):
            self.end(program)
        self.assertEqual(self.files(), {f"1/{item}/{leaf}" for item in self.items for leaf in ("seq", "stdout", "stderr")})
        for seq, item in enumerate(self.items, 1):
            self.check_task(seq, item)
        self.assertEqual(os.listdir(self.path("tree")), ["1"])
        self.tell(shown)


class StalledReader:
    """Nobody reads the sink's stdout, for longer than dead-after, while more is to be said than any pipe holds."""

    dead_after = "2s"

    def test_nobody_is_lost_for_being_patient(self):
        size = 40000
        self.give(numbers(amount(1500, 3000)), gate=False)
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
        self.assertLess(shown["ok"], len(self.items), "the reader held nothing back")
        with os.fdopen(reader, "rb") as file:
            lines = file.read().splitlines()
        for program in (sink, washer, *dryers):
            self.end(program)
        got = collections.Counter(line.split()[0].decode() for line in lines)
        self.assertEqual(got, collections.Counter(self.items))
        self.assertEqual({len(line.split()[1]) for line in lines}, {size})
        self.assertEqual(len(self.read("ran").splitlines()), len(self.items))
        if self.transport == "ipc":
            self.check_figures(self.figures(), {"dryers_lost": 0, "duplicates": 0, "redelivered": 0})
        self.tell(shown)


fault.over_each_wire(KilledWithJournal, KilledInOrder, KilledWithResults, StalledReader)

if __name__ == "__main__":
    fault.main()
