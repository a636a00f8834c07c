#!/usr/bin/env python3
"""--results DIR: a tree of files as GNU parallel makes it, in which nothing is ever half there."""

# ctest: seconds=300 ways=ipc,tcp,stages-tcp plain-ways

import contextlib
import os
import shutil
import sqlite3
import subprocess
import unittest

import harness
from harness import SANITIZED, ways

TELL = ("sh", "-c", 'printf "out %s\\n" "$@"; printf "err %s\\n" "$@" >&2', "sh")
BOTH = "printf 'out %s\\n' {}; printf 'err %s\\n' {} >&2"

#  Items that are names of directories, and such as must be made so. The longest name has 255 bytes.
PLAIN = (b"a", b"b c", b"x/y", b"/", b"//", b"../up", b"\\", b"\\back", b"tab\there", b"star*", b"-n", b"~", b"$HOME",
         b"'", b'"', b"\xff\xfe", b"caf\xc3\xa9", b"stdout", b"1", b"a" * 255, b"b" * 256, b"c" * 300, b"/" * 200)


def tree(path):
    """{name: bytes, or None of a directory}, of all that is below."""
    found = {}
    for where, directories, files in os.walk(os.fsencode(path)):
        below = os.path.relpath(where, os.fsencode(path))
        found.update((os.path.normpath(os.path.join(below, name)), None) for name in directories)
        for name in files:
            with open(os.path.join(where, name), "rb") as file:
                found[os.path.normpath(os.path.join(below, name))] = file.read()
    return found


class ResultsCase(harness.Case):
    def check(self, wanted, path="tree"):
        """`wanted`: {directory: (seq, stdout, stderr)}; there has to be nothing else."""
        files = {os.fsencode(os.path.normpath(os.path.join(name, leaf))): bytes for name, values in wanted.items()
                 for leaf, bytes in zip(("seq", "stdout", "stderr"), values)}
        found = {name: bytes for name, bytes in tree(self.path(path)).items() if bytes is not None}
        self.assertEqual(found, files)

    def tree_bytes(self, name, leaf):
        return tree(self.path("tree"))[os.path.join(os.fsencode(name), leaf)]


@ways("inproc", "stages-ipc")
class AsParallel(ResultsCase):
    """The installed GNU parallel, beside ours."""

    def parallel(self, *args, **how):
        if not shutil.which("parallel"):
            self.skipTest("GNU parallel is not installed")
        home = self.path("home")
        os.makedirs(home, exist_ok=True)
        environment = {**os.environ, "PARALLEL_HOME": home, "PARALLEL_SHELL": "/bin/sh", "LC_ALL": "C"}
        subprocess.run(["parallel", "--will-cite", "--results", self.path("theirs"), *args], cwd=self.dir, check=True,
                       env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how)

    def compare(self, *args, stdin=b""):
        self.parallel("-j1", *args, input=stdin)
        self.ok("--results", "tree", "-j1", *args, stdin=stdin)
        ours, theirs = tree(self.path("tree")), tree(self.path("theirs"))
        self.assertEqual(ours, theirs)
        return ours

    def test_one_column(self):
        made = self.compare(BOTH, stdin=b"".join(item + b"\n" for item in PLAIN))
        self.assertEqual(sum(bytes is not None for bytes in made.values()), 3 * len(PLAIN))

    def test_items_that_are_no_name(self):
        self.compare(BOTH, stdin=b"a\n\nb\n")
        self.assertEqual(self.read("tree/1/stdout"), b"out \n")

    def test_dot(self):
        self.compare(BOTH, stdin=b"a\n.\n")

    def test_dot_dot_stays_below(self):
        before = self.files()
        self.compare(BOTH, stdin=b"..\n")
        self.assertEqual(self.read("tree/stdout"), b"out ..\n")
        self.assertEqual(sorted([*before, "home", "theirs", "tree"]), self.files())

    def test_several_sources(self):
        self.compare("echo", ":::", "A", "B/C", ":::", "D", "", ":::", "..", "E")

    def test_linked_sources(self):
        self.compare("echo", ":::", "A", "B", ":::+", "C", "D")

    def test_several_items_a_task(self):
        self.compare("-n2", "echo", stdin=b"a\nb\nc\n")

    def test_several_items_of_several_sources(self):
        self.compare("-n2", "echo", ":::", "a", "b", ":::", "c", "d")

    def test_repeated_items_have_the_files_of_the_last(self):
        self.compare("echo {#}", ":::", "a", "a", "b")

    def test_other_ends_of_items(self):
        self.compare("-0", "echo", stdin=b"a\nb\0c\0")

    def test_a_failed_command(self):
        self.dishes("--results", "tree", "sh", "-c", "echo out; echo err >&2; exit 3", "sh", ":::", "no", status=1)
        self.check({"1/no": (b"1", b"out\n", b"err\n")})

    def test_names_in_the_path(self):
        self.ok("--results", "a/b//c/", "echo", ":::", "x")
        self.check({"1/x": (b"1", b"x\n", b"")}, "a/b/c")


