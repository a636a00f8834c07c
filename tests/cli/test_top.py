#!/usr/bin/env python3
"""`dishes --top`: how a pipeline goes on, on a terminal and in a file; it ends with the run, or when it is told to."""

# ctest: waits plain

import os
import signal
import termios

import harness
from stages import GATED, StageCase

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


class TopCase(StageCase):
    def top(self, *args, **how):
        return self.observe("--top", self.at, *args, **how)

    def start_gated(self, *sink):
        """Two tasks that run until the test lets go; the item is the exit status."""
        parts = (self.sink(*sink), self.washer(":::", "0", "1"),
                 self.dryer("-j2", "--name", "the-dryer", "sh", "-c", GATED[2] + "; exit $1", "sh"))
        self.wait_for_files("running.", 2)
        return parts

    def end(self, parts):
        self.go()
        self.all_end(1, *parts[:2])
        self.ends(parts[2], 0)

    def start_on_screen(self, **how):
        """It looks on already."""
        terminal = self.terminal()
        self.usual = termios.tcgetattr(terminal.slave)
        top = self.top(terminal=terminal, **how)
        self.wait_for(lambda: b"the-dryer" in terminal.screen, "the first picture")
        return top, terminal

    def check_left(self, terminal):
        """The screen is the shell's again, and so are its keys."""
        self.assertEqual(termios.tcgetattr(terminal.slave), self.usual)
        self.wait_for(lambda: terminal.screen.count(LEAVE) == terminal.screen.count(ENTER) > 0, "the screen to be left")
        return terminal.screen.rpartition(LEAVE)[2]


class Blocks:
    """Where there is no terminal."""

    def test_a_block_a_second_until_the_end(self):
        parts = self.start_gated()
        top = self.top()
        self.wait_for(lambda: top.out.count(b"  run ") >= 3, "three blocks")
        self.end(parts)
        result = self.ends(top, 1)
        self.check_one_line(result, "all is done: 1 tasks succeeded, 1 failed")
        *blocks, last = result.out.decode().split(f"{self.at}  run ")[1:]
        self.assertGreaterEqual(len(blocks), 3)
        self.assertNotIn("\x1b", result.out.decode())
        for words in ("open, for", "0/2", "0 ok, 0 failed", "1 dryers, 2 slots", "2    64  the-dryer on "):
            self.assertIn(words, blocks[0])
        for words in ("over, joined, exit status 1", "2/2", "1 ok, 1 failed"):
            self.assertIn(words, last)

    def test_before_anybody_is_there_and_after_all(self):
        top = self.top()
        parts = self.sink(), self.washer(":::", "a"), self.dryer("true")
        self.all_end(0, *parts, top)
        self.assertIn("over, joined, exit status 0", top.out.decode())
        self.assertEqual(top.err, b"")
        if self.transport == "ipc":     # over tcp nobody is left to be asked
            self.assertIn("1 ok, 0 failed", self.ends(self.top(), 0).out.decode())


class BlocksIpc(Blocks, TopCase):
    transport = "ipc"


class BlocksTcp(Blocks, TopCase):
    transport = "tcp"


class Losses(TopCase):
    def test_nobody_is_there(self):
        result = self.ends(self.top("--wait", "1"), 125)
        self.check_one_line(result, self.at, "--wait")
        self.assertEqual(result.out, b"")

    def test_its_deadline_is_its_own(self):
        parts = self.start_gated()
        self.check_one_line(self.ends(self.top("--deadline", "1"), 124), "deadline")
        self.end(parts)

    def test_a_lost_sink(self):
        sink, washer, dryer = self.start_gated("--dead-after", "1")
        top = self.top()
        self.wait_for(lambda: top.out, "a block")
        sink.signal(signal.SIGKILL)
        self.ends(sink, -signal.SIGKILL)
        self.check_one_line(self.ends(top, 125), self.at)
        self.all_end(125, washer, dryer)

    def test_a_sink_that_is_started_again(self):
        parts = self.start_gated("--dead-after", "2", "--journal", "journal")
        top = self.top()
        self.wait_for(lambda: top.out, "a block")
        parts[0].signal(signal.SIGKILL)
        self.ends(parts[0], -signal.SIGKILL)
        seen = len(top.out)
        sink = self.sink("--dead-after", "2", "--journal", "journal")
        self.wait_for(lambda: b"the-dryer" in top.out[seen:], "a block of the new one")
        self.end((sink, *parts[1:]))
        self.ends(top, 1)

    def test_nobody_reads_it(self):
        parts = self.start_gated()
        ours, theirs = os.pipe()
        top = self.top(stdout=theirs)
        os.close(theirs)
        os.close(ours)
        self.ends(top, (-signal.SIGPIPE, 125))
        with open("/dev/full", "wb") as full:
            self.check_one_line(self.ends(self.top(stdout=full), 125), "cannot write to stdout: No space left")
        self.end(parts)


