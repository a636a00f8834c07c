#!/usr/bin/env python3
"""dishes --bench: it measures itself over each transport, is sure of its count, and leaves nothing behind."""

import json
import os
import resource
import shutil
import signal
import time
import unittest

import harness

ITEMS = 30000
PLACES = {"inproc": "inproc://bench", "ipc": "ipc://bench", "tcp": "tcp://127.0.0.1:*"}


class Bench(harness.Case):
    may_meet = True

    def bench(self, kind, *arguments):
        result = self.ok("--bench", "--at", PLACES[kind], "--items", ITEMS, "--json", *arguments)
        self.assertEqual(result.err, b"", result)
        return json.loads(result.out)

    def test_each_transport(self):
        for kind in PLACES:
            with self.subTest(kind):
                began = time.monotonic()
                told = self.bench(kind, "--dryers", "3")
                took = time.monotonic() - began
                self.assertEqual((told["transport"], told["dryers"], told["items"], told["size"]), (kind, 3, ITEMS, 16))
                self.assertTrue(0 < told["seconds"] < took, told)
                self.assertAlmostEqual(told["items_per_s"] * told["seconds"], ITEMS, delta=ITEMS / 100)
                self.assertAlmostEqual(told["mb_per_s"], told["items_per_s"] * 16 / 1e6, delta=0.01)
                self.assertTrue(0 < told["latency_median_us"] <= told["latency_p99_us"], told)

    def test_items_of_other_sizes(self):
        for size in ("1", "1k", "200K"):
            told = self.bench("inproc", "--items", "50", "--size", size)
            self.assertEqual((told["items"], told["latency_samples"]), (50, 50))

    def test_for_people(self):
        result = self.ok("--bench", "--items", "1000")
        lines = result.out.decode().splitlines()
        self.assertRegex(lines[0], r"^inproc://dishes, \d+ threads, 1000 items of 16 bytes, each counted once$")
        self.assertEqual([line[:24].strip() for line in lines[1:]],
                         ["items a second", "MB a second", "put to counted, median", "put to counted, p99"])

    def test_a_place_that_is_taken(self):
        sink = self.start_program([harness.stage("sink"), "--at", PLACES["ipc"]])
        place = os.path.join(self.env["DISHES_DIR"], "bench")
        self.wait_for(lambda: os.path.isdir(place) and len(os.listdir(place)) > 1, "a sink")
        result = self.start("--bench", "--at", PLACES["ipc"], "--items", "10").wait()
        self.assertEqual((result.status, result.out), (125, b""), result)
        self.check_one_line(result, "--bench", "runs there already")
        sink.signal(signal.SIGKILL)
        sink.wait()

    @unittest.skipIf(harness.SANITIZED, "the sanitizers need processes of their own")
    def test_dryers_that_cannot_be_started(self):
        program, user = shutil.copy(harness.BINARY, self.path("dishes")), []
        if os.getuid() == 0: # who has no such limit
            user = ["setpriv", "--reuid=65534", "--clear-groups"]
            os.chmod(self.base, 0o755)
        command = [*user, program, "--bench", "--at", PLACES["ipc"], "--items", "10", "--dryers", "9"]
        result = self.start_program(command, limits=[(resource.RLIMIT_NPROC, 4, 4)]).wait()
        self.assertEqual((result.status, result.out), (125, b""), result)
        self.check_one_line(result, "--bench", "cannot start the dryers")

    def test_interrupted(self):
        for kind in ("inproc", "ipc"):
            with self.subTest(kind):
                program = self.start("--bench", "--at", PLACES[kind], "--items", 10 ** 11)
                self.wait_for(lambda: len(os.listdir(f"/proc/{program.pid}/task")) > 3, "its threads")
                program.signal(signal.SIGINT)
                self.assertEqual(program.wait().status, -signal.SIGINT)
                self.check_nothing_left()


if __name__ == "__main__":
    harness.main()