class Output(ResultsCase):
    def test_it_is_printed_all_the_same(self):
        result = self.ok("-k", "--results", "tree", *TELL, ":::", "a", "b")
        self.assertEqual((result.out, result.err), (b"out a\nout b\n", b"err a\nerr b\n"))
        self.check({"1/a": (b"1", b"out a\n", b"err a\n"), "1/b": (b"2", b"out b\n", b"err b\n")})

    def test_tags_are_not_in_the_files(self):
        result = self.ok("--tag", "--results", "tree", *TELL, ":::", "a")
        self.assertEqual(result.out, b"a\tout a\n")
        self.check({"1/a": (b"1", b"out a\n", b"err a\n")})

    def test_silence(self):
        self.ok("--results", "tree", "true", ":::", "a", "b")
        self.check({"1/a": (b"1", b"", b""), "1/b": (b"2", b"", b"")})

    def test_what_streams_is_in_the_files_too(self):
        script = 'for i in 1 2 3; do echo "$1 $i"; echo "e $1 $i" >&2; done; printf end'
        for mode in ("--line-buffer", "-u"):
            with self.subTest(mode):
                shutil.rmtree(self.path("tree"), ignore_errors=True)
                self.ok(mode, "-j4", "--results", "tree", "sh", "-c", script, "sh", ":::", *"abcdef")
                self.check({f"1/{c}": (str(n).encode(), f"{c} 1\n{c} 2\n{c} 3\nend".encode(),
                                       f"e {c} 1\ne {c} 2\ne {c} 3\n".encode()) for n, c in enumerate("abcdef", 1)})

    def test_only_the_last_attempt_is_in_the_files(self):
        for mode in ("--group", "--line-buffer", "-u"):
            with self.subTest(mode):
                shutil.rmtree(self.path("tree"), ignore_errors=True)
                self.ok(mode, "-j1", "--retries", "3", "--results", "tree", "sh", "-c",
                        "echo try $DISHES_ATTEMPT; [ $DISHES_ATTEMPT = 3 ]", "sh", ":::", "a")
                self.check({"1/a": (b"1", b"try 3\n", b"")})

    def test_large_outputs(self):
        size = 3_000_000
        result = self.ok("-k", "--results", "tree", "sh", "-c", f"head -c {size} /dev/zero | tr '\\0' $1; "
                         f"head -c {size} /dev/zero | tr '\\0' $1 >&2", "sh", ":::", "a", "b", "c")
        self.assertEqual((len(result.out), len(result.err)), (3 * size, 3 * size))
        self.check({f"1/{c}": (str(n).encode(), c.encode() * size, c.encode() * size) for n, c in enumerate("abc", 1)})

    @unittest.skipIf(SANITIZED, "memory is measured without the sanitizers")
    def test_large_outputs_need_no_memory(self):
        _, memory_bytes = self.measured("-j2", "--results", "tree", "-o", "/dev/null", "sh", "-c",
                                        "head -c 100000000 /dev/zero", "sh", ":::", "1", "2", "3")
        self.assertEqual([os.path.getsize(self.path(f"tree/1/{n}/stdout")) for n in (1, 2, 3)], [100_000_000] * 3)
        self.assertLess(memory_bytes, 40_000_000)

    def test_a_command_that_could_not_be_started(self):
        self.dishes("--results", "tree", "./{}", ":::", "no", status=1)
        self.assertIn(b"no", self.tree_bytes("1/no", b"stderr"))
        self.assertEqual(self.tree_bytes("1/no", b"stdout"), b"")

    def test_an_item_that_no_argument_can_hold(self):
        self.dishes("--results", "tree", "-d", "\\n", "echo", stdin=b"a\0b\nc\n", status=1)
        self.assertIn(b"NUL", self.tree_bytes("1/a\\0b", b"stderr"))

    def test_together_with_a_log_and_a_file(self):
        self.ok("--results", "tree", "--joblog", "log", "-o", "file", "--tagstring", "t{#}", "echo", ":::", "a")
        self.assertEqual(self.read("file"), b"t1\ta\n")
        self.assertEqual(self.read("log").split(b"\n")[1].split(b"\t")[-1], b"echo a")
        self.check({"1/a": (b"1", b"a\n", b"")})

    def test_a_second_run_adds_to_the_first(self):
        self.ok("--results", "tree", "echo", ":::", "a", "b")
        self.ok("--results", "tree", "echo", "new", ":::", "b", "c")
        self.check({"1/a": (b"1", b"a\n", b""), "1/b": (b"1", b"new b\n", b""), "1/c": (b"2", b"new c\n", b"")})


