#!/usr/bin/env python3
"""sink --into URL: what one pipeline has counted becomes the items of the next, and the last join is that of the whole."""

# ctest: waits plain-ways

import os
import signal

import harness
from stages import StageCase


def numbered(count, first=1):
    return "".join(f"{n}\n" for n in range(first, first + count)).encode()


class ChainCase(StageCase):
    """Pipelines are called by their place: 1, 2 …"""

    def setUp(self):
        super().setUp()
        self.places = {}

    def place(self, number):
        return self.places.setdefault(number, self.address())

    def sink_of(self, number, *args, **how):
        return self.sink(*args, at=self.place(number), **how)

    def middle(self, number, *args, **how):
        return self.sink_of(number, "--into", self.place(number + 1), *args, **how)

    def dryer_of(self, number, *command, **how):
        return self.dryer(*command, at=self.place(number), **how)

    def washer_of(self, number, *args, **how):
        return self.washer(*args, at=self.place(number), **how)

    def two(self, first, items, *into, status=0):
        """A pipeline of these items by this shell line, into one that shows each item it gets in brackets."""
        parts = [self.middle(1, *into), self.dryer_of(1, "-j1", "sh", "-c", first, "sh"),
                 self.dryer_of(2, "-j1", "printf", "[%s]"), self.washer_of(1, stdin=items)]
        last = self.sink_of(2, "-k")
        self.ends(last, status)
        self.ends(parts[0], status)
        self.all_end(0, *parts[1:3])
        self.ends(parts[3], status)
        return last.out.decode(), parts[0].err.decode()


class Stages:
    def test_three_in_a_row_each_with_its_own_dryers(self):
        parts = [self.middle(1), self.middle(2), self.sink_of(3)]
        for number, dryers in ((1, 2), (2, 3), (3, 1)):
            parts += [self.dryer_of(number, "-j2", "printf", f"{number}%s") for _ in range(dryers)]
        parts.append(self.washer_of(1, stdin=numbered(300)))
        self.all_end(0, *parts)
        self.assertEqual(parts[0].out + parts[1].out, b"")
        last = parts[2].out.decode()
        self.assertEqual(sorted(last.split("321")[1:]), sorted(str(n) for n in range(1, 301)))

    def test_whoever_starts_first(self):
        parts = [self.washer_of(1, stdin=numbered(20)), self.dryer_of(2, "echo"), self.dryer_of(1, "echo")]
        parts += [self.middle(1), self.sink_of(2, "-k")]
        self.all_end(0, *parts)
        self.assertEqual(sorted(map(int, parts[-1].out.split())), list(range(1, 21)))


class Items(ChainCase):
    def test_each_line_of_a_task_is_one_and_the_last_needs_no_end(self):
        shown, _ = self.two('printf "$1\\n$1-"', b"a\nb\n", "-k")
        self.assertEqual(shown, "[a][a-][b][b-]")

    def test_a_task_without_output_gives_none(self):
        self.assertEqual(self.two('[ "$1" = b ] || echo "$1"', b"a\nb\nc\n", "-k")[0], "[a][c]")
        self.places = {}
        self.assertEqual(self.two(":", b"a\nb\n"), ("", ""))

    def test_the_output_of_a_failed_task_goes_on_and_the_failure_is_in_the_status(self):
        self.assertEqual(self.two('echo "$1"; [ "$1" != b ]', b"a\nb\n", "-k", status=1)[0], "[a][b]")

    def test_stderr_is_for_people(self):
        shown, said = self.two('echo "$1"; echo "about $1" >&2', b"a\n")
        self.assertEqual((shown, said), ("[a]", "about a\n"))

    def test_tags_are_part_of_the_line(self):
        self.assertEqual(self.two('echo "x$1"', b"a\n", "--tag")[0], "[a\tx a]".replace(" ", ""))

    def test_how_they_lie(self):
        for options, line, wanted in ((["-0"], "printf 'a\\nb\\0c'", "[a\nb][c]"), (["-d", ";"], "printf 'a;b;c'", "[a][b][c]"),
                                      (["-n", "2"], "printf '1\\n2\\n3'", "[1][2][3]"), (["-r"], "printf '\\n1\\n\\n'", "[1]")):
            with self.subTest(options):
                self.places = {}
                self.assertEqual(self.two(line, b"x\n", *options)[0], wanted)

    def test_a_large_result(self):
        last = self.sink_of(2)
        self.all_end(0, self.middle(1, "-n", "20000"), self.dryer_of(1, "seq"), self.washer_of(1, stdin=b"200000\n"),
                     self.dryer_of(2, "-j1", "sh", "-c", "echo $#", "sh"), last)
        self.assertEqual(last.out.split(), [b"20000"] * 10)


