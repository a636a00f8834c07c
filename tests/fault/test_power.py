#!/usr/bin/env python3
"""The power fails: the file system that has the journal, the output and the tree of --results goes down with all that
it had not yet written, and comes up again. (It is ext4 in a file, and has a call for that: as root, where loop devices
are, in a mount namespace of the test's own.)"""

# ctest: waits seconds=120

import collections
import contextlib
import fcntl
import os
import sqlite3
import struct
import subprocess
import sys

import fault
from fault import amount, harness, numbers

SHUTDOWN, WITHOUT_THE_LOG = 0x8004587d, 2   # EXT4_IOC_SHUTDOWN
DISK_BYTES = 512 << 20     # a file with a hole


class Disk:
    """At `place`, from a file beside it."""

    def __init__(self, place):
        self.place, self.image = place, place + ".image"
        os.mkdir(place)
        with open(self.image, "wb") as file:
            file.truncate(DISK_BYTES)
        self.said = self.run("mkfs.ext4", "-q", "-F", self.image) or self.mount()

    @staticmethod
    def run(*argv):
        """What it said, if it failed."""
        try:
            done = subprocess.run(argv, capture_output=True, check=False)
        except FileNotFoundError as error:
            return str(error)
        return done.returncode and (done.stderr.decode().strip() or f"{argv[0]} failed")

    def mount(self):
        return self.run("mount", "-o", "loop", self.image, self.place)

    def unmount(self):
        return self.run("umount", self.place)

    def cut(self):
        """Nothing more is written, and what was not yet is lost."""
        there = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(there, SHUTDOWN, struct.pack("I", WITHOUT_THE_LOG))
        finally:
            os.close(there)


@harness.ways("inproc")     # that is, once
class PowerCut(harness.Case):
    def setUp(self):
        super().setUp()
        self.disk = Disk(self.path("disk"))
        self.addCleanup(self.disk.unmount)
        if self.disk.said:
            self.skipTest(f"no file system can be made here: {self.disk.said}")

    def counted(self):
        """The numbers that the journal tells whoever asks."""
        if not os.path.exists(self.path("disk/journal")):
            return set()
        with contextlib.closing(sqlite3.connect(self.path("disk/journal"))) as journal, \
                contextlib.suppress(sqlite3.OperationalError):      # the first commit is still to come
            rows = journal.execute("SELECT n, count FROM counted").fetchall()
            return {each for n, count in rows for each in range(n, n + count)}
        return set()

    def ran(self):
        """{number: how often}"""
        return collections.Counter(map(int, self.read("ran").split()))

    def cut_while_it_runs(self, program, least):
        self.wait_for(lambda: len(self.counted()) >= least, f"{least} to be counted")
        counted = self.counted()
        self.disk.cut()
        program.signal(9)
        program.wait()
        self.wait_for(lambda: not self.disk.unmount(), "nobody to use the disk")
        self.assertFalse(self.disk.mount())
        self.assertLessEqual(counted, self.counted(), "what was counted is no more")

    def check_goes_on(self, count, *order):
        cuts, settled = amount(3, 20), {}
        self.write("ran", "")
        self.write("items", "".join(item + "\n" for item in numbers(count)))
        work = ("-j4", "--journal", "disk/journal", "-o", "disk/out", "--results", "disk/tree", *order, "-a", "items",
                "sh", "-c", 'echo "$1" >>ran; [ $(($1 % 40)) != 7 ] || sleep 0.2; echo "line $1"', "sh")
        for cut in range(cuts):
            program = self.start(*(["--resume"] if cut else []), *work)
            self.cut_while_it_runs(program, (cut + 1) * count // (cuts + 2))
            settled.update((n, times) for n, times in self.ran().items() if n in self.counted())
        self.dishes("--resume", *work, status=0)
        self.assertEqual({n: self.ran()[n] for n in settled}, settled, "what was counted was done again")
        lines = [f"line {item}" for item in numbers(count)]
        found = self.read("disk/out").decode().splitlines()
        self.assertEqual(found if order else sorted(found), lines if order else sorted(lines))
        for item, line in zip(numbers(count), lines):
            self.assertEqual(self.read(f"disk/tree/1/{item}/stdout").decode(), line + "\n")
        self.assertEqual((len(os.listdir(self.path("disk/tree/1"))), os.listdir(self.path("disk/tree"))), (count, ["1"]))

    def test_what_was_counted_is_there_and_the_rest_is_done(self):
        self.check_goes_on(amount(600, 6000))

    def test_in_order(self):
        self.check_goes_on(amount(601, 6001), "-k")


APART = ("unshare", "--mount")      # so that no mount of it outlives the test

if __name__ == "__main__":
    if not os.environ.get("DISHES_APART") and Disk.run(*APART, "true") == 0:
        os.environ["DISHES_APART"] = "1"
        os.execvp(APART[0], [*APART, sys.executable, *sys.argv])
    fault.main()
