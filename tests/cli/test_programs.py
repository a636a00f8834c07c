#!/usr/bin/env python3
"""washer, dryer, sink and dishes as programs: who says what of itself, options that reach from one to another, and what
is asked of a pipeline from outside."""

import json
import os
import signal

import harness

PROGRAMS = ("dishes", "washer", "dryer", "sink")
AT = "ipc://kitchen"


@harness.ways("inproc")     # that is, once: each test says where its parts meet
class Programs(harness.Case):
    may_meet = True

    def program(self, name, *args, **how):
        return self.start_program([harness.stage(name), *args], **how)

    def run_program(self, name, *args, status=0, **how):
        result = self.program(name, *args, **how).wait()
        self.check_sanitizers(result)
        self.assertEqual(result.status, status, str(result))
        return result

    def pipeline(self, sink, dryer, washer, stdin=b""):
        """Runs one of each to its end and gives their results."""
        programs = [self.program("sink", "--at", AT, *sink), self.program("dryer", "--at", AT, *dryer),
                    self.program("washer", "--at", AT, *washer, stdin=stdin)]
        return [program.wait() for program in programs]

    def test_each_says_who_it_is(self):
        for name in PROGRAMS:
            with self.subTest(name):
                self.assertTrue(self.run_program(name, "--help").out.startswith(b"Usage: " + name.encode()))
                self.assertTrue(self.run_program(name, "--version").out.startswith(name.encode() + b" "))
                result = self.run_program(name, "--nothing-of-ours", status=125)
                self.assertEqual(result.err.decode(), f"{name}: unknown option --nothing-of-ours; see {name} --help\n")

    def test_a_stage_without_an_address_names_both_ways_to_give_one(self):
        for name in PROGRAMS[1:]:
            self.check_one_line(self.run_program(name, status=125), name + ": ", "--at", "DISHES_AT")

    def test_a_dryer_looks_for_its_command_first(self):
        self.check_one_line(self.run_program("dryer", "--at", AT, "no-such-command", status=127), "no-such-command")
        self.check_one_line(self.run_program("dryer", "--at", AT, "/etc/passwd", status=126), "/etc/passwd")

    def test_items_come_from_operands_or_stdin(self):
        for washer, stdin in ((["a", "b"], b""), ([":::", "a", "b"], b""), ([], b"a\nb\n"), (["-0"], b"a\0b\0")):
            with self.subTest(washer=washer):
                sink, dryer, washed = self.pipeline(["-k"], ["echo"], washer, stdin)
                self.assertEqual((sink.status, dryer.status, washed.status), (0, 0, 0), str(sink))
                self.assertEqual(sink.out, b"a\nb\n")

    def test_failures_are_counted_at_both_ends(self):
        sink, dryer, washer = self.pipeline([], ["sh", "-c", "exit {}"], ["0", "1", "2"])
        self.assertEqual((sink.status, dryer.status, washer.status), (2, 0, 2))

    def test_the_tag_of_a_sink_is_the_item_whatever_the_dryer_calls_it(self):
        sink, _, _ = self.pipeline(["-k", "--tag"], ["-I", "@", "echo", "x@"], ["a", "b"])
        self.assertEqual(sink.out, b"a\txa\nb\txb\n")

    def test_many_items_a_command(self):
        sink, _, _ = self.pipeline([], ["-X", "echo", "x{}y"], ["-X", "a", "b"])
        self.assertEqual(sink.out, b"xay xby\n")

    def test_the_deadline_of_a_washer(self):
        sink = self.program("sink", "--at", AT, "--washer-grace", "100ms")
        washer = self.run_program("washer", "--at", AT, "--deadline", "500ms", "for-nobody", status=124)
        self.check_one_line(washer, "deadline")
        self.assertEqual(sink.wait().status, 125)

    def test_who_stays_goes_on_with_the_next_pipeline(self):
        dryer = self.program("dryer", "--at", AT, "--stay", "echo")
        sink = self.program("sink", "--at", AT, "--stay")
        for item in ("one", "two", "three"):
            self.run_program("washer", "--at", AT, item)
        self.wait_for(lambda: sink.out == b"one\ntwo\nthree\n", "the results of three pipelines")
        for program in (dryer, sink):
            program.signal(signal.SIGTERM)
            self.assertEqual(program.wait().status, -signal.SIGTERM)

    def test_local_dryers_and_none(self):
        self.assertEqual(self.run_program("dishes", "--at", AT, "--dryers", "2", "-j1", "-k", "echo", ":::", "a", "b").out,
                         b"a\nb\n")
        head = self.program("dishes", "--at", AT, "--no-local", "-k", ":::", "a", "b")
        self.run_program("dryer", "--at", AT, "echo")
        self.assertEqual((head.wait().status, head.out), (0, b"a\nb\n"))

    def test_keys_are_made_and_used(self):
        made = self.run_program("dishes", "--keygen", "keys")
        self.assertEqual(made.out, b"keys/head.key\nkeys/worker.key\n")
        for name in ("head", "worker"):
            self.assertEqual(os.stat(os.path.join(self.dir, f"keys/{name}.key")).st_mode & 0o777, 0o600)
        self.check_one_line(self.run_program("dishes", "--keygen", "keys", status=125), "keys")
        sink, dryer, washer = self.pipeline(["--key", "keys/head.key"], ["--key", "keys/worker.key", "echo"],
                                            ["--key", "keys/head.key", "a"])
        self.assertEqual((sink.status, sink.out, dryer.status, washer.status), (0, b"a\n", 0, 0))

    def test_join_tells_how_it_ended(self):
        for codes, status in (("0 0", 0), ("0 3", 1)):
            with self.subTest(codes):
                at = f"{AT}-{status}"       # a place of its own: who joins before the sink is there is told of the run before
                sink = self.program("sink", "--at", at)
                join = self.program("dishes", "--join", at)
                dryer = self.program("dryer", "--at", at, "sh", "-c", "exit {}")
                self.program("washer", "--at", at, *codes.split()).wait()
                self.assertEqual(join.wait().status, status)
                sink.wait()
                dryer.wait()
                self.run_program("dishes", "--join", at, status=status)     # too late: from what the sink has left

    def test_join_ends(self):
        self.check_one_line(self.run_program("dishes", "--join", AT, "--wait", "200ms", status=125), AT)
        sink = self.program("sink", "--at", AT)
        self.check_one_line(self.run_program("dishes", "--join", AT, "--deadline", "300ms", status=124), "deadline")
        sink.signal(signal.SIGTERM)
        sink.wait()

    def test_status_is_told_while_it_runs_and_after(self):
        head = self.program("dishes", "--at", AT, "-j1", "cat", "{}", ":::", "/dev/null", "fifo")
        os.mkfifo(os.path.join(self.dir, "fifo"))

        def status():
            return json.loads(self.run_program("dishes", "--status", AT, "--json", "--wait", "10").out)
        self.wait_for(lambda: status().get("ok") == 1, "the first task")
        running = status()
        self.assertEqual((running["state"], running["total"], running["dryers"], running["slots"]), ("open", 2, 1, 1))
        self.assertIn(b"\nok 1\n", self.run_program("dishes", "--status", AT).out)
        with open(os.path.join(self.dir, "fifo"), "wb"):
            pass
        head.wait()
        over = status()
        self.assertEqual((over["run"], over["state"], over["end"], over["exit_status"], over["ok"]),
                         (running["run"], "over", "joined", 0, 2))
        self.run_program("dishes", "--join", AT, "--run", over["run"])
        self.run_program("dishes", "--join", AT, "--run", "5", "--wait", "200ms", status=125)


if __name__ == "__main__":
    harness.main()
