#!/usr/bin/env python3
"""What the tasks write: apart, whole, in order, tagged, to a file; and how much memory that may take."""

# ctest: seconds=300 ways=ipc,tcp,stages-tcp plain-ways

import os
import re
import shutil
import tempfile
import unittest

import harness
from harness import SANITIZED

WITHOUT_SANITIZERS = "memory is measured without the sanitizers"

#  Two tasks that take turns: the first half of each is written before the second half of either.
TURNS = ('printf "$1-first\\n"; echo > half.$1; until [ -s half.a ] && [ -s half.b ]; do sleep 0.01; done;'
         ' printf "$1-second\\n"')


class Grouping(harness.Case):
    def test_stdout_and_stderr_are_kept_apart(self):
        result = self.ok("-k", "sh", "-c", "echo out$1; echo err$1 >&2", "sh", ":::", "1", "2")
        self.assertEqual(result.out, b"out1\nout2\n")
        self.assertEqual(result.err, b"err1\nerr2\n")

    def test_tasks_that_write_at_the_same_time_are_not_mixed(self):
        result = self.ok("-j2", "sh", "-c", TURNS, "sh", ":::", "a", "b")
        self.assertIn(result.out, (b"a-first\na-second\nb-first\nb-second\n", b"b-first\nb-second\na-first\na-second\n"))

    def test_nothing_is_torn_among_many_tasks_of_many_sizes(self):
        script = 'for i in $(seq $(($1 * 7 % 300))); do echo "$1 $i xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"; done'
        result = self.ok("-j4", "sh", "-c", script, "sh", stdin="\n".join(map(str, range(200))).encode())
        wanted = {n: list(range(1, n * 7 % 300 + 1)) for n in range(200)}
        order, seen = [], {n: [] for n in range(200)}
        for line in result.lines:
            task, number, _ = line.split()
            if not order or order[-1] != int(task):
                order.append(int(task))
            seen[int(task)].append(int(number))
        self.assertEqual(seen, wanted)
        self.assertEqual(len(order), len(set(order)), "a task's output in two parts")

    def test_stderr_that_waits_alone_after_it_waited_beside_stdout(self):
        """A reader that is slower than the commands: either output may be the one that is still to be written."""
        result = self.ok("-j2", "sh", "-c", "head -c 1500000 /dev/zero; head -c 1500000 /dev/zero >&2", "sh", ":::",
                         *map(str, range(10)))
        self.assertEqual((len(result.out), len(result.err)), (15_000_000, 15_000_000))

    def test_output_is_printed_as_soon_as_its_task_is_done(self):
        program = self.start("-j2", "sh", "-c", "until [ -s go.$1 ]; do sleep 0.01; done; echo $1", "sh", ":::",
                             "slow", "quick")
        self.write("go.quick", "x")
        self.wait_for(lambda: program.out == b"quick\n", "the output of the quick task")
        self.write("go.slow", "x")
        self.assertEqual(program.wait().out, b"quick\nslow\n")

    def test_bytes_are_not_changed(self):
        data = bytes(range(256)) * 1000
        self.write("data", data)
        self.assertEqual(self.ok("cat", ":::", "data").out, data)

    def test_a_last_line_without_newline_stays_so(self):
        self.assertEqual(self.ok("-k", "printf", ":::", "a", "b").out, b"ab")

    def test_what_a_failed_task_wrote_is_printed_too(self):
        result = self.dishes("sh", "-c", "echo out; echo err >&2; exit 1", "sh", ":::", "a", status=1)
        self.assertEqual((result.out, result.err), (b"out\n", b"err\n"))

    def test_only_the_last_attempt_is_printed(self):
        result = self.ok("--retries", "3", "sh", "-c", "echo try $DISHES_ATTEMPT; [ $DISHES_ATTEMPT = 3 ]", "sh",
                         ":::", "a")
        self.assertEqual(result.out, b"try 3\n")


