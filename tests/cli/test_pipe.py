#!/usr/bin/env python3
"""--pipe: blocks of whole records to the stdin of commands, whatever happens on the way."""

# ctest: seconds=300 ways=ipc,tcp,stages-tcp plain-ways

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess

import harness
from harness import ways
from stages import StageCase


def lines(count, seed=1):
    source = random.Random(seed)
    return b"".join(b"%d %s\n" % (i, b"x" * source.randrange(60)) for i in range(count))


class Blocks(harness.Case):
    def test_all_of_it_in_order(self):
        data = lines(20000)
        for block in ("1k", "64K", "1M"):
            self.assertEqual(self.ok("--pipe", "-k", "--block", block, "cat", stdin=data).out, data, block)

    def test_each_block_is_whole_records(self):
        data = lines(5000)
        result = self.ok("--pipe", "-k", "--block", "10k", "sh", "-c", 'wc -c; tail -c1 | wc -l', stdin=data)
        sizes = [int(line) for line in result.lines[::2]]
        self.assertEqual(sum(sizes), len(data))
        self.assertTrue(all(10000 - 70 < size <= 10000 for size in sizes[:-1]), sizes)
        torn = self.ok("--pipe", "--block", "10k", "sh", "-c", 'tail -c1 | wc -l', stdin=data)
        self.assertEqual(set(torn.lines), {b"1"})

    def test_the_last_record_has_no_end(self):
        self.assertEqual(self.ok("--pipe", "-k", "--block", "4", "cat; echo .", stdin=b"a\nb\nc").out, b"a\nb\n.\nc.\n")

    def test_bytes_are_bytes(self):
        data = random.Random(3).randbytes(300_000)
        self.assertEqual(self.ok("--pipe", "-k", "--block", "7k", "cat", stdin=data).out, data)
        self.assertEqual(self.ok("--pipe", "-k", "--block", "7k", "--recend", "", "cat", stdin=data).out, data)
        self.assertEqual(self.ok("--pipe", "-k", "-0", "-n", "9", "cat", stdin=data).out, data)

    def test_a_record_beyond_the_block(self):
        data = b"a\n" + b"b" * 3_000_000 + b"\nc\n"
        result = self.ok("--pipe", "-k", "--block", "1k", "wc -c", stdin=data)
        self.assertEqual([int(line) for line in result.lines][-1] + int(result.lines[0]) > 3_000_000, True)
        self.assertEqual(sum(map(int, result.lines)), len(data))

    def test_who_reads_little_by_little(self):
        data = lines(150000)
        for command in ("dd bs=2000 status=none", "head -c 300000; sleep 0.03; cat", "sleep 0.03; dd bs=100k status=none"):
            self.assertEqual(self.ok("--pipe", "-k", "--block", "2M", command, stdin=data).out, data, command)

    @ways("dishes")     # without a task a dryer of its own may come when the run is over, and waits for the next one
    def test_nothing_to_do(self):
        for args, data in (((), b""), (("--header", ":"), b"head\n"), (("--header", "2"), b"one line\n")):
            self.assertEqual(self.ok("--pipe", *args, "echo ran", stdin=data).out, b"")

    def test_a_file(self):
        data = lines(3000)
        self.write("data", data)
        self.assertEqual(self.ok("--pipe", "-k", "--block", "9k", "-a", "data", "cat").out, data)

    def test_the_command_is_told_its_number_and_slot(self):
        result = self.ok("--pipe", "-k", "-j1", "-n1", "echo", "{#} {%}", stdin=b"a\nb\n")
        self.assertEqual(result.out, b"1 1\n2 1\n")
        result = self.ok("--pipe", "-k", "-n1", 'echo $DISHES_SEQ $PARALLEL_SEQ; cat', stdin=b"a\nb\n")
        self.assertEqual(result.out, b"1 1\na\n2 2\nb\n")