class Screen(TopCase):
    def test_it_draws_over_itself_and_ends_with_the_run(self):
        parts = self.start_gated()
        top, terminal = self.start_on_screen()
        self.assertEqual(termios.tcgetattr(terminal.slave)[3] & (termios.ICANON | termios.ECHO), 0)
        self.wait_for(lambda: terminal.screen.count(b"\x1b[H") >= 3, "the third picture")
        self.end(parts)
        self.ends(top, 1)
        last = self.check_left(terminal)
        self.wait_for(lambda: b"1 tasks succeeded, 1 failed" in terminal.screen, "what the end was")
        self.assertIn(b"over, joined, exit status 1", last)
        self.assertEqual(terminal.screen.count(ENTER), 1)

    def test_q_leaves_and_the_pipeline_goes_on(self):
        parts = self.start_gated()
        top, terminal = self.start_on_screen()
        terminal.type(b"xq")
        self.ends(top, 0)
        self.assertIn(b"0 ok, 0 failed", self.check_left(terminal))
        self.assertEqual([part.ended() for part in parts], [False] * 3)
        self.wait_for(lambda: self.status_json()["observers"] == 1, "the observer to be gone")
        self.end(parts)

    def test_q_leaves_before_there_is_a_picture(self):
        terminal = self.terminal()
        top = self.top(terminal=terminal)
        terminal.type(b"q\n")
        self.ends(top, 0)
        self.assertNotIn(ENTER, terminal.screen)

    def test_signals_end_it_with_the_terminal_as_it_was(self):
        parts = self.start_gated()
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, b"\x03"):
            with self.subTest(how):
                top, terminal = self.start_on_screen()
                if isinstance(how, bytes):
                    terminal.type(how)
                else:
                    top.signal(how)
                self.ends(top, -(signal.SIGINT if isinstance(how, bytes) else how))
                self.check_left(terminal)
        self.end(parts)

    def test_another_size_is_seen_at_once(self):
        parts = self.start_gated()
        top, terminal = self.start_on_screen()
        termios.tcsetwinsize(terminal.slave, (3, 20))
        self.wait_for(lambda: self.shown(terminal) and len(self.shown(terminal)) == 3, "a picture of three lines")
        self.assertEqual(max(map(len, self.shown(terminal))), 19)
        terminal.type(b"q")
        self.ends(top, 0)
        self.end(parts)

    @staticmethod
    def shown(terminal):
        """The lines of the last picture that is whole."""
        whole = terminal.screen.rpartition(b"\x1b[J")[0].rpartition(b"\x1b[H")[2]
        return [line.rstrip(b"\r").removesuffix(b"\x1b[K") for line in whole.split(b"\n")]

    def test_it_stops_and_goes_on(self):
        parts = self.start_gated()
        top, terminal = self.start_on_screen()
        top.signal(signal.SIGTSTP)
        self.wait_for(lambda: harness.process_state(top.pid) == "T", "it to stop")
        self.check_left(terminal)
        top.signal(signal.SIGCONT)
        self.wait_for(lambda: terminal.screen.count(ENTER) == 2, "it to go on")
        terminal.type(b"q")
        self.ends(top, 0)
        self.check_left(terminal)
        self.end(parts)

    def test_a_screen_without_keys(self):
        parts = self.start_gated()
        terminal = self.terminal()
        self.usual = termios.tcgetattr(terminal.slave)
        top = self.top(stdout=terminal.slave)
        self.wait_for(lambda: b"the-dryer" in terminal.screen, "the first picture")
        self.end(parts)
        self.ends(top, 1)
        self.check_left(terminal)


if __name__ == "__main__":
    harness.main()