class Flow(ChainCase):
    def test_a_next_pipeline_without_dryers_stops_this_one_and_nobody_is_lost(self):
        """What may wait between the two is bounded, and the dryers of the first have their credit back in the end."""
        count, size = 400, 65000
        middle = self.middle(1, "--joblog", "log", "--dead-after", "500ms", "--queue", "4M")
        parts = [self.dryer_of(1, "-j2", "sh", "-c", f'printf "%0{size}d\\n" "$1"', "sh"),
                 self.washer_of(1, stdin=numbered(count)), self.sink_of(2, "--dead-after", "500ms", "-o", "out"), middle]
        seen = []

        def stands():
            seen.append(len(self.log_rows()))
            return len(seen) > 20 and seen[-1] > 0 and len(set(seen[-20:])) == 1
        self.wait_for(lambda: self.pause() or stands(), "the first to stand still")
        self.assertLess(seen[-1], count)
        self.assertEqual(self.status_json(self.place(1))["dryers_lost"], 0)
        parts.append(self.dryer_of(2, "-j2", "sh", "-c", 'echo "${1##*000}"', "sh"))
        self.all_end(0, *parts)
        self.assertEqual(sorted(map(int, self.read("out").split())), list(range(1, count + 1)))

    @staticmethod
    def pause():
        from stages import pause
        pause(0.05)