class Exactness(ResultsCase):
    def test_nothing_is_there_before_its_task_is_done(self):
        script = "head -c 200000 /dev/zero; echo > ran; until [ -s go ]; do sleep 0.02; done; echo end"
        program = self.start("--line-buffer", "--results", "tree", "sh", "-c", script, "sh", ":::", "a")
        self.wait_for_files("ran")
        self.assertFalse(os.path.exists(self.path("tree/1")))
        self.write("go", "x")
        self.assertEqual(program.wait().status, 0)
        self.check({"1/a": (b"1", b"\0" * 200000 + b"end\n", b"")})

    @ways("dishes")
    def test_a_run_that_is_ended_leaves_only_what_was_done(self):
        script = '[ "$1" = a ] && { echo a; exit 0; }; yes | head -c 3000000; echo >> ran.$1; sleep 60'
        program = self.start("-j2", "--line-buffer", "--results", "tree", "sh", "-c", script, "sh", ":::", "a", "b", "c")
        self.wait_for_files("ran.", 2)
        program.signal(2)
        program.wait()
        found = {name.decode(): data for name, data in tree(self.path("tree")).items() if data is not None}
        self.assertEqual(found.pop("1/a/stdout"), b"a\n")
        #  What TERM ended may have been counted, as failed; then all of it is there.
        for seq, item in ((2, "b"), (3, "c")):
            if f"1/{item}/seq" in found:
                self.assertEqual(found[f"1/{item}/seq"], b"%d" % seq)
                self.assertEqual(len(found[f"1/{item}/stdout"]), 3_000_000)
        self.assertEqual(len(found) % 3, 2, found.keys())
        self.assertEqual(os.listdir(self.path("tree")), ["1"])

    @ways("inproc")
    def test_what_a_killed_run_left_is_swept(self):
        script = "echo begun; echo > ran; until [ -s go ]; do sleep 0.02; done"
        args = ("--line-buffer", "--results", "tree", "sh", "-c", script, "sh", ":::", "a")
        program = self.start(*args)
        self.wait_for_files("ran")
        self.wait_for(lambda: program.out == b"begun\n", "the first line")
        program.signal(9)
        program.wait()
        self.assertEqual(len([name for name in tree(self.path("tree")) if name.startswith(b".dishes-")]), 2)
        self.write("go", "x")
        self.ok(*args)
        self.check({"1/a": (b"1", b"begun\n", b"")})
        self.assertEqual(os.listdir(self.path("tree")), ["1"])

    @ways("inproc")
    def test_resume_leaves_what_is_there(self):
        args = ("--journal", "journal", "--results", "tree", "sh", "-c", "[ $1 = b ] && exit 1; date +%N", "sh")
        self.dishes(*args, ":::", "a", "b", status=1)
        before = tree(self.path("tree"))
        self.dishes("--resume", *args, ":::", "a", "b", "c", status=1)
        after = tree(self.path("tree"))
        self.assertEqual({name: after[name] for name in before}, before)
        self.assertIn(b"1/c/stdout", after)


