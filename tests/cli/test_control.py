#!/usr/bin/env python3
"""How a run is steered and watched: jobs at a time, time limits, retries, halt, the log, the bar."""

# ctest: waits seconds=300 ways=ipc,tcp,stages-tcp plain

import fcntl
import os
import re
import shutil
import subprocess

import harness
from harness import CORES

F_SETPIPE_SZ = 1031 # of Linux; the module fcntl has it from 3.10 on

#  Leaves a file, then waits until the test opens the gate.
MEET = "echo > here.$1; : < gate; echo $DISHES_SLOT"


class Jobs(harness.Case):
    def meet(self, count, *args, items):
        """Waits until `count` tasks run at the same time; gives the highest slot that was used for all the items."""
        for name in self.files():
            os.remove(self.path(name))
        os.mkfifo(self.path("gate"))
        program = self.start(*args, "sh", "-c", MEET, "sh", ":::", *map(str, range(items)))
        self.wait_for_files("here.", count)
        gate = os.open(self.path("gate"), os.O_WRONLY)
        result = program.wait()
        os.close(gate)
        self.assertEqual(result.status, 0, str(result))
        return max(map(int, result.lines))

    def test_so_many_run_at_a_time_and_no_more(self):
        table = [("-j3", 3), ("-j1", 1), ("-P3", 3), ("--jobs=3", 3), ("-j100%", CORES), ("-j200%", 2 * CORES),
                 ("-j50%", max(1, CORES // 2)), ("-j+1", CORES + 1), ("-j-1", max(1, CORES - 1)), ("-j-1000", 1)]
        for option, count in table:
            with self.subTest(option):
                self.assertEqual(self.meet(count, option, items=count + 5), count)

    def test_the_usual_number_is_that_of_the_cores(self):
        self.assertEqual(self.meet(CORES, items=CORES + 5), CORES)

    def test_0_is_as_many_as_the_limits_allow(self):
        self.meet(40, "-j0", items=40)

    def test_many_at_a_time(self):
        self.assertEqual(self.meet(200, "-j200", items=220), 200)

    def test_a_number_that_is_none_is_refused(self):
        for text in ("x", "", "1x", "-", "+", "%", "1.5.2"):
            with self.subTest(text):
                self.usage_error(f"--jobs={text}", "true", ":::", "a", says=["not a number of jobs" if text else "--jobs"])


class HoldingBack(harness.Case):
    def starts(self):
        return sorted(float(row.split(b"\t")[2]) for row in self.read("log").splitlines()[1:])

    def test_a_rate_spaces_the_starts(self):
        for option, span_s in (("--rate=20/s", 0.45), ("--delay=50ms", 0.45), ("--rate=1000/s", 0.009)):
            with self.subTest(option):
                self.ok("-j10", option, "--joblog", "log", "true", ":::", *map(str, range(10)))
                starts = self.starts()
                self.assertGreaterEqual(starts[-1] - starts[0], span_s - 0.002)     # the log has milliseconds
                os.remove(self.path("log"))

    def test_a_load_and_memory_that_there_is(self):
        result = self.ok("-j2", "--load", "100000", "--memfree", "1M", "-k", "echo", ":::", "1", "2", "3")
        self.assertEqual(result.lines, [b"1", b"2", b"3"])

    def test_memory_that_there_is_not(self):
        result = self.dishes("-j2", "--memfree", "1P", "--deadline", "1s", "echo", ":::", "1", "2", "3", status=124)
        self.assertEqual(result.out, b"")


class TimeLimits(harness.Case):
    def test_a_timeout_ends_the_task_with_all_its_processes(self):
        result = self.dishes("--timeout", "200ms", "sh", "-c", "sleep 1000 & sleep 1000", "sh", ":::", "a", status=1)
        self.assertLess(result.seconds, 20)

    def test_a_timeout_is_told_with_the_number_of_the_task(self):
        result = self.dishes("-k", "--timeout", "300ms", "sh", "-c", 'printf torn >&2; sleep "$1"', "sh", ":::", "0",
                             "1000", status=1)
        self.assertEqual(result.err, b"torntorn\ndishes: task 2: timed out (--timeout)\n")
        last = self.dishes("--timeout", "100ms", "--retries", "3", "sleep", ":::", "1000", status=1)
        self.check_one_line(last, "task 1: timed out (--timeout)")

    def test_a_timeout_is_per_task(self):
        result = self.dishes("-j1", "--timeout", "1", "sh", "-c", "sleep $1; echo $1", "sh", ":::", "0", "1000", "0.1",
                             status=1)
        self.assertEqual(result.out, b"0\n0.1\n")

    def test_a_task_is_first_asked_to_end(self):
        script = 'trap "echo asked; exit 0" TERM; echo > ready; while :; do sleep 0.01; done'
        result = self.dishes("--timeout", "1", "sh", "-c", script, "sh", ":::", "a", status=1)
        self.assertEqual(result.out, b"asked\n")

    def test_a_task_that_does_not_listen_is_killed(self):
        script = 'trap "" TERM; while :; do sleep 0.01; done'
        self.dishes("--timeout", "200ms", "sh", "-c", script, "sh", ":::", "a", status=1)

    def test_term_seq_says_how(self):
        script = 'trap "echo int" INT; trap "echo usr1; exit 0" USR1; while :; do sleep 0.01; done'
        result = self.dishes("--timeout", "500ms", "--term-seq", "INT,300,USR1,5000,KILL,25", "sh", "-c", script, "sh",
                             ":::", "a", status=1)
        self.assertEqual(result.out, b"int\nusr1\n")

    def test_a_term_seq_that_is_none_is_refused(self):
        for text in ("TERM,", "NOSUCH,1", "TERM,x", ""):
            with self.subTest(text):
                self.usage_error("--term-seq", text, "true", ":::", "a", says=["--term-seq"])

    def test_the_deadline_ends_the_whole_run(self):
        result = self.dishes("-j2", "--deadline", "500ms", "sh", "-c", "echo $1; exec sleep $1", "sh", ":::", "0",
                             "1000", "1001", "1002", status=124)
        self.assertLess(result.seconds, 20)
        self.assertIn(b"deadline", result.err)

    def test_the_deadline_holds_while_no_item_comes(self):
        ours, theirs = os.pipe()
        self.dishes("--deadline", "300ms", "true", stdin=ours, status=124)
        os.close(ours)
        os.close(theirs)

    def test_durations_have_units(self):
        for text in ("1000", "1000s", "100000ms", "5m", "2h", "0.5h", "1.5m"):
            with self.subTest(text):
                self.ok("--timeout", text, "true", ":::", "a")
        for text in ("1x", "", "-1", "s", "1 s"):
            with self.subTest(text):
                self.usage_error(f"--timeout={text}", "true", ":::", "a", says=["--timeout"])


class Retries(harness.Case):
    def tries(self, *args, script, status):
        self.dishes(*args, "sh", "-c", f"echo >> tries; {script}", "sh", ":::", "a", status=status)
        tries = len(self.read("tries").splitlines())
        os.remove(self.path("tries"))
        return tries

    def test_without_retries_a_task_is_tried_once(self):
        self.assertEqual(self.tries(script="exit 1", status=1), 1)

    def test_n_tries_in_all(self):
        self.assertEqual(self.tries("--retries", "3", script="exit 1", status=1), 3)
        self.assertEqual(self.tries("--retries", "1", script="exit 1", status=1), 1)

    def test_no_try_after_a_success(self):
        self.assertEqual(self.tries("--retries", "9", script="[ $DISHES_ATTEMPT = 2 ]", status=0), 2)

    def test_0_is_for_ever(self):
        self.assertEqual(self.tries("--retries", "0", script="[ $DISHES_ATTEMPT = 20 ]", status=0), 20)

    def test_a_timeout_is_tried_again(self):
        script = "[ $DISHES_ATTEMPT = 2 ] || exec sleep 1000"
        self.assertEqual(self.tries("--retries", "2", "--timeout", "300ms", script=script, status=0), 2)

    def test_k_keeps_the_order_over_retries(self):
        script = "echo $1; [ $1 != 1 ] || [ $DISHES_ATTEMPT = 3 ]"
        result = self.ok("-k", "-j2", "--retries", "3", "sh", "-c", script, "sh", ":::", "1", "2", "3")
        self.assertEqual(result.out, b"1\n2\n3\n")


class Halt(harness.Case):
    SCRIPT = ('case $1 in fail) until [ -s long ]; do sleep 0.01; done; exit 7;;'
              ' long) echo > long; until [ -s go ]; do sleep 0.01; done; echo > finished;;'
              ' *) echo > "started.$1";; esac')

    def start_halt(self, how):
        return self.start("-j2", "--halt", how, "sh", "-c", self.SCRIPT, "sh", ":::", "long", "fail", "1", "2", "3")

    def test_now_ends_what_runs(self):
        self.assertEqual(self.start_halt("now,fail=1").wait().status, 7)
        self.check_nothing_left()
        self.assertEqual(self.files("finished") + self.files("started"), [])

    def test_soon_lets_what_runs_finish_and_starts_nothing_more(self):
        program = self.start("-j2", "--halt", "soon,fail=1", "--joblog", "log", "sh", "-c", self.SCRIPT, "sh", ":::",
                             "long", "fail", "1", "2", "3")
        self.wait_for(lambda: os.path.exists(self.path("log")) and b"fail" in self.read("log"), "the failure's record")
        self.write("go", "x")
        self.assertEqual(program.wait().status, 7)
        self.assertEqual(self.files("finished"), ["finished"])
        self.assertEqual(self.files("started"), [])

    def test_never_is_the_usual(self):
        self.dishes("--halt", "never", "false", ":::", "1", "2", status=2)

    def test_how_many_ran(self):
        script = "echo >> ran; exit $1"
        for how, items, ran in (("now,fail=2", "1 0 1 0 0", 3), ("soon,success=2", "1 0 1 0 0", 4),
                                ("now,done=3", "1 0 1 0 0", 3), ("now,fail=60%", "0 1 1 1 0", 4)):
            with self.subTest(how):
                self.write("ran", "")
                self.dishes("-j1", "--halt", how, "sh", "-c", script, "sh", ":::", *items.split())
                self.assertEqual(len(self.read("ran").splitlines()), ran)

    def test_halt_that_is_none_is_refused(self):
        for text in ("later,fail=1", "now", "now,fail", "now,fail=x", "now,fail=0", "now,fail=101%", ""):
            with self.subTest(text):
                self.usage_error("--halt", text, "true", ":::", "a", says=["--halt"])


class JobLog(harness.Case):
    HEADER = b"Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand"

    def test_nine_columns(self):
        self.dishes("-j1", "--joblog", "log", "echo {}; exit 3", ":::", "a b", "c", status=2)
        lines = self.read("log").splitlines()
        self.assertEqual(lines[0], self.HEADER)
        row = rb"%d\t:\t\d{10}\.\d{3}\t *\d+\.\d{3}\t0\t%d\t3\t0\techo %s; exit 3"
        self.assertRegex(lines[1], row % (1, 4, b"'a b'"))
        self.assertRegex(lines[2], row % (2, 2, b"c"))

    def test_byte_for_byte_as_gnu_parallel(self):
        if not shutil.which("parallel"):
            self.skipTest("GNU parallel is not here")
        command = ["-j1", "--joblog", "log", "echo {}; exit {#}", ":::", "a b", "it's", "x", ""]
        logs = []
        for program in (harness.DISHES, "parallel"):
            self.start_program([program, *command]).wait()
            logs.append(re.sub(rb"\d{10}\.\d{3}\t {5}\d\.\d{3}", b"TIMES", self.read("log")))
            os.remove(self.path("log"))
        self.assertEqual(logs[0].count(b"TIMES"), 4)
        self.assertEqual(*logs)

    def test_a_row_is_there_as_soon_as_its_task_is_done(self):
        program = self.start("-j2", "--joblog", "log", "sh", "-c", "[ $1 = a ] || until [ -s go ]; do sleep 0.01; done",
                             "sh", ":::", "a", "b")
        self.wait_for(lambda: os.path.exists(self.path("log")) and self.read("log").count(b"\n") == 2, "one row")
        self.write("go", "x")
        self.assertEqual(program.wait().status, 0)
        self.assertEqual(self.read("log").count(b"\n"), 3)

    def test_a_log_that_cannot_be_made_is_an_error_before_anything_starts(self):
        self.usage_error("--joblog", "no/such/place", "touch", ":::", "made", says=["no/such/place"])
        self.assertEqual(self.files(), [])

    def test_a_log_that_cannot_be_written_is_no_success(self):
        alone = {"KITCHEN_PATIENCE": "0.5"}     # the others would wait for another sink
        result = self.dishes("--joblog", "/dev/full", "true", ":::", "a", status=125, env=alone)
        self.assertIn(b"No space left", result.err)


class Watching(harness.Case):
    def test_nothing_is_shown_unasked(self):
        self.assertEqual(self.ok("true", ":::", "a", "b").err, b"")

    def test_each_kind_is_on_stderr_and_leaves_stdout_alone(self):
        for option in ("--bar", "--eta", "--progress"):
            with self.subTest(option):
                result = self.ok("-k", option, "echo", stdin=b"a\nb\nc\n")
                self.assertEqual(result.out, b"a\nb\nc\n")
                self.assertRegex(result.err, rb"3")
                self.assertTrue(result.err.endswith(b"\n"), str(result))

    def test_the_bar_ends_with_everything_done(self):
        result = self.ok("--bar", "true", stdin=b"\n" * 50)
        last = re.split(rb"[\r\n]", result.err.strip())[-1]
        self.assertRegex(last, rb"100\s?%")
        self.assertRegex(last, rb"\b50\b")

    def test_the_bar_is_not_wider_than_the_terminal(self):
        terminal = self.terminal()
        program = self.start("--bar", "true", stdin=b"\n" * 200, stdout=subprocess.DEVNULL, terminal=terminal)
        self.assertEqual(program.wait().status, 0)
        self.wait_for(lambda: b"200" in terminal.screen, "the last state of the bar")
        for state in re.split(rb"[\r\n]", terminal.screen):
            text = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", state).decode(errors="replace")
            self.assertLessEqual(len(text), 80)

    def test_total_is_what_is_still_to_come(self):
        ours, theirs = os.pipe()
        program = self.start("--bar", "--total", "4", "true", stdin=ours)
        os.close(ours)
        os.write(theirs, b"1\n")
        self.wait_for(lambda: re.search(rb"25\s?%", program.err), "a quarter done")
        os.write(theirs, b"2\n3\n4\n")
        os.close(theirs)
        self.assertEqual(program.wait().status, 0)

    def test_quiet_says_nothing_of_its_own(self):
        result = self.dishes("--quiet", "sh", "-c", "echo out; echo err >&2; exit 1", "sh", ":::", "a", status=1)
        self.assertEqual((result.out, result.err), (b"out\n", b"err\n"))

    def test_what_is_said_waits_for_a_slow_reader_also_where_stderr_would_not(self):
        ours, theirs = os.pipe()
        fcntl.fcntl(ours, F_SETPIPE_SZ, 4096)
        os.set_blocking(theirs, False)
        program = self.start("-t", "--dry-run", "echo", "x" * 500, stdin=b"\n" * 1000, stdout=subprocess.DEVNULL,
                             stderr=theirs)
        os.close(theirs)
        said = b"".join(iter(lambda: os.read(ours, 1000), b""))
        os.close(ours)
        self.assertEqual(program.wait().status, 0)
        self.assertEqual((len(set(said.splitlines())), said.count(b"\n")), (1, 1000))

    def test_dry_run_shows_all_and_runs_nothing(self):
        result = self.ok("--dry-run", "-k", "touch", "x{}", ":::", "1", "2")
        self.assertEqual(result.out, b"touch x1\ntouch x2\n")
        self.assertEqual(self.files(), [])

    @harness.ways("dishes")
    def test_dry_run_writes_no_file(self):
        args = ("--joblog", "log", "--results", "tree", "-o", "out", "echo", ":::")
        self.ok("--dry-run", *args, "1", "2")
        self.assertEqual(self.files(), [])
        self.ok(*args, "1")
        log = self.read("log")
        self.assertEqual(self.ok("--dry-run", "--resume", *args, "1", "2").out, b"echo 2\n")
        self.assertEqual((self.read("log"), self.read("out"), self.read("tree/1/1/stdout")), (log, b"1\n", b"1\n"))
        self.assertEqual(os.listdir(self.path("tree/1")), ["1"])
        self.ok("--resume", *args, "1", "2")
        self.assertEqual(self.read("out"), b"1\n2\n")
        self.usage_error("--dry-run", "--journal", "j", "echo", ":::", "1", says=["--dry-run", "--journal"])


if __name__ == "__main__":
    harness.main()
