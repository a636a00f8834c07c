#!/usr/bin/env python3
"""examples/dryer.py, which was written from doc/protocol.md and doc/security.md alone: it dries beside the C dryer, or
without one, and whoever reads the results cannot tell which of them did what."""

# ctest: waits seconds=300 plain

import collections
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import unittest

import harness
import kitchen

DRYER_PY = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "examples", "dryer.py")
DEADLINE_S = 120


def python_with_zmq():
    """This interpreter, or Debian's: python3-zmq is of Debian's only."""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import zmq"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return python
    return None


PYTHON = python_with_zmq()


@unittest.skipUnless(PYTHON, "python3-zmq is not installed")
@harness.ways("inproc")     # that is, once: each test says where its parts meet
class PipelineCase(harness.Case):
    may_meet = True

    def setUp(self):
        super().setUp()
        self.at, self.head, self.worker = self.meeting()

    def meeting(self):
        """The address, and the options of sink and washer, and of dryers, that belong to it."""
        return "ipc://kitchen", [], []

    def part(self, name, *args, **how):
        return self.start_program([harness.stage(name), "--at", self.at, *self.head, *args], **how)

    def c_dryer(self, *args, **how):
        return self.start_program([harness.stage("dryer"), "--at", self.at, *self.worker, *args], **how)

    def dryer_py(self, *args, **how):
        return self.start_program([PYTHON, DRYER_PY, "--at", self.at, *self.worker, *args], **how)

    def end(self, program, status=0):
        result = program.wait(DEADLINE_S)
        self.check_sanitizers(result)
        self.assertEqual(result.status, status, f"{result}\n... {result.err[-500:]!r}")
        return result

    def run_pipeline(self, *dryers, late=None, sink=(), washer=("-0",), items=(), status=0):
        """Runs the items through dryers that were started, and one that `late` starts when something was written to a
        file by.*; gives the result of the sink."""
        counts = self.part("sink", *sink)
        feeds = self.part("washer", *washer, stdin=b"".join(item + b"\0" for item in items))
        if late:
            self.wait_for_files("by.")
            dryers += (late(),)
        result = self.end(counts, status)
        self.end(feeds, status)
        for dryer in dryers:
            self.end(dryer)
        return result

    def check_each_once(self, out, items):
        self.assertEqual(collections.Counter(out), collections.Counter(items))


class OverIpc(PipelineCase):
    def test_many_items_beside_a_c_dryer(self):
        items = [b"%d" % i for i in range(400)]
        command = ["sh", "-c", 'echo "$1"; echo x >> "by.$0"']
        ours = self.dryer_py("-j2", *command, "py", "{}")
        result = self.run_pipeline(ours, late=lambda: self.c_dryer("-j2", "--prefetch", "4", *command, "c", "{}"),
                                   items=items)
        self.check_each_once(result.lines, items)
        self.assertEqual(result.err, b"")
        self.assertEqual(self.files("by."), ["by.c", "by.py"])

    def test_alone(self):
        items = [b"%d" % i for i in range(300)]
        result = self.run_pipeline(self.dryer_py("-j3", "echo"), items=items)
        self.check_each_once(result.lines, items)

    def test_a_large_output_is_intact(self):
        script = ('head -c "$1" /dev/zero | tr "\\0" "$2"; head -c "$1" /dev/zero | tr "\\0" "$2" >&2; '
                  'printf "|"; printf "|" >&2')
        sizes = [3_000_001, 1_500_000, 70_000, 65_535, 65_536, 1, 0]
        items = [b"%d" % size for size in sizes]
        result = self.run_pipeline(self.dryer_py("-j2", "sh", "-c", script, "sh", "{}", "{#}"), items=items)
        due = collections.Counter((b"%d" % (i + 1)) * size for i, size in enumerate(sizes))
        for printed in (result.out, result.err):
            self.assertEqual(collections.Counter(printed.split(b"|")[:-1]), due)

    def test_killed_beside_c_dryers_nothing_is_lost(self):
        """Its commands end with it: they run again elsewhere, each counts once, and is printed once."""
        items = [b"%d" % i for i in range(200)]
        script = 'echo x >> "by.$0"; sleep 0.02; echo $1'
        sink = self.part("sink")
        c_dryers = [self.c_dryer("-j1", "sh", "-c", script, "c", "{}") for _ in range(2)]
        killed = self.dryer_py("-j2", "sh", "-c", script, "py", "{}")
        washer = self.part("washer", stdin=b"\n".join(items))
        self.wait_for(lambda: self.files("by.py") and len(self.read("by.py")) >= 20, "ten commands of dryer.py")
        killed.signal(signal.SIGKILL)
        result = self.end(sink)
        self.check_each_once(result.lines, items)
        self.end(washer)
        self.assertEqual(killed.wait().status, -signal.SIGKILL)
        for dryer in c_dryers:
            self.end(dryer)


