#!/usr/bin/env python3
"""The C programs of examples/, over inproc, ipc and tcp."""

import re
import signal

from book import DISHES, Book
import harness

NAMES = ["dishes_process", "dishes_pids", "whoami_threads", "dishes_threads", "dishes_hands", "green",
         "shared_counter", "dishes_anywhere"]


class Process(Book):
    def test_each_dish_is_washed_then_dried(self):
        for at in self.addresses():
            result = self.example("dishes_process", "--at", at)
            self.assertEqual(len(result.text), 8)
            self.check_washed_and_dried(result.text, in_order=True)

    def test_again_at_the_same_address(self):
        for at in self.addresses("ipc", "tcp"):
            for _ in range(3):
                self.check_washed_and_dried(self.example("dishes_process", "--at", at).text)

    def test_without_an_address_it_is_two_processes(self):
        self.check_washed_and_dried(self.example("dishes_process").text)

    def test_a_taken_address_is_said_and_nothing_stays(self):
        for at in self.addresses("ipc", "tcp"):
            other = self.start_program(["sink", "--at", at])
            self.wait_for(lambda: self.stands(at), "the other sink")
            result = self.start_example("dishes_process", "--at", at).wait()
            self.assertEqual(result.status, 125, str(result))
            self.check_one_line(result)
            other.signal(signal.SIGTERM)
            other.wait()
            self.check_nothing_left()

    def stands(self, at):
        return self.start_program(["dishes", "--status", at, "--wait", "100ms"]).wait().status == 0


class Pids(Book):
    def test_who_calls_what_and_when(self):
        for at in self.addresses():
            program = self.start_example("dishes_pids", "--at", at)
            result = program.wait()
            self.assertEqual((result.status, result.err), (0, b""), str(result))
            lines = result.out.decode().splitlines()
            self.check_washed_and_dried(lines, in_order=True)
            calls = [re.fullmatch(r"\[(\d+)\] (washer|dryer), (.*)", line) for line in lines]
            pids = {who: {int(call[1]) for call in calls if call and call[2] == who} for who in ("washer", "dryer")}
            self.assertEqual(pids["washer"], {program.pid})
            self.assertEqual(len(pids["dryer"]), 1)
            self.assertEqual(pids["dryer"] == pids["washer"], at.startswith("inproc"))
            self.check_moments([f"{call[2]} {call[3]}" if call else line for call, line in zip(calls, lines)])

    def check_moments(self, lines):
        for dish in DISHES:
            self.assert_order(lines, f"Washing {dish} dish", f"washer before put {dish}", f"washer after put {dish}",
                              "washer before join", "washer after join")
            self.assert_order(lines, f"washer before put {dish}", f"dryer after get {dish}", f"Drying {dish} dish",
                              f"dryer before task_done {dish}", f"dryer after task_done {dish}",
                              "dryer after get (no more)")
            self.assert_order(lines, f"dryer before task_done {dish}", "washer after join")
        self.assertEqual(lines.count("dryer before get"), len(DISHES) + 1)

    def assert_order(self, lines, *wanted):
        places = [lines.index(line) for line in wanted]
        self.assertEqual(places, sorted(places), f"{wanted} in {lines}")


class Whoami(Book):
    def test_four_threads_and_the_main_program(self):
        for at in self.addresses():
            program = self.start_example("whoami_threads", "--at", at)
            result = program.wait()
            self.assertEqual((result.status, result.err), (0, b""), str(result))
            said = {}
            for line in result.out.decode().splitlines():
                thread, process, what = re.fullmatch(r"Thread (\d+) of process (\d+) says: (.*)", line).groups()
                said[what] = int(thread), int(process)
            self.assertEqual(said.pop("I'm the main program"), (program.pid, program.pid))
            self.assertEqual(sorted(said), [f"I'm function {i}" for i in range(4)])
            self.assertEqual(len({thread for thread, _ in said.values()} | {program.pid}), 5)
            self.assertEqual({process == program.pid for _, process in said.values()}, {at.startswith("inproc")})