class FullDisk(ResultsCase):
    @ways("inproc")
    def test_nothing_is_counted_that_is_not_there(self):
        """The tree is on a file system of 2 MiB, in a mount namespace of its own."""
        unshare = ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-rm"]
        if self.start_program([*unshare, "mount", "-t", "tmpfs", "none", self.tmp]).wait().status != 0:
            self.skipTest("no mount namespace may be made here")
        script = ('mount -t tmpfs -o size=2m none "$TMPDIR"; "$@"; status=$?;'
                  ' (cd "$TMPDIR/tree" && find . -type f) >there; exit $status')
        result = self.start_program([*unshare, "sh", "-c", script, "sh", harness.DISHES, "-j2", "--journal", "journal",
                                     "--results", os.path.join(self.tmp, "tree"), "-o", "/dev/null", "sh", "-c",
                                     "head -c 100000 /dev/zero; echo $1", "sh"],
                                    stdin="".join(f"{n}\n" for n in range(1, 41)).encode()).wait()
        self.assertEqual(result.status, 125, str(result))
        self.check_one_line(result, "cannot write below", "No space left on device")
        there = self.read("there").decode().splitlines()
        self.assertFalse([name for name in there if ".dishes-" in name], "what was not whole is still there")
        with contextlib.closing(sqlite3.connect(self.path("journal"))) as journal:
            counted = journal.execute("SELECT ok FROM figures").fetchone()[0]
            self.assertGreater(counted, 0)
            self.assertLessEqual(counted, sum(name.endswith("/seq") for name in there))


class Refused(ResultsCase):
    def test_what_is_not_one_directory(self):
        for name, word in (("", "empty"), ("x{}", "replacement"), ("{1}/y", "replacement"), ("{/.}", "replacement"),
                           ("a/{#}/", "replacement"), ("{= s/a/b/ =}", "replacement"), ("out.csv", "table"),
                           ("-.tsv", "table"), ("o.json", "table")):
            with self.subTest(name):
                self.usage_error("--results", name, "touch", ":::", "made", says=[word])
        self.assertEqual(self.files(), [])

    def test_braces_that_are_no_replacement(self):
        self.ok("--results", "a{b}", "echo", ":::", "x")
        self.check({"1/x": (b"1", b"x\n", b"")}, "a{b}")

    def test_a_file_is_no_directory(self):
        self.write("file", "x")
        result = self.dishes("--results", "file", "touch", ":::", "made", status=125)
        self.check_one_line(result, "cannot write below file: Not a directory")
        self.assertEqual(self.files(), ["file"])

    def test_a_directory_that_cannot_be_made(self):
        result = self.dishes("--results", "/proc/no", "touch", ":::", "made", status=125)
        self.check_one_line(result, "cannot write below /proc/no:")
        self.assertEqual(self.files(), [])

    def test_items_that_want_the_same_name(self):
        """An empty item has the files 1/stdout …, where the item "stdout" wants a directory."""
        result = self.dishes("-j1", "--results", "tree", "true", ":::", "", "stdout", status=125)
        for line in result.err.splitlines():    # one; of the stages, one each
            self.assertIn(b"cannot write below tree: Not a directory", line)
        self.assertTrue(result.err)


if __name__ == "__main__":
    harness.main()