class OverTcp(OverIpc):
    """With the cookie."""

    def meeting(self):
        return f"tcp://127.0.0.1:{kitchen.free_port()}", [], []


class WithKeys(OverIpc):
    def meeting(self):
        subprocess.run([harness.BINARY, "--keygen", self.path("keys")], check=True, stdout=subprocess.DEVNULL)
        return (f"tcp://127.0.0.1:{kitchen.free_port()}", ["--key", self.path("keys/head.key")],
                ["--key", self.path("keys/worker.key")])

    def test_the_key_of_another_pipeline_finds_nobody(self):
        subprocess.run([harness.BINARY, "--keygen", self.path("other")], check=True, stdout=subprocess.DEVNULL)
        counts = self.part("sink")
        own, self.worker = self.worker, ["--key", self.path("other/worker.key")]
        stranger = self.dryer_py("echo", "never")
        self.worker = own
        status = [harness.BINARY, "--status", self.at, "--json", *self.head]
        self.wait_for(lambda: json.loads(subprocess.run(status, check=True, stdout=subprocess.PIPE).stdout)["strangers"],
                      "the stranger to be counted")
        feeds = self.part("washer", stdin=b"a\nb\n")
        dryer = self.c_dryer("echo")
        self.check_each_once(self.end(counts).lines, [b"a", b"b"])
        for part in feeds, dryer:
            self.end(part)
        stranger.signal(signal.SIGTERM)
        self.end(stranger)

    def test_a_key_that_others_may_read_is_refused(self):
        os.chmod(self.path("keys/worker.key"), 0o640)
        self.check_one_line(self.end(self.dryer_py("echo"), 125), "worker.key", "others may read")


class Items(PipelineCase):
    def test_items_are_bytes(self):
        source = random.Random(5)
        items = [bytes(source.randrange(1, 256) for _ in range(source.randrange(60))) for _ in range(200)]
        items += [b"", b"{}", b"-n", b"a\nb", b"$(reboot)"]
        result = self.run_pipeline(self.dryer_py("-j2", "printf", "%s\\0", "{}"), items=items)
        self.check_each_once(result.out.split(b"\0")[:-1], items)

    def test_an_item_that_no_argument_can_hold_fails_alone(self):
        sink, dryer = self.part("sink"), self.dryer_py("echo")
        washer = self.part("washer", "-d", "|", stdin=b"a|b\0c|" + b"x" * 200_000 + b"|d")
        result = self.end(sink, 2)
        self.end(washer, 2)
        self.end(dryer)
        self.check_each_once(result.lines, [b"a", b"d"])
        self.assertEqual(result.err.count(b"cannot be run"), 2)

    def test_several_values_and_replacement_strings(self):
        command = ["printf", "<%s>", "a{}b", "{1.}", "{2/}", "{#}"]
        for dryer in (self.dryer_py, self.c_dryer):
            result = self.run_pipeline(dryer(*command), sink=["-k"], washer=["-0", "-n", "2"],
                                       items=[b"x.y", b"d/e", b"f", b"g"])
            self.assertEqual(result.out, b"<ax.y><d/eb><x><e><1><af><gb><f><g><2>", dryer)

    def test_a_product_of_lists(self):
        result = self.run_pipeline(self.dryer_py("echo", "{2}-{1}"), sink=["-k"],
                                   washer=[":::", "a", "b", ":::", "1", "2"])
        self.assertEqual(result.out, b"1-a\n2-a\n1-b\n2-b\n")


