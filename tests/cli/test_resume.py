#!/usr/bin/env python3
"""Runs that were broken off, and go on: --resume and --resume-failed, with a journal and with a job log alone."""

# ctest: ways=ipc,tcp plain

import collections
import contextlib
import signal
import sqlite3

import harness

#  Each attempt leaves a line in `ran`; items with an F fail while there is no file `mended`.
WORK = ("sh", "-c", 'echo "$1" >>ran; sleep 0.01; echo "$1"; case $1 in *F*) [ -e mended ];; esac', "sh")


def numbered(count, fails=()):
    return b"".join(b"%d%s\n" % (n, b"F" if n in fails else b"") for n in range(1, count + 1))


class ResumeCase(harness.Case):
    def items(self, data):
        self.write("items", data)
        return ("-a", "items")

    def ran(self):
        return collections.Counter(self.read("ran").decode().split())

    def break_off(self, number, *args, done=20):
        """Starts it, and lets it end by this signal when some of its tasks are done."""
        program = self.start("-j4", *args, *WORK)
        self.wait_for(lambda: len(self.read_or_empty("ran").splitlines()) > done, "some to be done")
        program.signal(number)
        self.assertEqual(program.wait().status, -number, str(program.result))
        self.check_nothing_left()
        return program.result

    def read_or_empty(self, name):
        return self.read(name) if name in self.files(name) else b""


