#!/usr/bin/env python3
"""shared_counter: the race is there and the thread sanitizer finds it; with a lock, and with messages only, there is none."""

import os
import re
import unittest

from book import BUILT, Book
import harness

WAYS = {"wrong": "shared, without a lock", "lock": "shared, with a lock", "messages": "not shared, messages only"}
ALL = 20000
TRIES = 10      # of a race that did not come about
SANITIZED = "shared_counter_tsan"
#  libzmq is not built with the sanitizer, which therefore sees races in how it hands messages from thread to thread: they
#  are none. What it says of the program's own lines is what counts.
RACE = re.compile(rb"SUMMARY: ThreadSanitizer: data race \S*shared_counter\.c:\d+ in (\w+)")


class SharedCounter(Book):
    def counts(self, *args, **how):
        lines = [line.rsplit(None, 4) for line in self.example("shared_counter", *args, **how).text]
        self.assertEqual({line[3] for line in lines}, {str(ALL)})
        return {line[0]: int(line[1]) for line in lines}

    def test_who_counts_right(self):
        counts = self.counts()
        self.assertEqual(list(counts), list(WAYS.values()))
        self.assertLessEqual(counts[WAYS["wrong"]], ALL)
        self.assertEqual(counts[WAYS["lock"]], ALL)
        self.assertEqual(counts[WAYS["messages"]], ALL)

    def test_only_messages_reach_other_processes(self):
        for at in self.addresses("ipc", "tcp"):
            self.assertEqual(list(self.counts("--at", at).values()), [0, 0, ALL])

    def test_an_unknown_way(self):
        self.check_one_line(self.example("shared_counter", "--way", "round", status=125), "'round'")


@unittest.skipUnless(os.path.exists(os.path.join(BUILT, SANITIZED)), "there is no thread sanitizer")
class Races(Book):
    def races(self, way):
        """The functions of the program in which the sanitizer sees one."""
        result = self.start_example(SANITIZED, "--way", way, env={"TSAN_OPTIONS": "exitcode=0"}).wait()
        self.assertEqual(result.status, 0, str(result))
        self.assertIn(WAYS[way].encode(), result.out)
        return set(RACE.findall(result.err))

    def test_the_wrong_way_is_found(self):
        for _ in range(TRIES):
            if self.races("wrong") == {b"count_dish"}:
                return
        self.fail(f"no race in {TRIES} runs")

    def test_the_others_have_none(self):
        for way in ("lock", "messages"):
            self.assertEqual(self.races(way), set())


if __name__ == "__main__":
    harness.main()
