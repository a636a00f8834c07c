#!/usr/bin/env python3
"""--json: each task that was put is one line, an object of JSON with all that there is to say of it and its outputs."""

# ctest: seconds=300 ways=ipc,tcp,stages-tcp plain-ways

import base64
import collections
import json
import os
import signal
import time
import unittest

import harness
from harness import SANITIZED, ways
from stages import GATED, StageCase

FIELDS = ["seq", "outcome", "exit_status", "signal", "note", "attempt", "start", "runtime", "host", "dryer", "command",
          "values", "stdout", "stderr"]


def refuse(word):
    raise ValueError(word)


def records(text):
    """Each line is an object, and JSON as it is written down: no NaN, no name twice, UTF-8."""
    def strict(pairs):
        if len(dict(pairs)) != len(pairs):
            raise ValueError(f"a name twice: {pairs}")
        return dict(pairs)
    if text and not text.endswith(b"\n"):
        raise ValueError("the last line is torn")
    return [json.loads(line.decode(), object_pairs_hook=strict, parse_constant=refuse) for line in text.splitlines()]


def bytes_of(record, name):
    """What the task wrote, whichever way it is told."""
    if f"{name}_base64" in record:
        return base64.b64decode(record[f"{name}_base64"], validate=True)
    return record[name].encode()


class JsonCase(harness.Case):
    def json(self, *args, status=0, **how):
        return records(self.dishes("--json", *args, status=status, **how).out)

    def one(self, *args, **how):
        found = self.json(*args, **how)
        self.assertEqual(len(found), 1, found)
        return found[0]


class Fields(JsonCase):
    def test_what_a_line_says(self):
        before = time.time()
        result = self.dishes("-k", "-j1", "--json", "--joblog", "log", "sh", "-c", 'echo "$1"; echo e >&2; exit "$1"', "sh",
                             ":::", "0", "3", status=1)
        self.assertEqual(result.err, b"")
        found = records(result.out)
        for seq, record in enumerate(found, 1):
            self.assertEqual(list(record), FIELDS)
            self.assertTrue(before - 1 <= record["start"] <= time.time() + 1, record)
            self.assertTrue(0 <= record["runtime"] < 100, record)
            self.assertEqual(record["host"], os.uname().nodename)
            self.assertTrue(record["dryer"])
            self.assertEqual(record["seq"], seq)
        rows = [row.split(b"\t") for row in self.read("log").splitlines()[1:]]
        self.assertEqual([record["command"].encode() for record in found], [row[8] for row in rows])
        self.assertEqual([f"{record['start']:.3f}".encode() for record in found], [row[2] for row in rows])
        told = [[record[name] for name in FIELDS[1:6] + FIELDS[11:]] for record in found]
        self.assertEqual(told, [["ok", 0, None, None, 1, ["0"], "0\n", "e\n"],
                                ["failed", 3, None, None, 1, ["3"], "3\n", "e\n"]])

    def test_how_it_failed(self):
        def told(*args, **how):
            record = self.one(*args, status=1, **how)
            return [record[name] for name in ("exit_status", "signal", "note", "attempt")]
        self.assertEqual(told("sh", "-c", "kill -9 $$", ":::", "a"), [None, 9, None, 1])
        self.assertEqual(told("--timeout", "0.1", "sleep", ":::", "100")[2], "timed out")
        self.assertEqual(told("./{}", ":::", "no")[0::2], [127, "not started"])
        self.assertEqual(told("--retries", "3", "false", ":::", "a"), [1, None, None, 3])

    def test_only_the_last_try_is_a_line(self):
        record = self.one("--retries", "0", "sh", "-c", 'echo "$DISHES_ATTEMPT"; [ "$DISHES_ATTEMPT" = 4 ]', ":::", "a")
        self.assertEqual((record["attempt"], record["stdout"], record["outcome"]), (4, "4\n", "ok"))

    @ways("inproc", "ipc")
    def test_values(self):
        def values(*args, **how):
            return sorted(record.get("values", record.get("values_base64")) for record in self.json(*args, **how))
        self.assertEqual(values("echo", "{1}{2}", ":::", "a", ":::", "1", "2"), [["a", "1"], ["a", "2"]])
        self.assertEqual(values("-n2", "echo", stdin=b"a\nb\n\n"), [[""], ["a", "b"]])
        self.assertEqual(values("-n2", "true", stdin=b"a\n\xff\n"), [["YQ==", "/w=="]])
        self.assertEqual(self.one("--pipe", "cat", stdin=b"a\nb\n")["values"], None)

    def test_a_tag_is_a_field(self):
        found = self.json("-k", "--tagstring", "<{}>", "printf", "%s\n%s\n", ":::", "a")
        self.assertEqual([(record["tag"], record["stdout"]) for record in found], [("<a>", "a\n\n")])