class Journal(ResumeCase):
    def check_goes_on(self, number):
        items = self.items(numbered(100))
        self.break_off(number, "--journal", "j", "-o", "out", *items)
        before = self.ran()
        self.assertLess(len(before), 100)
        self.dishes("-j4", "--journal", "j", "-o", "out", "--resume", *items, *WORK, status=0)
        wanted = {str(n) for n in range(1, 101)}
        self.assertEqual(sorted(self.read("out").decode().split()), sorted(wanted))    # each once
        again = {item for item, times in self.ran().items() if times > 1}
        self.assertLessEqual(len(again), 4 + 64, "more was done again than could be under way")
        self.assertEqual(set(self.ran()), wanted)

    def test_after_a_kill(self):
        self.check_goes_on(signal.SIGKILL)

    def test_after_an_interrupt_only_what_was_under_way_is_done_again(self):
        items = self.items(numbered(100))
        self.break_off(signal.SIGINT, "--journal", "j", "-o", "out", *items)
        self.dishes("-j4", "--journal", "j", "-o", "out", "--resume", *items, *WORK, status=0)
        self.assertEqual(sorted(self.read("out").decode().split()), sorted(str(n) for n in range(1, 101)))
        self.assertLessEqual(sum(self.ran().values()), 100 + 16)   # four run, and some are not told of yet

    def test_in_order_what_waited_comes_in_its_turn(self):
        for number in (signal.SIGKILL, signal.SIGINT):
            with self.subTest(number):
                names = (f"j{number}", f"out{number}")
                options = ("-k", "--journal", names[0], "-o", names[1], *self.items(b"slow\n" + numbered(100)))
                work = ("sh", "-c", 'echo "$1" >>ran; [ "$1" != slow ] || sleep 1; echo "$1"', "sh")
                program = self.start("-j4", *options, *work)
                self.wait_for(lambda: len(self.read_or_empty("ran").splitlines()) > 20, "some to be done")
                program.signal(number)
                self.assertEqual(program.wait().status, -number, str(program.result))
                if number == signal.SIGINT:     # all that was done can be read at the end
                    self.assertGreaterEqual(len(self.read(names[1]).splitlines()), 10)
                self.check_nothing_left()
                self.dishes("-j4", *options, "--resume", *work, status=0)
                self.assertEqual(self.read(names[1]), b"slow\n" + numbered(100))
                self.assertNotIn(f"{names[0]}-early", self.files())
                self.write("ran", "")

    def test_again_and_again(self):
        items = self.items(numbered(150))
        self.break_off(signal.SIGKILL, "--journal", "j", "-o", "out", *items)
        for round_ in (2, 3):
            self.break_off(signal.SIGKILL, "--journal", "j", "-o", "out", "--resume", *items,
                           done=sum(self.ran().values()) + 15)
        self.dishes("-j4", "--journal", "j", "-o", "out", "--resume", *items, *WORK, status=0)
        self.assertEqual(sorted(self.read("out").decode().split()), sorted(str(n) for n in range(1, 151)))

    def test_what_is_done_is_not_done_again(self):
        items = self.items(numbered(30))
        for options in ([], ["--resume"], ["--resume"]):
            self.dishes("-j4", "--journal", "j", *options, *items, *WORK, status=0)
        self.assertEqual(set(self.ran().values()), {1})
        self.assertEqual(len(self.ran()), 30)

    def test_a_longer_list_of_the_same_beginning_is_gone_on_with(self):
        self.dishes("-j4", "--journal", "j", *self.items(numbered(30)), *WORK, status=0)
        self.dishes("-j4", "--journal", "j", "--resume", *self.items(numbered(40)), *WORK, status=0)
        self.assertEqual(self.ran(), {str(n): 1 for n in range(1, 41)})

    def test_a_failure_stays_one_until_it_is_asked_for(self):
        items = self.items(numbered(30, fails=(3, 17)))
        self.dishes("-j4", "--journal", "j", *items, *WORK, status=2)
        self.write("mended", "x")
        self.dishes("-j4", "--journal", "j", "--resume", *items, *WORK, status=2)
        self.assertEqual(set(self.ran().values()), {1})
        self.dishes("-j4", "--journal", "j", "--resume-failed", *items, *WORK, status=0)
        self.assertEqual({item for item, times in self.ran().items() if times == 2}, {"3F", "17F"})
        self.dishes("-j4", "--journal", "j", "--resume-failed", *items, *WORK, status=0)
        self.assertEqual(sum(self.ran().values()), 32)

    def asked(self, query):
        with contextlib.closing(sqlite3.connect(self.path("j"))) as journal:
            return journal.execute(query).fetchall()

    def test_which_failed_is_told_with_its_command(self):
        items = self.items(b"well\nit's bad\nslow\nwell\n")
        work = 'case {} in *bad) exit 3;; slow) sleep 1.1;; esac'
        self.dishes("-j2", "--journal", "j", *items, work, status=1)
        self.assertEqual(self.asked("select n, status, command from failed"),
                         [(2, 3, work.replace("{}", "'it'\"'\"'s bad'"))])
        self.assertEqual(self.asked("select n, command from slow where outcome = 'ok'"),
                         [(3, work.replace("{}", "slow"))])

    def test_which_item_of_a_filter_failed_is_told(self):
        self.dishes("--journal", "j", "--crash-limit", "1", *self.items(b"a\nbad\nc\n"), "--filter", "sed", "-u",
                    "/bad/Q3", status=1)
        self.assertEqual(self.asked("select n, status, command from failed"), [(2, 3, "sed -u /bad/Q3 <<< bad")])

    def test_another_input_is_noticed(self):
        self.dishes("-j4", "--journal", "j", *self.items(numbered(30)), *WORK, status=0)
        for other in (numbered(30).replace(b"17\n", b"18\n"), numbered(12), b"0\n" + numbered(30)):
            with self.subTest(other[:10]):
                result = self.dishes("-j4", "--journal", "j", "--resume", *self.items(other), *WORK, status=125)
                self.assertIn(b"input", result.err)
        self.assertEqual(sum(self.ran().values()), 30)

    def test_another_command_is_noticed(self):
        def run(command, *args):
            return self.dishes("--journal", "j", *args, "sh", "-c", command, "sh", "{}", ":::", "0", "3", status=1)
        run("exit $1")
        self.assertEqual(self.asked("select command from run"), [("sh -c 'exit $1' sh '{}'",)])
        for command, says in (("exit $1; :", 1), ("exit $1", 0)):
            result = run(command, "--resume-failed")
            self.assertEqual(result.err.count(b"another command: sh -c 'exit $1' sh '{}'\n"), says, str(result))

    def test_a_journal_is_not_overwritten_unasked(self):
        self.dishes("--journal", "j", "true", ":::", "1", status=0)
        result = self.dishes("--journal", "j", "true", ":::", "1", status=125)
        self.assertIn(b"--resume", result.err)