class Blocks(PipelineCase):
    def test_blocks_beside_a_c_dryer(self):
        data = b"".join(b"%d\n" % i for i in range(3000))
        sink = self.part("sink", "-k", "--results", "tree")
        late = "until [ -s by.py ]; do sleep 0.01; done; cat"
        dryers = [self.dryer_py("--pipe", "-j2", "sh", "-c", "echo x >> by.py; cat"), self.c_dryer("--pipe", "-j1", late)]
        washer = self.part("washer", "--pipe", "--block", "500", stdin=data)
        self.assertEqual(self.end(sink).out, data)
        for part in (washer, *dryers):
            self.end(part)
        self.assertEqual(sorted(os.listdir(self.path("tree"))), ["0"])

    def test_without_pipe_it_leaves_and_gives_them_back(self):
        sink, wrong = self.part("sink"), self.dryer_py("cat")
        washer = self.part("washer", "--pipe", "-n1", stdin=b"a\nb\n")
        self.check_one_line(self.end(wrong, 125), "give --pipe")
        right = self.dryer_py("--pipe", "-j1", "cat")
        self.check_each_once(self.end(sink).lines, [b"a", b"b"])
        self.end(washer)
        self.end(right)

    def test_items_are_stdin_too(self):
        result = self.run_pipeline(self.dryer_py("--pipe", "wc", "-c"), sink=["-k"], washer=["-0", "-n2"],
                                   items=[b"a", b"bc", b"x" * 200_000])
        self.assertEqual(result.lines, [b"5", b"200001"])