class Bytes(JsonCase):
    ALL = bytes(range(256)) * 3

    def test_all_bytes_come_back(self):
        self.write("all", self.ALL)
        text = "\0\x01\x1f \"\\/\x7f\x80äß€\U0001f600\u2028\r\n\t".encode()
        self.write("text", text)
        found = self.json("-k", "sh", "-c", 'cat "$1"; cat "$2" >&2', "sh", "{1}", "{2}", ":::", "all", "text", ":::",
                          "all", "text")
        wanted = {"all": self.ALL, "text": text}
        for record in found:
            self.assertEqual([bytes_of(record, "stdout"), bytes_of(record, "stderr")],
                             [wanted[name] for name in record["values"]])
            self.assertEqual("stdout" in record, record["values"][0] == "text")
            self.assertEqual("stderr" in record, record["values"][1] == "text")

    def test_names_and_commands_that_are_no_text(self):
        record = self.one("echo", b"x\xff", "{}", ":::", b"a\n\xfe\"")
        self.assertEqual(bytes_of(record, "stdout"), b"x\xff a\n\xfe\"\n")
        self.assertEqual(base64.b64decode(record["values_base64"][0]), b"a\n\xfe\"")
        self.assertIn(b"x\xff", base64.b64decode(record["command_base64"]))

    def test_large_outputs_in_pieces(self):
        """Each piece goes by itself, between those of others; a character lies across the borders of some."""
        line = "äö€ \"quoted\" \\ \t".encode()
        self.write("line", line)
        script = "yes \"$(cat line)\" | head -n 20000; [ $1 != 2 ] || printf '\\377'; yes e | head -n 50000 >&2"
        for order in ((), ("-k",)):
            found = self.json("-j3", *order, "sh", "-c", script, "sh", ":::", "1", "2", "3")
            self.assertEqual(sorted(record["seq"] for record in found), [1, 2, 3])
            for record in found:
                end = b"\xff" if record["seq"] == 2 else b""
                self.assertEqual(bytes_of(record, "stdout"), (line + b"\n") * 20000 + end)
                self.assertEqual(record["stderr"], "e\n" * 50000)
                self.assertEqual("stdout" in record, record["seq"] != 2)

    @unittest.skipIf(SANITIZED, "memory is measured without the sanitizers")
    @ways("inproc")
    def test_memory_does_not_grow_with_the_output(self):
        with open(self.path("out"), "wb") as out:
            for order in ((), ("-k",)):
                script = "[ $1 = 1 ] && sleep 0.3; head -c 30000000 /dev/zero | tr '\\0' '\\n'"
                _, memory = self.measured("-j2", "--json", *order, "sh", "-c", script, "sh", ":::", "1", "2", stdout=out)
                self.assertLess(memory, 64 << 20)
        self.assertGreater(os.path.getsize(self.path("out")), 4 * 60_000_000)