class Order(harness.Case):
    def test_k_prints_in_the_order_of_the_input(self):
        script = "[ $1 != 1 ] || until [ -s done.9 ]; do sleep 0.01; done; echo $1; echo > done.$1"
        result = self.ok("-k", "-j3", "sh", "-c", script, "sh", stdin=b"1\n2\n3\n4\n5\n6\n7\n8\n9\n")
        self.assertEqual(result.out, b"1\n2\n3\n4\n5\n6\n7\n8\n9\n")

    def test_k_keeps_the_order_of_large_outputs_too(self):
        script = "[ $1 != 1 ] || until [ -s done.6 ]; do sleep 0.01; done; yes $1 | head -c 3000000; echo > done.$1"
        result = self.ok("-k", "-j3", "sh", "-c", script, "sh", stdin=b"1\n2\n3\n4\n5\n6\n")
        self.assertEqual(result.out, b"".join(b"%d\n" % n * 1_500_000 for n in range(1, 7)))

    def test_k_prints_a_failure_in_its_place_and_passes_over_silence(self):
        result = self.dishes("-k", "-j4", "sh", "-c", "[ $1 = 2 ] || echo $1; [ $1 != 3 ]", "sh", ":::", "1", "2",
                             "3", "4", status=1)
        self.assertEqual(result.out, b"1\n3\n4\n")


class Tags(harness.Case):
    def test_tag_puts_the_item_before_each_line(self):
        result = self.ok("-k", "--tag", "sh", "-c", "echo x; echo y; echo z >&2", "sh", ":::", "a", "b")
        self.assertEqual(result.out, b"a\tx\na\ty\nb\tx\nb\ty\n")
        self.assertEqual(result.err, b"a\tz\nb\tz\n")

    def test_tags_of_what_is_too_large_for_one_message(self):
        result = self.ok("-k", "--tag", 'printf "%0*d\\n" 100000 0; echo x; echo y >&2; : {}', ":::", "a", "b")
        self.assertEqual(result.out, b"".join(b"%s\t%s\n%s\tx\n" % (tag, b"0" * 100000, tag) for tag in (b"a", b"b")))
        self.assertEqual(result.err, b"a\ty\nb\ty\n")

    def test_tagstring_is_a_template(self):
        result = self.ok("-k", "--tagstring", "{#}:{/.}", "echo", ":::", "d/a.c", "b")
        self.assertEqual(result.out, b"1:a\td/a.c\n2:b\tb\n")

    def test_tags_with_line_buffer(self):
        self.assertEqual(self.ok("--tag", "--line-buffer", "printf", "x\\ny\\n", ":::", "a").out, b"a\tx\na\ty\n")