@ways("inproc")
class AsParallel(harness.Case):
    """The installed GNU parallel, beside ours: the same records, whole, in order; by count the very same blocks."""

    def parallel(self, *args, stdin):
        if not shutil.which("parallel"):
            self.skipTest("GNU parallel is not installed")
        environment = {**self.env, "PARALLEL_HOME": self.path("home"), "PARALLEL_SHELL": "/bin/sh"}
        os.makedirs(self.path("home"), exist_ok=True)
        return subprocess.run(["parallel", "--will-cite", "--pipe", "-k", *args], cwd=self.dir, env=environment,
                              input=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout

    def compare(self, *args, stdin):
        args = ("-N3", *args, "cat; echo; echo ==")
        self.assertEqual(self.ok("--pipe", "-k", *args, stdin=stdin).out, self.parallel(*args, stdin=stdin))

    def test_by_count(self):
        self.compare(stdin=lines(10))
        self.compare(stdin=b"a\nb\nc\nd")

    def test_header(self):
        self.compare("--header", ":", stdin=b"head\n" + lines(7))
        self.compare("--header", "2", stdin=b"head\nmore\n" + lines(7))

    def test_records(self):
        self.compare("--recend", "--", stdin=b"a--b\n--c--d--e")
        self.compare("--recstart", ">", stdin=b">a\nb\n>c\n>d\n>e\n>f")
        self.compare("--recend", "\\n", "--recstart", ">", stdin=b">a>b\n>c\nd\n>e\n>f\n>g\n")
        self.compare("--recend", "\\n\\n", stdin=b"a\nb\n\nc\n\nd\n\ne")

    def test_by_size_no_record_is_torn(self):
        """Where a block ends is a matter of how the input is read; that it ends with a record is not."""
        data = b"".join(b">%d\n%s\n" % (i, b"x" * (i % 40)) for i in range(3000))
        starts = 'cat > in.$PARALLEL_SEQ.{}; head -c1 in.$PARALLEL_SEQ.{}; tail -c1 in.$PARALLEL_SEQ.{}'
        for args in (["--recstart", ">"], ["--recend", "\\n", "--recstart", ">"]):
            ours = self.ok("--pipe", "-k", "--block", "5k", *args, starts.replace("{}", "ours"), stdin=data).out
            theirs = self.parallel("--block", "5k", *args, starts.replace("{}", "theirs"), stdin=data)
            self.assertEqual({ours.replace(b">\n", b""), theirs.replace(b">\n", b"")}, {b""})
            for who in ("ours", "theirs"):
                names = sorted(self.files("in."), key=lambda name: int(name.split(".")[1]))
                self.assertEqual(b"".join(self.read(name) for name in names if name.endswith(who)), data)
            for name in self.files("in."):
                os.unlink(self.path(name))

    def test_a_whole_file(self):
        data = random.Random(4).randbytes(100_000)
        self.assertEqual(self.parallel("--block", "9k", "--recend", "", "cat", stdin=data), data)
        self.assertEqual(self.ok("--pipe", "-k", "--block", "9k", "--recend", "", "cat", stdin=data).out, data)

    def test_tags(self):
        for args in (["--tag"], ["--tagstring", "{#}:"]):
            self.assertEqual(self.ok("--pipe", "-k", "-n2", *args, "cat", stdin=lines(5)).out,
                             self.parallel("-N2", *args, "cat", stdin=lines(5)))


class Options(harness.Case):
    def test_what_reads_nothing_or_little(self):
        data = lines(200_000)
        self.assertEqual(self.ok("--pipe", "--block", "3M", "true", stdin=data).out, b"")
        self.assertEqual(self.ok("--pipe", "--block", "3M", "-k", "head -n1", stdin=data).lines[0], data.split(b"\n")[0])

    def test_a_failure_has_its_block_again(self):
        data = lines(4000)
        script = 'cat > in.{#}.$DISHES_ATTEMPT; [ {#} != 3 ] || [ $DISHES_ATTEMPT = 3 ] && cat in.{#}.$DISHES_ATTEMPT'
        result = self.ok("--pipe", "-k", "--block", "10k", "--retries", "3", script, stdin=data)
        self.assertEqual(result.out, data)
        self.assertEqual(self.read("in.3.1"), self.read("in.3.3"))

    def test_failures_are_counted_by_blocks(self):
        result = self.dishes("--pipe", "-n2", "--joblog", "log", "grep -q 3", stdin=b"1\n2\n3\n4\n5\n", status=2)
        self.assertEqual(result.out, b"")
        rows = sorted(row.split(b"\t") for row in self.read("log").splitlines()[1:])
        self.assertEqual([(row[0], row[6], row[8]) for row in rows],
                         [(b"1", b"1", b"grep -q 3"), (b"2", b"0", b"grep -q 3"), (b"3", b"1", b"grep -q 3")])

    def test_results(self):
        self.ok("--pipe", "-n2", "--results", "tree", "-k", "cat; echo e >&2", stdin=b"1\n2\n3\n")
        for n, out in ((b"1", b"1\n2\n"), (b"2", b"3\n")):
            where = "tree/0/" + n.decode()
            self.assertEqual((self.read(where + "/stdout"), self.read(where + "/stderr"), self.read(where + "/seq")),
                             (out, b"e\n", n))

    def test_timeout(self):
        result = self.dishes("--pipe", "-j2", "-n1", "--timeout", "0.3", "-k", "read line; $line; echo done",
                             stdin=b"true\nexec sleep 1000\ntrue\n", status=1)
        self.assertEqual(result.out, b"done\ndone\n")

    def test_halt(self):
        result = self.dishes("--pipe", "-j1", "-n1", "--halt", "soon,fail=1", "-k", "read status; echo; exit $status",
                             stdin=b"0\n0\n7\n" + b"0\n" * 2000)
        self.assertEqual(result.status, 7)
        self.assertLess(len(result.out), 10)

    def test_dry_run(self):
        self.assertEqual(self.ok("--pipe", "-k", "-n1", "--dry-run", "wc", "-l", stdin=b"a\nb\n").out, b"wc -l\nwc -l\n")

    def test_as_the_output_comes(self):
        data = lines(3000)
        for how in ("--line-buffer", "-u"):
            result = self.ok("--pipe", "-j1", how, "--block", "20k", "cat", stdin=data)
            self.assertEqual(result.out, data)

    def test_a_slow_writer_is_not_waited_for_by_count(self):
        ours, theirs = os.pipe()
        program = self.start("--pipe", "-n2", "--line-buffer", "cat", stdin=ours)
        os.close(ours)
        os.write(theirs, b"a\nb\nc\n")
        self.wait_for(lambda: program.out == b"a\nb\n", "the first two records")
        os.close(theirs)
        self.assertEqual(program.wait().out, b"a\nb\nc\n")

    @ways("inproc")
    def test_memory_is_bounded(self):
        data = b"x" * 99 + b"\n"
        with open(self.path("data"), "wb") as file:
            for _ in range(100):
                file.write(data * 10486)
        result, memory = self.measured("--pipe", "-j2", "-a", "data", "wc -l")
        self.assertEqual(sum(map(int, result.lines)), 1048600)
        self.assertLess(memory, 40 << 20)


@ways("inproc")
class Resumed(harness.Case):
    """A run that was cut off goes on with the same blocks."""

    def cut_off(self, data):
        script = "cat; echo x >> ran; [ {#} -lt 5 ] || until [ -s go ]; do sleep 0.01; done"
        program = self.start("--pipe", "-j1", "--block", "5k", "--journal", "db", "-o", "out", script, stdin=data)
        self.wait_for(lambda: self.files("ran") and len(self.read("ran")) >= 10, "five blocks")
        with contextlib.closing(sqlite3.connect(self.path("db"))) as journal:
            self.wait_for(lambda: journal.execute("SELECT count FROM counted").fetchall() == [(4,)], "four of them counted")
        program.signal(signal.SIGKILL)
        self.assertEqual(program.wait().status, -signal.SIGKILL)

    def test_where_it_was(self):
        data = lines(2000)
        self.cut_off(data)
        self.write("go", "x")
        done = len(self.read("ran")) // 2
        self.ok("--pipe", "-j1", "--block", "5k", "--journal", "db", "-o", "out", "--resume", "cat; echo x >> ran",
                stdin=data)
        self.assertEqual(sorted(self.read("out").splitlines()), sorted(data.splitlines()))
        self.assertLess(len(self.read("ran")) // 2 - done, 12, "blocks were done again")

    def test_other_blocks_are_another_input(self):
        data = lines(2000)
        self.cut_off(data)
        result = self.dishes("--pipe", "-j1", "--block", "6k", "--journal", "db", "-o", "out", "--resume", "cat",
                             stdin=data, status=125)
        self.assertIn(b"the input is not that of the run", result.err)


@ways("dishes")
class Refusals(harness.Case):
    def test_what_does_not_go_together(self):
        self.usage_error("--pipe", says=["--pipe needs COMMAND"], stdin=b"a\n")
        self.usage_error("--pipe", "wc", "{}", says=["leave out '{}'"], stdin=b"a\n")
        self.usage_error("--pipe", "wc", ":::", "a", says=["leave out --pipe"])
        self.usage_error("--pipe", "--round-robin", "wc", says=["a larger --block"])

    def test_a_record_that_is_too_long(self):
        data = b"a\n" + b"b" * 10000 + b"\n"
        result = self.dishes("--pipe", "-k", "-n1", "--max-item", "5k", "cat", stdin=data, status=125)
        self.assertEqual(result.out, b"a\n")
        self.check_one_line(result, "the record at byte 3 of standard input", "raise --max-item")


@ways("inproc")
class Stages(StageCase):
    """Each a program of its own, over ipc."""

    def test_a_dryer_that_takes_items_leaves_and_nothing_is_lost(self):
        data = lines(2000)
        sink, wrong = self.sink("-k"), self.dryer("cat")
        washer = self.washer("--pipe", "--block", "5k", stdin=data)
        self.check_one_line(self.ends(wrong, 125), "give --pipe to this dryer too")
        right = self.dryer("--pipe", "cat")
        self.all_end(0, washer, right)
        self.assertEqual(self.ends(sink, 0).out, data)

    def test_a_dryer_with_pipe_takes_items_as_their_bytes(self):
        sink, dryer = self.sink("-k"), self.dryer("--pipe", "wc -c")
        washer = self.washer("-0", stdin=b"ab\0" + b"x" * 300_000 + b"\0")
        self.all_end(0, washer, dryer)
        self.assertEqual(self.ends(sink, 0).out, b"3\n300001\n")

    def test_a_value_of_several_has_no_stdin(self):
        sink, dryer = self.sink(), self.dryer("--pipe", "cat")
        washer = self.washer(":::", "a", ":::", "b", "c")
        self.ends(washer, 2)
        self.ends(dryer, 0)
        self.assertIn(b"stdin takes one: leave out --pipe", self.ends(sink, 2).err)

    def test_a_dryer_is_killed(self):
        """What it had is done again, from the first byte of its blocks; each block counts once."""
        data = lines(30_000)
        sink = self.sink("-k")
        script = 'cat > in.$$; echo x > ran.$$; until [ -s go ]; do sleep 0.02; done; cat in.$$'
        killed = self.dryer("--pipe", "-j2", script)
        washer = self.washer("--pipe", "--block", "50k", stdin=data)
        self.wait_for_files("ran.", 2)
        killed.signal(signal.SIGKILL)
        self.assertEqual(killed.wait().status, -signal.SIGKILL)
        self.write("go", "x")
        other = self.dryer("--pipe", "-j2", script)
        self.all_end(0, washer, other)
        self.assertEqual(self.ends(sink, 0).out, data)

    def test_a_block_that_takes_dryers_along(self):
        sink = self.sink("-k", "--crash-limit", "1")
        script = 'read first; [ "$first" != die ] || kill -9 $PPID; echo "$first"; cat'
        washer = self.washer("--pipe", "-n2", stdin=b"a\nb\ndie\nc\nd\n")
        killed, other = self.dryer("--pipe", "-j1", script), None
        self.assertEqual(killed.wait().status, -signal.SIGKILL)
        while b"given up" not in sink.err:      # a dryer that has only it dies of it; the next one does the rest
            other = self.dryer("--pipe", "-j1", script)
            self.wait_for(lambda: other.ended() or b"given up" in sink.err, "its end, or that of the block")
            if other.ended():
                other.wait()
        last = self.dryer("--pipe", "-j1", script)
        self.ends(washer, 1)
        result = self.ends(sink, 1)
        self.assertEqual(result.out, b"a\nb\nd\n")
        self.assertIn(b"task 2 is given up: die?c", result.err)
        for dryer in (other, last):
            if dryer and not dryer.result:
                dryer.signal(signal.SIGTERM)
                dryer.wait()

    def test_a_large_block_over_the_wire(self):
        data = lines(400_000)
        sink, dryer = self.sink("-k"), self.dryer("--pipe", "-j2", "cat")
        washer = self.washer("--pipe", "--block", "5M", stdin=data)
        self.all_end(0, washer, dryer)
        self.assertEqual(self.ends(sink, 0).out, data)


@ways("inproc")
class StagesTcp(Stages):
    transport = "tcp"


if __name__ == "__main__":
    harness.main()