class Ends(ChainCase):
    def check_broken_off(self, number):
        parts = [self.middle(1), self.dryer_of(1, "-j1", "sh", "-c", GATED, "sh"), self.dryer_of(2, "-j1", "echo"),
                 self.washer_of(1, stdin=b"a\nwait\n")]
        last = self.sink_of(2, "--joblog", "log", "--washer-grace", "300ms")
        self.wait_for_rows(1)
        parts[0].signal(number)
        self.ends(parts[0], -number)
        self.ends(last, 125)
        self.assertIn(b"the washer was lost", last.err)
        for part in parts[1:]:
            part.wait()

    def test_an_interrupted_run_is_none_that_is_done(self):
        self.check_broken_off(signal.SIGINT)

    def test_a_killed_run_is_none_that_is_done(self):
        self.check_broken_off(signal.SIGKILL)

    def check_interrupted_behind(self, items, size, done):
        """All is counted here, and the next pipeline is still at it."""
        first = self.middle(1, "--queue", "1", "--joblog", "log")
        parts = [self.dryer_of(1, "-j1", "sh", "-c", f'printf "%0{size}d\\n" "$1"', "sh"),
                 self.washer_of(1, stdin=numbered(items))]
        last = self.sink_of(2, "--washer-grace", "300ms", "--wait", "5s")    # it may not have met the middle yet
        self.wait_for_rows(items)
        if done:
            self.all_end(0, *parts)
        first.signal(signal.SIGINT)
        self.ends(first, -signal.SIGINT)
        self.ends(last, 125)
        for part in parts:
            part.wait()

    def test_interrupted_when_all_is_given_on(self):
        self.check_interrupted_behind(3, 1, True)

    def test_interrupted_when_results_wait(self):
        self.check_interrupted_behind(40, 65000, False)

    def test_a_lost_run_is_none_that_is_done(self):
        first = self.middle(1, "--washer-grace", "300ms")
        parts = [self.dryer_of(1, "-j1", "sh", "-c", GATED, "sh"), self.dryer_of(2, "-j1", "echo")]
        more, end = os.pipe()
        os.write(end, b"a\n")
        washer = self.washer_of(1, stdin=more)
        last = self.sink_of(2, "--joblog", "log", "--washer-grace", "300ms")
        self.wait_for_rows(1)
        washer.signal(signal.SIGKILL)
        self.ends(first, 125)
        self.ends(last, 125)
        for part in [*parts, washer]:
            part.wait()
        os.close(more)
        os.close(end)

    def test_the_next_one_is_lost(self):
        first = self.middle(1, "--dead-after", "500ms")
        parts = [self.dryer_of(1, "-j1", "sh", "-c", GATED, "sh"), self.dryer_of(2, "-j1", "echo"),
                 self.washer_of(1, stdin=b"a\nwait\n")]
        last = self.sink_of(2, "--joblog", "log", "--dead-after", "500ms")
        self.wait_for_rows(1)
        last.signal(signal.SIGKILL)
        self.ends(last, -signal.SIGKILL)
        self.ends(first, 125)
        self.assertIn(b"lost", first.err)
        self.all_end(125, *parts)

    def test_the_next_one_is_lost_while_results_wait_for_it(self):
        first = self.middle(1, "--joblog", "log", "--queue", "1", "--dead-after", "500ms")
        parts = [self.dryer_of(1, "-j2", "sh", "-c", 'printf "%065000d\n" "$1"', "sh"),
                 self.washer_of(1, stdin=numbered(40))]
        last = self.sink_of(2, "--dead-after", "500ms")
        self.wait_for_rows(40)
        last.signal(signal.SIGKILL)
        self.ends(last, -signal.SIGKILL)
        self.ends(first, 125)
        for part in parts:
            part.wait()

    def test_a_result_that_is_no_item_is_lost_and_not_left_out(self):
        for journal in [], ["--journal", "j"]:
            with self.subTest(journal):
                self.places = {}
                first = self.middle(1, "--max-item", "5", *journal)
                parts = [self.dryer_of(1, "-j1", "echo"), self.dryer_of(2, "-j1", "echo"),
                         self.washer_of(1, stdin=b"a\ntoo long\nb\n")]
                last = self.sink_of(2, "--wait", "2", "--washer-grace", "300ms")
                self.ends(first, 125)
                self.assertIn(b"item 2 of ", first.err)
                self.ends(last, 125)
                for part in parts:
                    part.wait()

    def test_the_next_one_ends_first(self):
        first = self.middle(1)
        parts = [self.dryer_of(1, "-j1", "sh", "-c", GATED, "sh"), self.dryer_of(2, "-j1", "sh", "-c", "exit 3"),
                 self.washer_of(1, stdin=b"a\nwait\n")]
        self.ends(self.sink_of(2, "--halt", "now,fail=1"), 3)
        self.ends(first, 3)
        for part in parts:
            part.wait()

    def test_there_is_no_next_one(self):
        first = self.middle(1, "--wait", "300ms")
        parts = [self.dryer_of(1, "echo"), self.washer_of(1, stdin=b"a\n")]
        self.ends(first, 125)
        self.assertIn(b"no sink", first.err)
        for part in parts:
            part.wait()

    def test_failures_add_up_to_the_status_of_the_last_and_of_its_join(self):
        stages = ("echo; echo; false", 2), ("echo; false", 4 + 2), ("false", 4 + 4 + 2)     # 2, 4 and 4 tasks
        join = self.observe("--join", self.place(3))
        middles = [self.middle(1), self.middle(2)]
        last = self.sink_of(3)
        dryers = [self.dryer_of(number, "--shell", line) for number, (line, _) in enumerate(stages, 1)]
        self.ends(self.washer_of(1, stdin=b"a\nb\n"), 2)
        self.ends(last, 10)
        self.ends(join, 1)
        self.ends(middles[0], 6)
        self.ends(middles[1], 10)
        self.all_end(0, *dryers)

    def check_early_end(self, option, value, status, says):
        """What was counted until then is done by the next pipeline, which ends in the same way."""
        join = self.observe("--join", self.place(2))
        first = self.middle(1, option, value)
        line = 'case $1 in wait) until [ -s go ]; do sleep 0.02; done;; bad) exit 5;; *) echo "$1";; esac'
        parts = [self.dryer_of(1, "-j1", "sh", "-c", line, "sh"), self.dryer_of(2, "-j1", "printf", "[%s]"),
                 self.washer_of(1, stdin=b"a\nb\nbad\nwait\nc\n")]
        last = self.sink_of(2)
        self.ends(last, status)
        self.assertEqual(last.out, b"[a][b]")
        self.assertIn(says, last.err)
        self.assertNotEqual(self.ends(join, (1, 124, 125)).status, 0)
        self.ends(first, status)
        for part in parts:
            part.wait()

    def test_halted_here_is_halted_there(self):
        self.check_early_end("--halt", "now,fail=1", 5, b"halted")

    def test_the_deadline_of_one_is_that_of_the_rest(self):
        self.check_early_end("--deadline", "1", 124, b"deadline")