class Streaming(harness.Case):
    def test_line_buffer_prints_lines_as_they_come(self):
        program = self.start("-j2", "--line-buffer", "sh", "-c",
                             'echo $1-first; until [ -s go ]; do sleep 0.01; done; echo $1-second', "sh", ":::", "a", "b")
        self.wait_for(lambda: program.out.count(b"first\n") == 2, "the first line of both")
        self.write("go", "x")
        lines = program.wait().lines
        self.assertEqual(sorted(lines[:2]), [b"a-first", b"b-first"])
        self.assertEqual(sorted(lines[2:]), [b"a-second", b"b-second"])

    def test_line_buffer_shows_a_line_while_its_task_runs(self):
        program = self.start("--line-buffer", "sh", "-c", "echo early; until [ -s go ]; do sleep 0.01; done", "sh",
                             ":::", "a")
        self.wait_for(lambda: program.out == b"early\n", "the line of a running task")
        self.write("go", "x")
        self.assertEqual(program.wait().status, 0)

    def test_line_buffer_never_mixes_within_a_line(self):
        script = 'for i in $(seq 100); do printf "$1$1"; printf "$1$1\\n"; done'
        result = self.ok("-j4", "--line-buffer", "sh", "-c", script, "sh", ":::", "a", "b", "c", "d")
        self.assertEqual(len(result.lines), 400)
        self.assertLessEqual(set(result.lines), {b"aaaa", b"bbbb", b"cccc", b"dddd"})

    def test_u_prints_what_comes_even_without_a_newline(self):
        program = self.start("-u", "sh", "-c", "printf early; until [ -s go ]; do sleep 0.01; done", "sh", ":::", "a")
        self.wait_for(lambda: program.out == b"early", "the bytes of a running task")
        self.write("go", "x")
        self.assertEqual(program.wait().out, b"early")

    def test_a_last_line_without_its_end_is_printed_too(self):
        for how in ("--line-buffer", "-u"):
            with self.subTest(how):
                result = self.ok(how, "--joblog", "log", "sh", "-c", 'printf "x\\ny"; printf z >&2', "sh", ":::", "a")
                self.assertEqual((result.out, result.err), (b"x\ny", b"z"))
                self.assertEqual(self.read("log").splitlines()[1].split(b"\t")[5], b"0" if how == "-u" else b"3")

    def test_what_streams_before_its_turn_waits_for_it(self):
        script = '[ $1 = 3 ] || until [ -e $0$(($1 + 1)) ]; do sleep 0.01; done; printf "$1\\nend$1"; : > $0$1'
        for how in ("--line-buffer", "-u"):
            with self.subTest(how):
                result = self.ok("-k", "-j3", how, "--timeout", "30", "sh", "-c", script, "./done" + how, ":::", "1", "2", "3")
                self.assertEqual(result.out, b"1\nend12\nend23\nend3")

    @unittest.skipIf(SANITIZED, WITHOUT_SANITIZERS)
    def test_a_long_stream_is_not_kept(self):
        for how in ("--line-buffer", "-u"):
            with self.subTest(how):
                result, memory_bytes = self.measured(how, "sh", "-c", "yes | head -c 100000000", "sh", ":::", "a")
                self.assertEqual(len(result.out), 100_000_000)
                self.assertLess(memory_bytes, 40_000_000)


class ToAFile(harness.Case):
    def test_o_gets_exactly_the_output(self):
        result = self.ok("-k", "-o", "file", "sh", "-c", "echo $1; echo e >&2", "sh", ":::", "a", "b")
        self.assertEqual(self.read("file"), b"a\nb\n")
        self.assertEqual((result.out, result.err), (b"", b"e\ne\n"))

    def test_o_empties_what_was_there(self):
        self.write("file", "much that was there before\n")
        self.ok("-o", "file", "echo", ":::", "a")
        self.assertEqual(self.read("file"), b"a\n")

    def test_a_file_that_cannot_be_made_is_an_error_before_anything_starts(self):
        self.usage_error("-o", "no/such/place", "touch", ":::", "made", says=["no/such/place"])
        self.assertEqual(self.files(), [])

    def test_a_fifo_is_written_when_its_reader_comes(self):
        os.mkfifo(self.path("fifo"))
        program = self.start("-o", "fifo", "echo", ":::", "a")
        with open(self.path("fifo"), "rb") as reader:   # which waits until it is opened for writing
            self.assertEqual(reader.read(), b"a\n")
        self.assertEqual(program.wait().status, 0)

    def test_a_full_disk_is_an_error(self):
        result = self.dishes("-o", "/dev/full", "echo", ":::", "a", status=125)
        self.assertIn(b"No space left", result.err)

    def test_stdout_that_is_appended_to(self):
        self.write("file", "before\n")
        with open(self.path("file"), "ab") as file:
            self.ok("-k", "echo", ":::", "a", "b", stdout=file)
        self.assertEqual(self.read("file"), b"before\na\nb\n")