class EveryTaskOnce(JsonCase):
    def test_among_many(self):
        found = self.json("-j4", "sh", "-c", "exit $(($1 % 7 == 0))", "sh", stdin=b"".join(b"%d\n" % n for n in range(200)),
                          status=29)
        self.assertEqual(sorted(record["seq"] for record in found), list(range(1, 201)))
        self.assertEqual(collections.Counter(record["outcome"] for record in found), {"ok": 171, "failed": 29})

    def test_in_order(self):
        script = "[ $(($1 % 5)) != 0 ] || sleep 0.1; echo $1"
        found = self.json("-k", "-j4", "sh", "-c", script, "sh", stdin=b"".join(b"%d\n" % n for n in range(40)))
        self.assertEqual([record["stdout"] for record in found], [f"{n}\n" for n in range(40)])
        self.assertEqual([record["seq"] for record in found], list(range(1, 41)))

    def test_of_a_filter(self):
        found = self.json("-k", "-j2", "--filter", "sed", "-u", "s/$/!/", stdin=b"a\n\"\nc\n")
        self.assertEqual([(record["values"], record["stdout"]) for record in found],
                         [(["a"], "a!\n"), (['"'], '"!\n'), (["c"], "c!\n")])

    def test_of_blocks(self):
        data = b"".join(b"%d\n" % n for n in range(20000))
        found = self.json("-k", "--pipe", "--block", "10k", "cat", stdin=data)
        self.assertGreater(len(found), 5)
        self.assertEqual("".join(record["stdout"] for record in found).encode(), data)

    def test_of_a_run_that_was_halted(self):
        found = self.json("-j1", "--halt", "now,fail=1", "sh", "-c", "echo $1; [ $1 != 3 ]", "sh",
                          ":::", *map(str, range(1, 9)), status=1)
        self.assertEqual([(record["seq"], record["outcome"]) for record in found],
                         [(1, "ok"), (2, "ok"), (3, "failed")])

    def test_nothing_else_goes_to_stdout(self):
        self.assertEqual(self.dishes("--json", "true", stdin=b"", status=0).out, b"")
        self.assertEqual(self.one("true", ":::", "a")["stdout"], "")

    @ways("inproc")
    def test_what_would_run(self):
        self.assertEqual(self.one("--dry-run", "echo", "a b", ":::", "c")["stdout"], "echo 'a b' c\n")

    @ways("inproc")
    def test_usage(self):
        for option in ("-u", "--line-buffer"):
            self.usage_error("--json", option, "echo", ":::", "a", says=["--json", "leave out -u"])
        self.usage_error("--results", "o.json", "echo", ":::", "a", says=["--json"])


class AcrossACrash(JsonCase):
    """As test_resume.py has it of plain outputs: a line a task, whole, in the file of -o."""

    def goes_on(self, number, *order):
        work = ("sh", "-c", 'echo "$1" >>ran; [ "$1" != 1 ] || sleep 1; seq $(($1 * 50)); echo "e$1" >&2', "sh")
        self.write("ran", "")
        self.write("items", "".join(f"{n}\n" for n in range(1, 101)))
        options = ("-j4", *order, "--json", "--journal", f"j{number}{order}", "-o", "out", "-a", "items")
        program = self.start(*options, *work)
        self.wait_for(lambda: len(self.read("ran").splitlines()) > 30, "some to be done")
        program.signal(number)
        self.assertEqual(program.wait().status, -number, str(program.result))
        self.check_nothing_left()
        self.assertEqual(self.dishes(*options, "--resume", *work, status=0).err, b"")
        found = records(self.read("out"))
        self.assertEqual(sorted(record["seq"] for record in found), list(range(1, 101)))
        if order:
            self.assertEqual([record["seq"] for record in found], list(range(1, 101)))
        for record in found:
            n = record["seq"]
            self.assertEqual(list(record), FIELDS)
            self.assertEqual(record["values"], [str(n)])
            self.assertEqual(record["stdout"], "".join(f"{i}\n" for i in range(1, n * 50 + 1)))
            self.assertEqual(record["stderr"], f"e{n}\n")

    @ways("inproc", "ipc")
    def test_after_a_kill(self):
        self.goes_on(signal.SIGKILL)

    @ways("inproc", "ipc")
    def test_after_a_kill_in_order(self):
        self.goes_on(signal.SIGKILL, "-k")

    @ways("inproc")
    def test_after_an_interrupt_in_order(self):
        self.goes_on(signal.SIGINT, "-k")

    @ways("inproc")
    def test_a_sink_that_goes_on_after_what_is_no_json(self):
        """What waited since then is known by its number; nothing of it is lost."""
        work = ("sh", "-c", 'echo "$1" >>ran; [ "$1" != slow ] || [ -e go ] || sleep 1; echo "$1"', "sh")
        items = ("slow", *map(str, range(2, 31)))
        options = ("-k", "-j2", "--journal", "j", "-o", "out", ":::")
        program = self.start(*options[:-1], *work, ":::", *items)
        self.wait_for(lambda: "ran" in self.files() and len(self.read("ran").splitlines()) > 10, "some to be done")
        program.signal(signal.SIGKILL)
        program.wait()
        self.write("go", "")
        self.dishes("--json", "--resume", *options[:-1], *work, ":::", *items, status=0)
        found = records(self.read("out"))
        self.assertEqual([record["seq"] for record in found], list(range(1, 31)))
        self.assertEqual([bytes_of(record, "stdout").decode() for record in found], [f"{item}\n" for item in items])


