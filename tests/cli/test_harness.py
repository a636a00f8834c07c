#!/usr/bin/env python3
"""Does the harness itself see what it is there to see? Without dishes: the programs are shells."""

import signal

import harness
from harness import alive, process_state, wait_until


class HarnessSeesWhatIsLeft(harness.Case):
    def run_shell(self, line, **how):
        return self.start_program(["sh", "-c", line], **how).wait()

    def test_output_input_and_status_are_told(self):
        result = self.run_shell("cat; echo talk >&2; exit 3", stdin=b"data\0\n")
        self.assertEqual((result.status, result.out, result.err), (3, b"data\0\n", b"talk\n"))

    def test_a_signal_is_told_as_its_negative(self):
        self.assertEqual(self.run_shell("kill -TERM $$").status, -signal.SIGTERM)

    def test_a_process_left_behind_is_found_and_named(self):
        self.run_shell("sleep 1000 >/dev/null 2>&1 & exit 0")
        harness_limit, harness.LEFTOVER_S = harness.LEFTOVER_S, 0.2
        try:
            with self.assertRaisesRegex(AssertionError, "left running.*sleep 1000"):
                self.check_nothing_left()
        finally:
            harness.LEFTOVER_S = harness_limit
        for pid in harness.children(harness.os.getpid()):
            harness.os.kill(pid, signal.SIGKILL)

    def test_a_process_that_ends_in_time_is_no_leftover(self):
        self.run_shell("sleep 0.2 >/dev/null 2>&1 & exit 0")
        self.check_nothing_left()

    def test_a_temporary_file_left_behind_is_found(self):
        self.run_shell('mkdir "$TMPDIR/d"; : >"$TMPDIR/d/x"')
        with self.assertRaisesRegex(AssertionError, "left in TMPDIR"):
            self.check_nothing_left()
        self.run_shell('rm -r "$TMPDIR/d"')

    def test_a_program_that_does_not_end_is_a_failure_with_what_it_said(self):
        program = self.start_program(["sh", "-c", "echo here >&2; exec sleep 1000"])
        wait_until(lambda: program.err)
        with self.assertRaisesRegex(TimeoutError, "here"):
            program.wait(0.1)
        program.signal(signal.SIGKILL)
        program.wait()

    def test_large_input_and_output_do_not_block(self):
        data = b"x" * 10_000_000
        self.assertEqual(len(self.run_shell("cat", stdin=data).out), len(data))

    def test_a_terminal_gives_ctrl_c_to_the_program_in_front(self):
        terminal = self.terminal()
        program = self.start_program(["sh", "-c", "echo ready; exec sleep 1000"], terminal=terminal)
        self.wait_for(lambda: b"ready" in terminal.screen, "the program's first words")
        terminal.type(b"\x03")
        self.assertEqual(program.wait().status, -signal.SIGINT)

    def test_states_are_seen(self):
        program = self.start_program(["sleep", "1000"])
        program.signal(signal.SIGSTOP)
        self.assertTrue(wait_until(lambda: process_state(program.pid) == "T"))
        self.assertTrue(alive(program.pid))
        program.signal(signal.SIGKILL)
        self.assertEqual(program.wait().status, -signal.SIGKILL)
        self.assertFalse(alive(program.pid))

    def test_limits_are_set_and_signals_ignored_before_the_program_starts(self):
        limit = (harness.resource.RLIMIT_NOFILE, 50, 60)
        result = self.run_shell("ulimit -n; kill -HUP $$; echo on", limits=[limit], ignore=[signal.SIGHUP])
        self.assertEqual(result.out, b"50\non\n")


if __name__ == "__main__":
    harness.main()