class Bounds(harness.Case):
    def setUp(self):
        super().setUp()
        self.large = tempfile.mkdtemp(prefix="dishes-test-", dir="/var/tmp")    # not in memory, as /tmp may be

    def tearDown(self):
        left = os.listdir(self.large)
        shutil.rmtree(self.large)
        super().tearDown()
        self.assertEqual(left, [])

    @unittest.skipIf(SANITIZED, WITHOUT_SANITIZERS)
    def test_twenty_tasks_of_200_MB_run_in_40_MB(self):
        with open("/dev/null", "wb") as null:
            _, memory_bytes = self.measured("-j20", "sh", "-c", "head -c 200000000 /dev/zero", "sh", stdin=b"\n" * 20,
                                            stdout=null, env={"TMPDIR": self.large}, deadline_s=250)
        self.assertLess(memory_bytes, 40_000_000)

    @unittest.skipIf(SANITIZED, WITHOUT_SANITIZERS)
    def test_k_with_a_slow_first_task_does_not_keep_the_rest_in_memory(self):
        script = "[ $1 != 1 ] || until [ -s done.300 ]; do sleep 0.01; done; head -c 500000 /dev/zero; echo > done.$1"
        result, memory_bytes = self.measured("-k", "-j4", "sh", "-c", script, "sh", env={"TMPDIR": self.large},
                                             stdin="\n".join(map(str, range(1, 301))).encode())
        self.assertEqual(len(result.out), 300 * 500_000)
        self.assertLess(memory_bytes, 60_000_000)

    def test_no_more_is_started_than_a_slow_reader_takes(self):
        ours, theirs = os.pipe()
        program = self.start("-j4", "sh", "-c", "echo > started.$1; head -c 500000 /dev/zero", "sh",
                             stdin="\n".join(map(str, range(400))).encode(), stdout=theirs)
        os.close(theirs)
        taken = ahead = 0
        while chunk := os.read(ours, 1 << 16):
            taken += len(chunk)
            ahead = max(ahead, len(self.files("started.")) * 500_000 - taken)
        os.close(ours)
        self.assertEqual(program.wait().status, 0)
        self.assertEqual(taken, 400 * 500_000)
        self.assertLess(ahead, 100_000_000, "half of it was kept for the reader")

    def on_a_small_disk(self, *args, **how):
        """`dishes ARGS...` where TMPDIR is a file system of 2 MiB, in a mount namespace of its own."""
        unshare = ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-rm"]
        mount = ["sh", "-c", 'mount -t tmpfs -o size=2m none "$TMPDIR" && exec "$@"', "sh"]
        if self.start_program([*unshare, *mount, "true"]).wait().status != 0:
            self.skipTest("no mount namespace may be made here")
        result = self.start_program([*unshare, *mount, harness.DISHES, *args], **how).wait()
        self.check_nothing_left()
        return result

    def test_a_full_temporary_disk_is_a_clear_error_and_no_output_is_torn(self):
        result = self.on_a_small_disk("-j1", "sh", "-c", "head -c $1 /dev/zero", "sh", ":::", "10000000")
        self.assertNotEqual(result.status, 0, str(result))
        self.assertIn(b"No space left", result.err)
        self.assertEqual(result.out, b"")

    def test_a_full_temporary_disk_while_output_waits_for_its_turn(self):
        script = ("[ $1 != 1 ] || until [ -s done.20 ]; do sleep 0.01; done;"
                  " head -c 900000 /dev/zero | tr '\\0' $(($1 % 10)); echo > done.$1")
        result = self.on_a_small_disk("-k", "-j4", "--timeout", "30", "sh", "-c", script, "sh",
                                      stdin="\n".join(map(str, range(1, 41))).encode())
        self.assertNotEqual(result.status, 0, str(result)[:500])
        self.assertIn(b"No space left", result.err)
        runs = re.findall(rb"(\d)\1*", result.out)
        self.assertEqual(runs, [b"%d" % (n % 10) for n in range(1, len(runs) + 1)])
        self.assertEqual(len(result.out) % 900_000, 0)


if __name__ == "__main__":
    harness.main()
