#!/usr/bin/env python3
"""Interrupted, stopped, hung up, killed, or left without a reader: what runs ends with dishes, and nothing stays."""

# ctest: seconds=300 ways=ipc,tcp plain-ways

import os
import signal
import sys
import unittest

import harness
from harness import alive, process_state

#  Says that it runs, by its process id in a file, and stays. Its child does too.
STAY = "echo $$ > running.$1; sleep 1000 & echo $! > below.$1; wait"
DEAF = 'trap "" TERM INT HUP; echo $$ > running.$1; while :; do sleep 0.01; done'


class SignalCase(harness.Case):
    def pids(self, prefix):
        """Of those that had the time to tell."""
        return [int(pid) for name in self.files(prefix) for pid in self.read(name).split()]

    def start_two(self, script=STAY, **how):
        program = self.start("-j2", "sh", "-c", script, "sh", ":::", "1", "2", "3", "4", "5", **how)
        self.wait_for_files("running.", 2)
        return program

    def check_ended_by(self, program, number):
        self.assertEqual(program.wait().status, -number, str(program.result))
        self.check_nothing_left()
        self.assertEqual([pid for pid in self.pids("running.") + self.pids("below.") if alive(pid)], [])
        self.assertLessEqual(len(self.files("running.")), 2, "more was started afterwards")


class Interrupt(SignalCase):
    def test_int_term_and_hup_end_the_run_and_everything_below(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal.Signals(number).name):
                program = self.start_two()
                program.signal(number)
                self.check_ended_by(program, number)
                for name in self.files():
                    os.remove(self.path(name))

    def test_what_does_not_listen_to_term_is_killed(self):
        program = self.start_two(DEAF)
        program.signal(signal.SIGINT)
        self.check_ended_by(program, signal.SIGINT)

    def test_tasks_are_asked_with_term_first(self):
        script = 'trap "echo asked > asked.$1; exit 0" TERM; echo > running.$1; while :; do sleep 0.01; done'
        program = self.start("-j2", "sh", "-c", script, "sh", ":::", "1", "2", "3")
        self.wait_for_files("running.", 2)
        program.signal(signal.SIGINT)
        program.wait()
        self.assertEqual(self.files("asked."), ["asked.1", "asked.2"])

    def test_it_says_how_much_was_done_and_how_much_was_not(self):
        program = self.start("-j1", "--joblog", "log", "sh", "-c",
                             "[ $1 -le 2 ] || { echo > running.$1; exec sleep 1000; }", "sh", ":::", *map(str, range(1, 8)))
        self.wait_for_files("running.3")
        self.wait_for(lambda: self.read("log").count(b"\n") == 3, "two tasks in the log")     # that is, counted
        program.signal(signal.SIGINT)
        result = program.wait()
        self.assertEqual(result.status, -signal.SIGINT)
        self.assertRegex(result.err, rb"\b2 tasks done, 0 of them failed, 5 not done", str(result))
        self.assertEqual(self.read("log").count(b"\n"), 3)      # what was ended has not failed

    def test_ctrl_c_on_the_terminal(self):
        terminal = self.terminal()
        program = self.start_two(terminal=terminal)
        terminal.type(b"\x03")
        self.check_ended_by(program, signal.SIGINT)

    def test_ctrl_c_stops_a_shell_loop_too(self):
        terminal = self.terminal()
        loop = 'for i in 1 2 3; do "$0" sh -c "echo > running; exec sleep 1000" sh ::: $i; echo next $i; done; echo end'
        program = self.start_program(["bash", "-c", loop, harness.DISHES], terminal=terminal)
        self.wait_for_files("running")
        terminal.type(b"\x03")
        self.assertEqual(program.wait().status, -signal.SIGINT)
        self.check_nothing_left()
        self.assertNotIn(b"next", terminal.screen)

    def test_while_no_item_comes(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal.Signals(number).name):
                ours, theirs = os.pipe()
                program = self.start("sh", "-c", "echo > running.$1", "sh", stdin=ours)
                os.write(theirs, b"1\n")
                self.wait_for_files("running.1")
                program.signal(number)
                self.assertEqual(program.wait().status, -number)
                os.close(ours)
                os.close(theirs)
                os.remove(self.path("running.1"))

    def test_while_the_reader_of_the_output_waits(self):
        ours, theirs = os.pipe()
        program = self.start("-j2", "sh", "-c", "echo > running.$1; yes | head -c 5000000", "sh", ":::",
                             *map(str, range(40)), stdout=theirs)
        os.close(theirs)
        self.wait_for_files("running.", 2)
        program.signal(signal.SIGTERM)
        self.assertEqual(program.wait().status, -signal.SIGTERM)
        os.close(ours)

    def test_before_anything_has_started(self):
        for _ in range(20):
            program = self.start("sleep", ":::", "1000")
            program.signal(signal.SIGTERM)
            self.assertEqual(program.wait().status, -signal.SIGTERM)
            self.check_nothing_left()

    @unittest.skipIf(harness.IN_STAGES, "they wait in the same code")
    def test_while_nobody_reads_the_fifo_that_the_output_goes_to(self):
        for option in ("-o", "--joblog"):
            for number in (signal.SIGINT, signal.SIGTERM):
                with self.subTest(option, number=number):
                    os.mkfifo(self.path("fifo"))
                    program = self.start(option, "fifo", "touch", ":::", "begun")
                    self.wait_for(lambda: program.blocks(number), "that it takes signals by itself")
                    program.signal(number)
                    self.assertEqual(program.wait().status, -number)
                    self.assertEqual(self.files(), ["fifo"])
                    os.remove(self.path("fifo"))

    def test_output_that_was_due_is_still_printed(self):
        program = self.start("-j1", "--joblog", "log", "sh", "-c",
                             "echo $1; [ $1 = 1 ] || { echo > running; exec sleep 1000; }", "sh", ":::", "1", "2")
        self.wait_for_files("running")
        self.wait_for(lambda: self.read("log").count(b"\n") == 2, "a task in the log")     # that is, counted
        program.signal(signal.SIGINT)
        self.assertTrue(program.wait().out.startswith(b"1\n"))