class JobLog(ResumeCase):
    def logged(self):
        """The numbers of the jobs that have a line, whole."""
        lines = self.read_or_empty("log").rpartition(b"\n")[0].splitlines()[1:]
        return sorted(int(line.split(b"\t")[0]) for line in lines)

    def check_goes_on(self, number):
        items = self.items(numbered(100))
        self.break_off(number, "--joblog", "log", *items, done=40)
        logged, before = self.logged(), self.ran()
        self.assertGreater(len(logged), 0)
        self.dishes("-j4", "--joblog", "log", "--resume", *items, *WORK, status=0)
        self.assertEqual({n: self.ran()[str(n)] for n in logged}, {n: before[str(n)] for n in logged})
        self.assertEqual(self.logged(), list(range(1, 101)))
        self.assertEqual(len(self.ran()), 100)

    def test_after_an_interrupt(self):
        self.check_goes_on(signal.SIGINT)

    def test_after_a_kill(self):
        self.check_goes_on(signal.SIGKILL)

    def test_the_failed_again(self):
        items = self.items(numbered(20, fails=(5, 6)))
        self.dishes("-j4", "--joblog", "log", *items, *WORK, status=2)
        self.write("mended", "x")
        self.dishes("-j4", "--joblog", "log", "--resume", *items, *WORK, status=0)
        self.assertEqual(set(self.ran().values()), {1})
        self.dishes("-j4", "--joblog", "log", "--resume-failed", *items, *WORK, status=0)
        self.assertEqual({item for item, times in self.ran().items() if times == 2}, {"5F", "6F"})

    def check_noticed(self, says, first, then, *, stdin=b"", later=None):
        """Whether it says that the log is of other tasks, once."""
        self.write("log", "")
        self.dishes("--joblog", "log", *first, stdin=stdin)
        for how in ("--resume", "--resume-failed"):
            result = self.dishes("--joblog", "log", how, *then, stdin=stdin if later is None else later)
            self.assertEqual(result.err.count(b"the job log log tells of: items or command have changed"), int(says),
                             str(result))

    @harness.ways("inproc")
    def test_another_input_is_noticed(self):
        many = numbered(300)
        for other in (b"0\n" + many, many.replace(b"\n160\n", b"\n160x\n"), many.replace(b"\n2\n", b"\n\n")):
            with self.subTest(other[:10]):
                self.check_noticed(True, ["-j4", "true"], ["true"], stdin=many, later=other)
        self.check_noticed(True, ["true", ":::", "a", "b"], ["true", ":::", "b", "a", "c"])
        self.check_noticed(True, ["true", ":::", "a"], ["false", ":::", "a"])
        self.check_noticed(False, ["true", ":::", "a"], ["--quiet", "false", ":::", "a"])

    @harness.ways("inproc")
    def test_the_same_input_is_not(self):
        """However the items lie, and whatever became of them."""
        odd = b"a b\n'\n$(x)\n\t\n" + b"z" * 140000 + b"\n\xff\n"
        for arguments in (["echo"], ["-n2", "echo"], ["-X", "echo"], ["-j3", "echo {%} {#}"], ["echo \"{.}\" {/} | cat\necho"],
                          ["-k", "--tag", "exit 3"], ["--pipe", "--block", "10", "cat"], ["--filter", "cat"], [],
                          ["-r", "-I", "X", "echo", "X"], ["-0", "echo"], ["--timeout", "5", "--retries", "2", "kill -9 $$"]):
            with self.subTest(arguments):
                self.check_noticed(False, arguments, arguments, stdin=odd)
        both = ["echo", "{2}-{1}", ":::", "a b", "c", ":::+", "d", "e", ":::", "f", "g"]
        self.check_noticed(False, both, both)

    def test_without_either_it_is_refused(self):
        self.usage_error("--resume", "true", ":::", "1", says=("--journal", "--joblog"))


if __name__ == "__main__":
    harness.main()