class Results(PipelineCase):
    def test_in_the_order_of_input(self):
        items = [b"%d" % i for i in range(300)]
        command = ["sh", "-c", 'echo "$1"; echo x >> by.any', "sh", "{}"]
        result = self.run_pipeline(self.dryer_py("-j3", *command), late=lambda: self.c_dryer("-j2", *command),
                                   sink=["-k"], items=items)
        self.assertEqual(result.lines, items)

    def test_failures_are_counted_and_named(self):
        script = 'case $1 in 2) exit 3;; 3) kill -9 $$;; esac; echo $1'
        result = self.run_pipeline(self.dryer_py("sh", "-c", script, "sh", "{}"), sink=["-k", "--joblog", "log"],
                                   items=[b"1", b"2", b"3", b"4"], status=2)
        self.assertEqual(result.lines, [b"1", b"4"])
        rows = [line.split(b"\t") for line in self.read("log").splitlines()[1:]]
        self.assertEqual(sorted((row[0], row[6], row[7]) for row in rows),
                         [(b"1", b"0", b"0"), (b"2", b"3", b"0"), (b"3", b"0", b"9"), (b"4", b"0", b"0")])
        self.assertEqual({row[8].split()[0] for row in rows}, {b"sh"})

    def test_failures_are_told_to_a_journal_with_their_command(self):
        self.run_pipeline(self.dryer_py("test", "{}", "-lt", "3"), sink=["--journal", "j"],
                          items=[b"1", b"2", b"3", b"4"], status=2)
        with contextlib.closing(sqlite3.connect(self.path("j"))) as journal:
            self.assertEqual(journal.execute("select n, command from failed").fetchall(),
                             [(3, "test 3 -lt 3"), (4, "test 4 -lt 3")])

    def test_only_the_last_try_is_printed(self):
        script = 'echo "$1 $DISHES_ATTEMPT"; [ $DISHES_ATTEMPT = 3 ] || [ $1 = ok ]'
        result = self.run_pipeline(self.dryer_py("sh", "-c", script, "sh", "{}"), washer=["-0", "--retries", "3"],
                                   items=[b"ok", b"flaky", b"also"])
        self.check_each_once(result.lines, [b"ok 1", b"flaky 3", b"also 3"])

    def test_a_task_that_fails_each_time(self):
        result = self.run_pipeline(self.dryer_py("sh", "-c", "echo $1; echo x >> ran; exit 1", "sh", "{}"),
                                   washer=["-0", "--retries", "2"], items=[b"a"], status=1)
        self.assertEqual((result.out, self.read("ran")), (b"a\n", b"x\nx\n"))

    def test_tags_and_lines_as_they_come(self):
        for options in (["--tag"], ["--tag", "--line-buffer"]):
            result = self.run_pipeline(self.dryer_py("-j2", "printf", "%s-1\\n%s-2\\n", "{}", "{}"), sink=options,
                                       items=[b"a", b"b"])
            self.check_each_once(result.lines, [b"a\ta-1", b"a\ta-2", b"b\tb-1", b"b\tb-2"])

    def test_items_for_the_tree_of_results(self):
        dryer = self.dryer_py("-j2", "sh", "-c", "echo $1; head -c $2 /dev/zero >&2", "sh", "{1}", "{2}")
        sink = self.part("sink", "--results", "tree")
        washer = self.part("washer", ":::", "a/b", "", ":::", "0", "200000")
        for program in (sink, washer, dryer):
            self.end(program)
        for seq, item, size in ((1, "a\\_b", 0), (2, "a\\_b", 200000), (3, "", 0), (4, "", 200000)):
            name = f"tree/1/{item}/2/{size}"
            self.assertEqual(self.read(f"{name}/seq"), b"%d" % seq)
            self.assertEqual(self.read(f"{name}/stdout"), b"a/b\n" if item else b"\n")
            self.assertEqual(self.read(f"{name}/stderr"), bytes(size))

    def test_a_line_is_shown_while_its_command_runs(self):
        sink = self.part("sink", "--line-buffer")
        dryer = self.dryer_py("sh", "-c", "echo early; until [ -s go ]; do sleep 0.01; done; echo late")
        washer = self.part("washer", "a")
        self.wait_for(lambda: sink.out == b"early\n", "the line of a running task")
        self.write("go", "x")
        self.assertEqual(self.end(sink).out, b"early\nlate\n")
        self.end(washer)
        self.end(dryer)

    def test_the_run_is_halted(self):
        sink = self.part("sink", "--halt", "soon,fail=1")
        dryer = self.dryer_py("-j1", "sh", "-c", "echo x >> ran; exit $1", "sh", "{}")
        washer = self.part("washer", stdin=b"0\n0\n5\n" + b"0\n" * 200)
        self.assertNotEqual(sink.wait(DEADLINE_S).status, 0)
        washer.wait(DEADLINE_S)
        self.end(dryer)
        self.assertEqual(len(self.read("ran").splitlines()), 3)


#  Says that it runs, by a file that holds its process id.
STAY = 'echo $$ > "running.$1.$$"; {}; echo $1'