class Threads(Book):
    SCALE = 0.03

    def test_the_washer_sets_the_pace(self):
        for at in self.addresses():
            result = self.example("dishes_threads", "--at", at, "--scale", self.SCALE)
            self.check_washed_and_dried(result.text)
            seconds = float(re.search(r"All dishes are dry after ([\d.]+) s", result.out.decode())[1])
            self.assertGreaterEqual(seconds, (4 * 2 + 3) * self.SCALE - 0.01)
            most = int(re.search(r"At most (\d) of 5 threads", result.out.decode())[1])
            self.assertTrue(1 <= most <= 4, most)

    def test_a_join_has_an_end(self):
        """The deadline passes while the first dish is washed, when all parts have long found each other."""
        for at in self.addresses():
            result = self.example("dishes_threads", "--at", at, "--scale", 0.8, "--deadline", 1.5, status=124)
            self.check_one_line(result, "deadline")

    def test_a_dryer_is_killed_and_another_comes(self):
        """Each dish is counted once, and the join ends, though whoever dried it was killed."""
        for at in self.addresses("ipc", "tcp"):
            program = self.start_example("dishes_threads", "--at", at, "--scale", 0.15)
            self.wait_for(lambda: b"Drying p1 dish\n" in program.out, "the first dish to be dried")
            for child in harness.children(program.pid):
                harness.os.kill(child, signal.SIGKILL)
            other = self.start_program(["dryer", "--at", at, "echo", "Other:", "{}"])
            result = program.wait()
            self.assertEqual(result.status, 128 + signal.SIGKILL, str(result))
            self.assertIn(b"All dishes are dry after", result.out)
            self.assertEqual(other.wait().status, 0, str(other.result))


class Hands(Book):
    SCALE = 0.008
    ROW = re.compile(r"(.*?) +(\d) put away, (\d) stacked, (\d) on the floor, ([\d.]+) s")

    #  way: the least time that it can take, in the scale's seconds
    WAYS = {"one pair of hands, batch by batch": 36, "one helper": 26, "three helpers": 16,
            "one helper dries, one puts away": 21, "one helper; wet dishes wait": 26,
            "one helper; wet dishes are stacked": 26, "one helper; wet dishes are dropped": 12}

    def test_the_same_dishes_timed_each_way(self):
        for at in self.addresses():
            result = self.example("dishes_hands", "--at", at, "--scale", self.SCALE)
            rows = {row[0]: row[1:] for row in (self.ROW.fullmatch(line).groups() for line in result.text)}
            self.assertEqual(list(rows), list(self.WAYS))
            for way, (away, stacked, floor, seconds) in rows.items():
                self.assertGreaterEqual(float(seconds), self.WAYS[way] * self.SCALE - 0.01, way)
                self.assertEqual(int(away) + int(floor), 6, way)
                self.assertEqual(int(stacked) > 0, "stacked" in way, way)
                self.assertEqual(int(floor) > 0, "dropped" in way, way)

    def test_a_join_has_an_end(self):
        self.example("dishes_hands", "--at", "ipc://kitchen", "--scale", 0.08, "--deadline", 1.5, status=124)


class CommandLine(Book):
    def test_help(self):
        for name in NAMES:
            with self.subTest(name):
                out = self.example(name, "--help").out.decode()
                self.assertRegex(out, "^Usage: ")
                for option in ("--at URL", "--deadline SECONDS", "--help"):
                    self.assertIn(option, out)

    def test_what_is_wrong_is_said(self):
        for args in (["--colour"], ["--deadline", "soon"], ["--deadline", "0"], ["p1"], ["--at", "smoke://signals"]):
            for name in NAMES:
                with self.subTest(f"{name} {args}"):
                    result = self.example(name, *args, status=125)
                    if name != "dishes_hands" or "--at" not in args:    # its first way needs no address
                        self.assertNotIn(b"put away", result.out)
                    self.assertTrue(result.err.strip(), str(result))

    def test_only_who_takes_time_has_a_scale(self):
        self.example("dishes_process", "--scale", "2", status=125)


if __name__ == "__main__":
    harness.main()