class Ignored(SignalCase):
    GO = "echo $$ > running.$1; until [ -s go ]; do sleep 0.01; done"

    def check_goes_on(self, number):
        program = self.start("-j2", "sh", "-c", self.GO, "sh", ":::", "1", "2", "3", ignore=[number])
        self.wait_for_files("running.", 2)
        program.signal(number)
        self.write("go", "x")
        self.assertEqual(program.wait().status, 0)
        self.assertEqual(len(self.files("running.")), 3)

    def test_hup_under_nohup_changes_nothing(self):
        self.check_goes_on(signal.SIGHUP)

    def test_an_int_that_was_ignored_at_the_start_stays_ignored(self):
        self.check_goes_on(signal.SIGINT)

    def test_commands_find_it_ignored_as_well(self):
        for number in (signal.SIGHUP, signal.SIGINT):
            result = self.ok("grep", "-h", "SigIgn:", ":::", "/proc/self/status", ignore=[number])
            self.assertEqual(int(result.out.split()[1], 16), 1 << (number - 1))

    def test_a_background_job_of_a_script_survives_ctrl_c(self):
        terminal = self.terminal()
        script = '"$0" sh -c "$1" sh ::: 1 & pid=$!; trap : INT; wait; wait $pid; echo "ended $?"'
        program = self.start_program(["sh", "-c", script, harness.DISHES, self.GO], terminal=terminal)
        self.wait_for_files("running.1")
        terminal.type(b"\x03")
        self.write("go", "x")
        program.wait()
        self.wait_for(lambda: b"ended 0" in terminal.screen, "the end of the background job")