class Losses(PipelineCase):
    def test_its_commands_do_not_outlive_it(self):
        sink = self.part("sink")
        dryer = self.dryer_py("-j2", "sh", "-c", STAY.format("sleep 1000 & wait"), "sh", "{}")
        washer = self.part("washer", "a", "b")
        self.wait_for_files("running.", 2)
        dryer.signal(signal.SIGKILL)
        self.assertEqual(dryer.wait().status, -signal.SIGKILL)
        pids = [int(self.read(name)) for name in self.files("running.")]
        self.wait_for(lambda: not any(map(harness.alive, pids)), "the end of the commands")
        other = self.c_dryer("-j2", "echo")
        self.check_each_once(self.end(sink).lines, [b"a", b"b"])
        self.end(washer)
        self.end(other)

    def test_thought_dead_it_begins_anew(self):
        """Stopped for longer than dead-after; its late reports are refused, and it works on as a new life."""
        sink = self.part("sink", "--dead-after", "1s")
        script = 'echo x >> ran; [ "$1" != first ] || until [ -s go ]; do sleep 0.01; done; echo "$1"'
        dryer = self.dryer_py("-j1", "sh", "-c", script, "sh", "{}")
        ours, theirs = os.pipe()
        washer = self.part("washer", stdin=ours)
        os.close(ours)
        os.write(theirs, b"first\n")
        self.wait_for_files("ran")
        dryer.signal(signal.SIGSTOP)
        #  It does the first, and then keeps one until dryer.py has come back and done another.
        script = '[ "$1" = first ] || until [ $(wc -l < ran) -ge 2 ]; do sleep 0.01; done; echo "$1"'
        other = self.c_dryer("-j1", "sh", "-c", script, "sh", "{}")
        self.wait_for(lambda: b"first\n" in sink.out, "the first task from another dryer")
        dryer.signal(signal.SIGCONT)
        os.write(theirs, b"a\nb\nc\nd\ne\nf\n")
        os.close(theirs)
        result = self.end(sink)
        self.check_each_once(result.lines, [b"first", b"a", b"b", b"c", b"d", b"e", b"f"])
        self.end(washer)
        self.end(dryer)
        self.end(other)

    def test_term_finishes_what_runs_and_gives_back_the_rest(self):
        sink = self.part("sink")
        dryer = self.dryer_py("-j1", "sh", "-c", STAY.format("until [ -s go ]; do sleep 0.01; done"), "py", "{}")
        washer = self.part("washer", *"abcdef")
        self.wait_for_files("running.")
        dryer.signal(signal.SIGTERM)
        other = self.c_dryer("-j1", "sh", "-c", 'echo "c $1"', "sh", "{}")
        self.wait_for(lambda: len(sink.out.splitlines()) == 5, "the rest from another dryer")
        self.assertFalse(dryer.ended())
        self.write("go", "x")
        self.end(dryer)
        lines = self.end(sink).lines
        self.assertEqual(sum(line.startswith(b"c ") for line in lines), 5)
        self.check_each_once([line.split()[-1] for line in lines], [b"a", b"b", b"c", b"d", b"e", b"f"])
        self.end(washer)
        self.end(other)

    def test_a_second_term_ends_it_at_once(self):
        sink = self.part("sink")
        dryer = self.dryer_py("-j1", "sh", "-c", STAY.format("sleep 1000"), "py", "{}")
        washer = self.part("washer", "a")
        self.wait_for_files("running.")
        dryer.signal(signal.SIGTERM)
        dryer.signal(signal.SIGHUP)
        self.assertIn(dryer.wait().status, (-signal.SIGTERM, -signal.SIGHUP))
        other = self.c_dryer("echo")
        self.assertEqual(self.end(sink).out, b"a\n")
        self.end(washer)
        self.end(other)

    def test_a_sink_with_a_journal_goes_on_where_it_was_killed(self):
        """What the old one has not acked is told again: small outputs, and large ones from their first piece (S8)."""
        items = [b"%d" % i for i in range(120)]
        script = 'head -c $(($1 % 3 * 50000)) /dev/zero | tr "\\0" x; echo " $1"; echo x >> ran'
        sink = ["-o", self.path("out"), "--journal", self.path("journal")]
        old = self.part("sink", *sink)
        dryer = self.dryer_py("-j3", "sh", "-c", script, "sh", "{}")
        washer = self.part("washer", stdin=b"\n".join(items))
        for ran in (10, 50):
            self.wait_for(lambda: self.files("ran") and len(self.read("ran").splitlines()) >= ran, "some commands")
            old.signal(signal.SIGKILL)
            self.assertEqual(old.wait().status, -signal.SIGKILL)
            old = self.part("sink", *sink)
        self.end(old)
        self.end(washer)
        self.end(dryer)
        lines = self.read("out").splitlines()
        self.check_each_once([line.split()[-1] for line in lines], items)
        self.check_each_once(lines, [b"x" * (int(item) % 3 * 50000) + b" " + item for item in items])

    def test_a_washer_that_comes_back_goes_on(self):
        """What runs is kept and counted, what was not started is dropped when the next life asks, and sent again."""
        items = [b"%d" % i for i in range(100)]
        sink = self.part("sink")
        dryer = self.dryer_py("-j2", "sh", "-c", 'echo x >> ran; echo "$1"; sleep 0.01', "sh", "{}")
        lost = self.part("washer", "--name", "w", stdin=b"\n".join(items))
        self.wait_for(lambda: self.files("ran") and len(self.read("ran").splitlines()) >= 20, "some commands")
        lost.signal(signal.SIGKILL)
        self.assertEqual(lost.wait().status, -signal.SIGKILL)
        washer = self.part("washer", "--name", "w", stdin=b"\n".join(items))
        self.check_each_once(self.end(sink).lines, items)
        self.end(washer)
        self.end(dryer)
        self.assertEqual(len(self.read("ran").splitlines()), 100, "a task was done twice, though its dryer lived")

    def test_a_sink_that_stays_is_met_again(self):
        sink = self.part("sink", "--stay")
        dryer = self.dryer_py("echo")
        for item in ("one", "two", "three"):
            self.end(self.part("washer", item))
        self.wait_for(lambda: sink.out == b"one\ntwo\nthree\n", "the results of three pipelines")
        dryer.signal(signal.SIGTERM)
        self.end(dryer)
        sink.signal(signal.SIGTERM)
        sink.wait()

    def test_a_lost_sink_is_the_end(self):
        sink = self.part("sink", "--dead-after", "1s")
        dryer = self.dryer_py("-j1", "sh", "-c", STAY.format("sleep 1000"), "py", "{}")
        washer = self.part("washer", "a")
        self.wait_for_files("running.")
        sink.signal(signal.SIGKILL)
        self.assertEqual(sink.wait().status, -signal.SIGKILL)
        self.check_one_line(self.end(dryer, 125), "the pipeline is lost")
        self.end(washer, 125)


