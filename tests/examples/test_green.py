#!/usr/bin/env python3
"""green: tasks that read as blocking code, thousands of them in one thread."""

# ctest: waits sanitized

import os
import re
import resource

from book import Book
import harness

MANY = 1000 if harness.SANITIZED else 10000
SAYS = re.compile(r"(\d+) tasks at a time in one thread: ([\d.]+) s, of which each slept ([\d.]+)\n")

WARNING = re.compile(rb"==\d+==WARNING: ASan doesn't fully support makecontext[^\n]*\n")


def threads_of(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except FileNotFoundError:
        return 0


class Green(Book):
    def start_example(self, name, *args, **how):
        """The address sanitizer says of itself that it may be wrong where there are several stacks: that is no error."""
        program = super().start_example(name, *args, **how)
        waits = program.wait

        def wait():
            result = waits()
            result.err = WARNING.sub(b"", result.err)
            return result
        program.wait = wait
        return program

    def check(self, result, tasks):
        """None was done before all were there, so they were at work at the same time."""
        said = SAYS.fullmatch(result.out.decode())
        self.assertTrue(said, str(result))
        self.assertEqual(int(said[1]), tasks)
        self.assertGreaterEqual(float(said[2]), float(said[3]))

    def test_thousands_at_a_time_in_one_thread(self):
        if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < MANY + 100:
            self.skipTest("too few descriptors are allowed")
        program = self.start_example("green", "--tasks", MANY, "--scale", 0.1)
        most = 0

        def ended():
            nonlocal most
            most = max(most, threads_of(program.pid))
            return program.ended()
        self.wait_for(ended, "the end of the tasks")
        result = program.wait()
        self.assertEqual((result.status, result.err), (0, b""), str(result))
        self.check(result, MANY)
        self.assertTrue(2 <= most < 20, f"{most} threads")

    def test_it_does_not_matter_how_they_meet(self):
        for at in self.addresses():
            for tasks in (1, 70):
                self.check(self.example("green", "--at", at, "--tasks", tasks, "--scale", 0.01), tasks)

    def test_nobody_sleeps_longer_than_the_deadline(self):
        for at in self.addresses():
            result = self.example("green", "--at", at, "--tasks", 50, "--scale", 3600, "--deadline", 1.5, status=124)
            self.check_one_line(result, "deadline")

    def test_too_few_descriptors(self):
        result = self.example("green", limits=[(resource.RLIMIT_NOFILE, 200, 200)], status=125)
        self.check_one_line(result, "descriptors", "200")

    def test_what_is_wrong_is_said(self):
        for tasks in ("0", "-1", "2.5", "many", "1e9"):
            self.check_one_line(self.example("green", "--tasks", tasks, status=125), tasks)


if __name__ == "__main__":
    harness.main()