class WithoutADryer:
    """Tasks that no dryer has done have a line, too."""

    def test_one_that_is_given_up(self):
        sink = self.sink("-k", "--json", "--crash-limit", "1", "--dead-after", "1")
        washer = self.washer(stdin=b"bad\n2\n")
        dryers = [self.dryer("-j1", "--name", f"d{n}", "sh", "-c", "[ $1 != bad ] || kill -9 $PPID; echo $1", "sh")
                  for n in range(3)]
        self.all_end(1, sink, washer)
        self.all_end((0, -signal.SIGKILL), *dryers)
        bad, good = records(sink.out)
        self.assertEqual([bad[name] for name in ("seq", "outcome", "note", "attempt", "values", "stdout", "dryer")],
                         [1, "broken", "its dryers died", 1, ["bad"], "", None])
        self.assertEqual([good[name] for name in ("seq", "outcome", "stdout")], [2, "ok", "2\n"])
        self.assertIn(good["dryer"], ("d0", "d1", "d2"))

    def test_what_is_dropped(self):
        for order in ((), ("-k",)):
            with self.subTest(order):
                self.at = self.address()
                count = 200
                sink, dryer = self.sink("--json", *order), self.dryer("-j1", "--prefetch", "0", *GATED)
                washer = self.washer("-n", "1000", "--queue", "2", "--when-full", "drop",
                                     stdin=b"".join(b"%d\n" % n for n in range(count * 1000)))
                self.wait_for_files("running.")
                self.wait_for(lambda: not washer.threads[0].is_alive(), "the washer to read all")
                self.go()
                self.ends(dryer, 0)
                self.ends(washer, self.ends(sink, tuple(range(1, 102))).status)
                found = records(sink.out)
                self.assertEqual(sorted(record["seq"] for record in found), list(range(1, count + 1)))
                kinds = collections.Counter(record["outcome"] for record in found)
                self.assertEqual(set(kinds), {"ok", "dropped"})
                for name in self.files("running.") + ["go"]:
                    os.unlink(self.path(name))

    def test_lines_into_the_next_pipeline(self):
        """An item of it is a task of this one, whatever that wrote."""
        next_ = self.address()
        parts = [self.sink("--json", "-k", "--into", next_), self.dryer("-j1", "printf", "%s\n%s"),
                 self.washer("-n2", stdin=b"a\nb\nc\n\"\n"), self.part("dryer", "-j1", "echo", at=next_)]
        last = self.part("sink", "-k", at=next_)
        self.ends(last, 0)
        self.all_end(0, *parts)
        self.assertEqual([record["stdout"] for record in records(last.out)], ["a\nb", "c\n\""])


@ways("inproc")
class WithoutADryerIpc(WithoutADryer, StageCase):
    transport = "ipc"


@ways("inproc")
class WithoutADryerTcp(WithoutADryer, StageCase):
    transport = "tcp"


if __name__ == "__main__":
    harness.main()