class Refusals(PipelineCase):
    def check_refused(self, status, *says, at=None, args=("true",)):
        self.at = at or self.at
        self.check_one_line(self.end(self.dryer_py(*args), status), *says)

    def test_a_command_that_is_not_there(self):
        self.check_refused(127, "no-such-command", args=("no-such-command", "{}"))
        self.check_refused(126, "passwd", args=("/etc/passwd", "{}"))

    def test_a_command_that_names_what_is_its_stdin(self):
        self.check_refused(125, "leave out {}", args=("--pipe", "cat", "{}"))

    def test_addresses(self):
        for at in ("inproc://kitchen", "ipc://a/b", "tcp://host", "kitchen", "ipc://.."):
            with self.subTest(at):
                self.check_refused(125, at, at=at)

    def test_other_machines_without_a_key(self):
        self.check_refused(125, "needs --key", at="tcp://192.0.2.1:5570")

    def test_a_directory_that_others_may_look_into(self):
        os.mkdir(self.path("open"))
        os.chmod(self.path("open"), 0o755)
        self.check_refused(125, "closed to others", at="ipc://" + self.path("open"))
        os.symlink(self.dir, self.path("link"))
        self.check_refused(125, "link", at="ipc://" + self.path("link"))


if __name__ == "__main__":
    harness.main()