class StopAndContinue(SignalCase):
    #  A shell with job control: Ctrl-Z stops the job in front, `fg` lets it go on.
    SHELL = '"$0" -j2 sh -c "$1" sh ::: 1 2; echo "stopped $?"; until [ -s resume ]; do sleep 0.01; done; fg; echo "ended $?"'
    GO = "echo $$ > running.$1; until [ -s go ]; do sleep 0.01; done; echo done $1"

    def test_ctrl_z_stops_the_commands_and_cont_wakes_them(self):
        terminal = self.terminal()
        program = self.start_program(["bash", "-mc", self.SHELL, harness.DISHES, self.GO], terminal=terminal)
        self.wait_for_files("running.", 2)
        terminal.type(b"\x1a")
        self.wait_for(lambda: b"stopped 148" in terminal.screen, "dishes to stop")
        # A shell whose child was stopped between vfork and exec waits for it uninterruptibly.
        self.wait_for(lambda: [process_state(pid) in "TD" for pid in self.pids("running.")] == [True, True],
                      "the commands to stop")
        self.write("go", "x")
        self.write("resume", "x")
        program.wait()
        self.wait_for(lambda: b"ended 0" in terminal.screen, "dishes to go on and end")
        self.assertEqual(terminal.screen.count(b"done"), 2)

    def test_stopping_twice(self):
        terminal = self.terminal()
        shell = ('"$0" -j2 sh -c "$1" sh ::: 1 2; echo "stopped one $?"; fg; echo "stopped two $?";'
                 ' echo x > go; fg; echo "ended $?"')
        program = self.start_program(["bash", "-mc", shell, harness.DISHES, self.GO], terminal=terminal)
        self.wait_for_files("running.", 2)
        terminal.type(b"\x1a")
        self.wait_for(lambda: b"stopped one 148" in terminal.screen, "the first stop")
        self.wait_for(lambda: all(process_state(pid) == "S" or process_state(pid) == "R"
                                  for pid in self.pids("running.")), "the commands to go on")
        terminal.type(b"\x1a")
        self.wait_for(lambda: b"stopped two 148" in terminal.screen, "the second stop")
        program.wait()
        self.wait_for(lambda: b"ended 0" in terminal.screen, "the end")

    #  A group that somebody of the same session has started, as shells do, can be stopped.
    STOPPER = """
import os, signal, subprocess, sys, time
names = "running.1", "running.2"
job = subprocess.Popen(sys.argv[2:], preexec_fn=lambda: os.setpgid(0, 0))
while not all(os.path.exists(name) and os.path.getsize(name) for name in names):
    pass
os.killpg(job.pid, signal.SIGTSTP)
end = time.perf_counter() + int(sys.argv[1]) * 1e-5
while time.perf_counter() < end:
    pass
os.killpg(job.pid, signal.SIGCONT)
with open("go", "w") as file:
    file.write("x")
sys.exit(job.wait())
"""

    def test_stopped_and_continued_at_once(self):
        for pause in range(0, 100, 6):      # tens of microseconds: to come in between its reading of one and obeying it
            program = self.start_program([sys.executable, "-c", self.STOPPER, pause, harness.DISHES, "-j2", "sh", "-c",
                                          self.GO, "sh", ":::", "1", "2"])
            self.assertEqual(program.wait().status, 0, str(program.result))
            for name in self.files("running.") + ["go"]:
                os.remove(self.path(name))

    def test_a_stopped_run_can_be_ended(self):
        program = self.start_two()
        program.signal(signal.SIGSTOP)
        self.wait_for(lambda: process_state(program.pid) == "T", "dishes to stop")
        program.signal(signal.SIGTERM)
        program.signal(signal.SIGCONT)
        self.check_ended_by(program, signal.SIGTERM)

    def test_the_time_while_stopped_is_not_counted_as_a_tasks_own(self):
        terminal = self.terminal()
        shell = ('"$0" --timeout 1 sh -c "$1" sh ::: 1; echo "stopped $?"; sleep 1.5; echo x > go; fg; echo "ended $?"')
        program = self.start_program(["bash", "-mc", shell, harness.DISHES, self.GO], terminal=terminal)
        self.wait_for_files("running.", 1)
        terminal.type(b"\x1a")
        program.wait()
        self.wait_for(lambda: b"ended 0" in terminal.screen, "the end, without a timeout")


class TheReaderGoesAway(SignalCase):
    def test_head_has_enough(self):
        line = 'seq 100000 | "$0" -j2 sh -c "echo \\$1; echo >> ran" sh | head -n 1; echo "${PIPESTATUS[@]}"'
        result = self.start_program(["bash", "-c", line, harness.DISHES]).wait()
        self.check_nothing_left()
        self.assertNotEqual(result.lines[1].split()[1], b"0", "what was not printed is no success")
        self.assertLess(len(self.read("ran").splitlines()), 50_000)

    def test_the_commands_that_run_are_ended(self):
        ours, theirs = os.pipe()
        script = "[ $1 = stay ] && { echo $$ > running.stay; exec sleep 1000; }; yes | head -c 100000"
        program = self.start("-j2", "sh", "-c", script, "sh", ":::", "stay", *map(str, range(10_000)), stdout=theirs)
        os.close(theirs)
        self.wait_for_files("running.stay")
        os.read(ours, 10)
        os.close(ours)
        self.assertNotEqual(program.wait().status, 0)
        self.check_nothing_left()

    def test_stderr_that_goes_away_ends_it_too(self):
        ours, theirs = os.pipe()
        program = self.start("-j2", "sh", "-c", "echo x >&2", "sh", stdin=b"\n" * 100_000, stderr=theirs)
        os.close(theirs)
        os.read(ours, 1)
        os.close(ours)
        self.assertNotEqual(program.wait().status, 0)


class KillMinusNine(SignalCase):
    def test_nothing_outlives_dishes(self):
        for script in (STAY, DEAF):
            program = self.start_two(script)
            program.signal(signal.SIGKILL)
            self.check_ended_by(program, signal.SIGKILL)
            for name in self.files():
                os.remove(self.path(name))

    def test_no_temporary_file_stays(self):
        script = "head -c 5000000 /dev/zero; echo > running.$1; exec sleep 1000"
        program = self.start("-j2", "sh", "-c", script, "sh", ":::", "1", "2", "3")
        self.wait_for_files("running.", 2)
        program.signal(signal.SIGKILL)
        self.assertEqual(program.wait().status, -signal.SIGKILL)
        self.check_nothing_left()

    def test_at_any_moment(self):
        for step in range(30):
            program = self.start("-j4", "sh", "-c", "sleep 1000 & wait", "sh", stdin=b"\n" * 100)
            self.wait_for(lambda: len(harness.descendants(program.pid)) >= step % 8 or program.ended(), "children")
            program.signal(signal.SIGKILL)
            program.wait()
            self.check_nothing_left()


if __name__ == "__main__":
    harness.main()