class Journal:
    """With one the process in the middle may be killed: what it has counted is there again, in the same order."""

    def start_middle(self, *args):
        self.the_middle = self.middle(1, "--journal", "j", "--dead-after", "1s", *args)

    def kill_middle(self):
        self.the_middle.signal(signal.SIGKILL)
        self.the_middle.wait()

    def check_killed(self, *args):
        self.start_middle(*args)
        parts = [self.dryer_of(1, "-j2", "sh", "-c", 'sleep 0.01; printf "%s" $1', "sh"),
                 self.dryer_of(2, "-j2", "sh", "-c", 'echo "$1" >>ran; echo "$1"', "sh"),
                 self.washer_of(1, stdin=numbered(100)), self.sink_of(2, "-o", "out")]
        for done in (20, 60):
            self.wait_for(lambda: os.path.exists(self.path("out")) and self.read("out").count(b"\n") > done, "some to be done")
            self.kill_middle()
            self.start_middle(*args)
        self.all_end(0, self.the_middle, *parts)
        self.assertEqual(sorted(map(int, self.read("out").split())), list(range(1, 101)))
        self.assertEqual(sorted(map(int, self.read("ran").split())), list(range(1, 101)), "nobody was lost")

    def test_killed_and_started_again(self):
        self.check_killed()
        self.assertEqual(self.files("j"), ["j"], "the file beside the journal is for the run only")

    def test_with_a_file_of_its_own(self):
        self.check_killed("-o", "between")
        self.assertEqual(sorted(map(int, self.read("between").split())), list(range(1, 101)))

    def test_killed_when_all_is_done_here_and_not_there(self):
        self.start_middle()
        first = [self.dryer_of(1, "-j2", "printf"), self.washer_of(1, stdin=numbered(50))]
        last = self.sink_of(2, "-o", "out")
        self.all_end(0, *first)
        self.wait_for(lambda: self.status_json(self.place(2))["total"] == 50, "the end of the items")
        self.kill_middle()
        self.assertEqual(os.stat(self.path("j-items")).st_mode & 0o777, 0o600)
        self.start_middle()
        self.all_end(0, self.the_middle, last, self.dryer_of(2, "echo"))
        self.assertEqual(sorted(map(int, self.read("out").split())), list(range(1, 51)))

    def test_the_washer_has_the_name_of_the_run(self):
        for name, wanted in (([], "sink-"), (["--name", "wok"], "wok")):
            with self.subTest(name):
                self.places = {}
                for leaf in self.files("j"):
                    os.remove(self.path(leaf))
                self.start_middle(*name)
                last = self.sink_of(2)
                self.wait_for(lambda: wanted in self.observed("--status", self.place(2)).out.decode(), "the washer")
                self.all_end(0, self.washer_of(1, stdin=b""), self.the_middle, last)


GATED = 'until [ "$1" != wait ] || [ -s go ]; do sleep 0.02; done; echo "$1"'


class Keys(ChainCase):
    transport = "tcp"

    def test_each_side_has_its_own(self):
        for directory in ("k1", "k2"):
            self.assertEqual(self.observed("--keygen", directory).status, 0)
        parts = [self.middle(1, "--key", "k1/head.key", "--into-key", "k2/head.key"),
                 self.sink_of(2, "--key", "k2/head.key"), self.washer_of(1, "--key", "k1/head.key", stdin=b"a\n"),
                 self.dryer_of(1, "--key", "k1/worker.key", "echo"), self.dryer_of(2, "--key", "k2/worker.key", "echo")]
        self.all_end(0, *parts)
        self.assertEqual(parts[1].out, b"a\n")

    def test_from_one_wire_to_the_other(self):
        """Ports and a key are for the side that is on tcp."""
        self.observed("--keygen", "k")
        self.places[2] = f"ipc://chain-{os.getpid()}"
        parts = [self.middle(1, "--key", "k/head.key", "--advertise", "127.0.0.1"),
                 self.sink_of(2), self.washer_of(1, "--key", "k/head.key", stdin=b"a\n"),
                 self.dryer_of(1, "--key", "k/worker.key", "echo"), self.dryer_of(2, "echo")]
        self.all_end(0, *parts)
        self.assertEqual(parts[1].out, b"a\n")


class Usage(ChainCase):
    def refused(self, *args, says):
        result = self.sink(*args).wait()
        self.assertEqual(result.status, 125)
        self.check_one_line(result, *says)

    def test_one_line_says_what_is_wrong(self):
        for args, says in ((["--into", self.at], ["--at"]), (["--into", "nowhere"], ["nowhere"]),
                           (["--into", "inproc://x"], ["inproc"]), (["--into", "ipc://x", "-u"], ["--line-buffer"]),
                           (["--into", "ipc://x", "--line-buffer"], ["-u"]), (["--into", "ipc://x", "--stay"], ["--stay"]),
                           (["-n", "2"], ["--into"]), (["--into-key", "k"], ["--into"]), (["--name", "x"], ["--into"]),
                           (["--into", "ipc://x", "--into-key", ""], ["empty"])):
            with self.subTest(args):
                self.refused(*args, says=says)

    def test_what_is_followed_is_a_file(self):
        result = self.sink("--into", "ipc://next", "-o", "/dev/null").wait()
        self.assertEqual(result.status, 125, str(result))
        self.assertIn(b"/dev/null", result.err)


class StagesIpc(Stages, ChainCase):
    pass


class StagesTcp(Stages, ChainCase):
    transport = "tcp"


class JournalIpc(Journal, ChainCase):
    pass


class JournalTcp(Journal, ChainCase):
    transport = "tcp"
    test_killed_when_all_is_done_here_and_not_there = None
    test_with_a_file_of_its_own = test_the_washer_has_the_name_of_the_run = None    # of no wire

if __name__ == "__main__":
    harness.main()
