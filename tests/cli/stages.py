"""For tests that start sink, washer and dryer themselves: where they meet, and what each of them has to end with.

A class of tests that holds over every wire is a mixin; StageCase with `transport` set makes tests of it:

    class AnyOrder: ...
    class AnyOrderIpc (AnyOrder, StageCase): transport = "ipc"
"""

import os
import time

import harness
import kitchen

#  A task that tells that it runs, by a file, and waits for the file "go".
GATED = ("sh", "-c", "echo $$ > running.$1; until [ -s go ]; do sleep 0.02; done; echo $1", "sh")


class StageCase(harness.Case):
    may_meet = True
    transport = "ipc"

    def setUp(self):
        super().setUp()
        self.at = self.address()

    def address(self):
        """One that nobody else has."""
        if self.transport == "tcp":
            return f"tcp://127.0.0.1:{kitchen.free_port()}"
        return f"ipc://{self.transport}-{time.monotonic_ns()}"

    def part(self, name, *args, at=None, **how):
        return self.start_program([harness.stage(name), "--at", at or self.at, *args], **how)

    def sink(self, *args, **how):
        return self.part("sink", *args, **how)

    def dryer(self, *args, **how):
        return self.part("dryer", *args, **how)

    def washer(self, *args, **how):
        return self.part("washer", *args, **how)

    def observe(self, *args, **how):
        """Starts `dishes ARGS...` of its own, in no way but the plain one."""
        return self.start_program([harness.BINARY, *args], **how)

    def observed(self, *args, **how):
        result = self.observe(*args, **how).wait()
        self.check_sanitizers(result)
        return result

    def ends(self, program, status):
        """Waits for its end, which has to be with that status (or one of several)."""
        result = program.wait()
        self.check_sanitizers(result)
        self.assertIn(result.status, status if isinstance(status, tuple) else (status,), str(result))
        return result

    def all_end(self, status, *programs):
        return [self.ends(program, status) for program in programs]

    def go(self):
        self.write("go", "x")

    def log_rows(self, name="log"):
        """The finished rows of a job log so far, each a list of its columns."""
        if not os.path.exists(self.path(name)):
            return []
        whole = self.read(name).rpartition(b"\n")[0]
        return [row.split(b"\t") for row in whole.split(b"\n")[1:]]

    def wait_for_rows(self, count, name="log"):
        self.wait_for(lambda: len(self.log_rows(name)) >= count, f"{count} rows in the log")
        return self.log_rows(name)

    def wait_for_word(self, program, *words):
        """Until it has said so on stderr."""
        self.wait_for(lambda: all(word in program.err.decode(errors="replace") for word in words), f"the words {words}")

    def status_json(self, at=None):
        import json
        result = self.observed("--status", at or self.at, "--json", "--wait", "20")
        self.assertEqual(result.status, 0, str(result))
        return json.loads(result.out)

    def wait_for_dryers(self, count):
        self.wait_for(lambda: self.status_json().get("dryers") == count, f"{count} dryers")     # not told of a run just over


def pause(seconds):
    """Where a test is about time that passes, and not about something that happens."""
    time.sleep(seconds)
