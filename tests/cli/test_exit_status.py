#!/usr/bin/env python3
"""The exit statuses of `dishes`, by the table of its manual: 0, 1 to 100, 101, 124, 125, 126, 127, the signal."""

# ctest: ways=ipc,stages-ipc,stages-tcp,tcp

import os
import signal

import harness

EXIT = ("sh", "-c", "exit $1", "sh")    # the item is the exit status of its task


def numbers(text):
    return ("\n".join(text.split()) + "\n").encode()


class ExitStatus(harness.Case):
    # name, arguments, standard input, status
    TABLE = [
        ("all succeed", ["true"], numbers("1 2 3"), 0),
        ("no items", ["false"], b"", 0),
        ("one item that fails", EXIT, numbers("1"), 1),
        ("one of several", EXIT, numbers("0 3 0"), 1),
        ("several", EXIT, numbers("1 2 0 255 3"), 4),
        ("255 is a failure like any other: what follows runs", ["-j1", *EXIT], numbers("255 1 1"), 3),
        ("126 of a task is a failure like any other", EXIT, numbers("126"), 1),
        ("99", EXIT, numbers("1 " * 99 + "0 0"), 99),
        ("100", EXIT, numbers("1 " * 100), 100),
        ("101", EXIT, numbers("1 " * 101), 101),
        ("more than 101", EXIT, numbers("1 " * 256), 101),
        ("a child killed by a signal", ["sh", "-c", "kill -$1 $$", "sh"], numbers("KILL TERM SEGV 0"), 3),
        ("a timeout is a failure", ["--timeout", "100ms", "sleep"], numbers("0 1000 1000"), 2),
        ("a failure that a retry mends", ["--retries", "2", "sh", "-c", "[ $DISHES_ATTEMPT = 2 ]"], numbers("1 2"), 0),
        ("a failure that no retry mends", ["--retries", "2", "false"], numbers("1 2"), 2),
        ("the deadline", ["--deadline", "200ms", "sleep"], numbers("1000"), 124),
        ("a deadline that was kept", ["--deadline", "1000", "true"], numbers("1"), 0),
        ("a dry run runs nothing", ["--dry-run", *EXIT], numbers("1 1"), 0),
        ("an unknown option", ["--no-such-option", "true"], numbers("1"), 125),
        ("an option without its argument", ["--jobs"], numbers("1"), 125),
        ("an unreadable list", ["-a", "no-such-file", "true"], b"", 125),
        ("a command that is not there", ["no-such-command"], numbers("1"), 127),
        ("a path that is not there", ["./no-such-command"], numbers("1"), 127),
        ("a command that may not be run", ["./not-executable"], numbers("1"), 126),
        ("a directory as the command", ["/"], numbers("1"), 126),
        ("no command and no items, still 127", ["no-such-command"], b"", 127),
        ("the template in command position", ["{}"], numbers("true false"), 1),
        ("the template in command position, not there", ["{}"], numbers("true ./no-such-command"), 1),
        ("the template in command position, not to be run", ["{}"], numbers("./not-executable / true"), 2),
        ("a shell line that fails", ["exit {}"], numbers("0 1 7"), 2),
        ("items that are shell lines", [], b"true\nexit 4\nfalse; true\n", 1),
        ("items after :::", [*EXIT, ":::", "0", "1"], None, 1),
        # --halt, as in GNU parallel
        ("halt at the first failure: its status", ["-j1", "--halt", "now,fail=1", *EXIT], numbers("0 3 4"), 3),
        ("halt soon at the first failure", ["-j1", "--halt", "soon,fail=1", *EXIT], numbers("0 3 4"), 3),
        ("halt without a failure", ["-j1", "--halt", "now,fail=1", *EXIT], numbers("0 0"), 0),
        ("halt at the second failure: how many", ["-j1", "--halt", "now,fail=2", *EXIT], numbers("0 3 4 5"), 2),
        ("halt at the second failure, only one comes", ["-j1", "--halt", "soon,fail=2", *EXIT], numbers("3 0 0"), 1),
        ("halt at the first success", ["-j1", "--halt", "now,success=1", *EXIT], numbers("3 0 4"), 0),
        ("halt at a success that never comes", ["-j1", "--halt", "soon,success=1", *EXIT], numbers("3 4 5"), 3),
        ("halt when so many are done", ["-j1", "--halt", "now,done=2", *EXIT], numbers("0 3 4 5"), 1),
        ("halt at half of them failed", ["-j1", "--halt", "now,fail=50%", *EXIT], numbers("0 3 4 5"), 50),
    ]

    def test_table(self):
        self.write("not-executable", "#!/bin/sh\n", mode=0o644)
        for name, args, stdin, status in self.TABLE:
            if harness.IN_STAGES and not stdin and ":::" not in args:
                continue    # no dryer is needed, and so none is waited for: see test_stages.py
            alone = {"KITCHEN_PATIENCE": "0.5"} if status >= 125 else {}    # it fails before it meets the others
            with self.subTest(name):
                self.dishes(*args, stdin=stdin, status=status, env=alone)

    @harness.ways("dishes")
    def test_root_too_cannot_run_a_file_without_an_x_bit(self):
        self.write("script", "#!/bin/sh\nexit 0\n", mode=0o644)
        self.dishes("./script", stdin=b"1\n", status=126)
        os.chmod(self.path("script"), 0o755)
        self.dishes("./script", stdin=b"1\n", status=0)

    @harness.ways("dishes")
    def test_126_and_127_are_one_line_and_come_before_any_item_is_read(self):
        self.write("not-executable", "")
        for command, status in (("no-such-command", 127), ("./not-executable", 126)):
            ours, theirs = os.pipe()
            os.write(theirs, b"1\n2\n")
            os.close(theirs)
            result = self.dishes(command, stdin=ours, status=status)
            self.check_one_line(result, command)
            self.assertEqual(os.read(ours, 100), b"1\n2\n", "items were read")
            os.close(ours)

    @harness.ways("dishes")
    def test_a_command_is_not_waited_for_while_stdin_is_open(self):
        ours, theirs = os.pipe()
        self.dishes("no-such-command", stdin=ours, status=127)
        os.close(ours)
        os.close(theirs)

    @harness.ways("dishes")
    def test_what_only_a_shell_knows_is_told_how_it_is_run(self):
        bash = {"BASH_FUNC_greet%%": "() { echo hello $1; }"}
        refused = self.dishes("greet", ":::", "a", env=bash, status=127)
        self.assertIn(b"--shell=/bin/bash", refused.err)
        self.assertEqual(self.dishes("--shell=/bin/bash", "greet", ":::", "a", env=bash).out, b"hello a\n")
        self.assertNotIn(b"--shell", self.dishes("./greet", ":::", "a", env=bash, status=127).err)

    def test_a_task_that_cannot_be_started_says_126_or_127_in_the_log(self):
        self.write("not-executable", "")
        self.dishes("-j1", "--joblog", "log", "{}", stdin=b"true\n./no-such-command\n./not-executable\n", status=2)
        rows = [line.split(b"\t") for line in self.read("log").splitlines()[1:]]
        self.assertEqual([row[6] for row in rows], [b"0", b"127", b"126"])

    def test_a_killed_child_stands_in_the_log_with_its_signal(self):
        self.dishes("--joblog", "log", "sh", "-c", "kill -$1 $$", "sh", stdin=b"KILL\n", status=1)
        row = self.read("log").splitlines()[1].split(b"\t")
        self.assertEqual(row[7], b"9")

    @harness.ways("dishes")
    def test_interrupted_is_the_signal_raised_again(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal.Signals(number).name):
                name = signal.Signals(number).name
                program = self.start("-j1", "sh", "-c", "echo > started.$1; exec sleep 1000", "sh", ":::", name)
                self.wait_for_files(f"started.{name}")
                program.signal(number)
                self.assertEqual(program.wait().status, -number)
                self.check_nothing_left()

    @harness.ways("dishes")
    def test_help_is_on_stdout_with_0(self):
        result = self.ok("--help")
        self.assertIn(b"dishes", result.out)
        self.assertEqual(result.err, b"")

    def test_output_that_cannot_be_written_is_no_success(self):
        with open("/dev/full", "wb") as full:
            for args in (["--help"], ["--version"]):
                self.check_one_line(self.dishes(*args, stdout=full, status=125), "cannot write to stdout: No space")
            result = self.dishes("echo", stdin=b"1\n2\n", stdout=full)
        self.assertEqual(result.status, 125, str(result))
        self.assertIn(b"No space left", result.err)


if __name__ == "__main__":
    harness.main()
