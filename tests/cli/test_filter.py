#!/usr/bin/env python3
"""--filter: one long-lived command a slot, an item a line in, its result a line out, whatever the command does with
its buffers, and whatever becomes of it."""

# ctest: ways=ipc,stages-tcp plain-ways waits

import os
import signal

import harness
from harness import SANITIZED, alive, ways

#  A filter in Python that counts its lives in files life.1, life.2 ...; each test says what it does with an item.
FILTER = """
import os, select, signal, sys
def work(seconds):
    select.select([], [], [], seconds)
def begin():
    n = 1
    while True:
        try:
            os.close(os.open("life.%d" % n, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            return n
        except FileExistsError:
            n += 1
life = begin()
def say(text):
    text = text.encode()
    while text:
        text = text[os.write(1, text):]
for item in iter(sys.stdin.readline, ""):
    item = item.rstrip("\\n")
"""


def lines(*items):
    return b"".join(str(item).encode() + b"\n" for item in items)


class FilterCase(harness.Case):
    def filter(self, body):
        """Writes filter.py, whose loop does `body` with each item; the words that run it."""
        self.write("filter.py", FILTER + "".join(f"    {line}\n" for line in body.splitlines()))
        return ("/usr/bin/python3", "filter.py")

    def lives(self):
        return len(self.files("life."))


class Answers(FilterCase):
    def test_one_process_a_slot_answers_all_in_order(self):
        result = self.ok("-j1", "-k", "--filter", *self.filter("say('x' + item + '\\n')"), stdin=lines(*range(1000)))
        self.assertEqual(result.out, b"".join(b"x%d\n" % i for i in range(1000)))
        self.assertEqual(result.err, b"")
        self.assertEqual(self.lives(), 1)

    def test_slots_share_the_work(self):
        command = self.filter("say('%s %d\\n' % (os.environ['DISHES_SLOT'], int(item) * 2)); work(0.01)")
        result = self.ok("-j3", "--filter", *command, stdin=lines(*range(60)))
        slots, values = zip(*(line.split() for line in result.lines))
        self.assertEqual(sorted(map(int, values)), list(range(0, 120, 2)))
        self.assertEqual(self.lives(), 3)
        self.assertEqual(set(slots), {b"1", b"2", b"3"})
        for slot in set(slots):     # a slow one gets an item when it has answered the last
            self.assertLess(slots.count(slot), 40)

    def test_tags_logs_and_files_are_of_each_item(self):
        result = self.ok("-j2", "-k", "--tag", "--joblog", "log", "--results", "tree", "--filter", "sed", "-u", "s/^/x/",
                         stdin=b"a b\n\nc\n")
        self.assertEqual(result.out, b"a b\txa b\n\tx\nc\txc\n")
        rows = sorted(line.split(b"\t") for line in self.read("log").splitlines()[1:])
        self.assertEqual([row[6:] for row in rows],
                         [[b"0", b"0", b"sed -u 's/^/x/' <<< " + item] for item in (b"'a b'", b"''", b"c")])
        self.assertEqual(self.read("tree/1/a b/stdout"), b"xa b\n")

    def test_a_shell_line(self):
        result = self.ok("-j1", "-k", "--filter", "sed -u s/^/{%}/ | sed -u 's/$/!/'", stdin=lines("a", "b"))
        self.assertEqual(result.out, b"1a!\n1b!\n")

    def test_several_lines(self):
        result = self.ok("-j2", "-k", "--filter", "--lines", "3", "sed", "-u", "p;p", stdin=lines(1, 2, 3))
        self.assertEqual(result.out, lines(1, 1, 1, 2, 2, 2, 3, 3, 3))

    def test_up_to_an_end_line(self):
        command = self.filter("say(''.join('%d\\n' % i for i in range(int(item))) + 'end\\n')")
        result = self.ok("-j2", "-k", "--filter", "--end-line", "end", *command, stdin=lines(3, 0, 1))
        self.assertEqual(result.out, lines(0, 1, 2, 0))

    def test_items_that_hold_newlines(self):
        result = self.ok("-j2", "-k", "-0", "--filter", "sed", "-zu", "s/\\n/+/g", stdin=b"a\nb\0\0c\n\0")
        self.assertEqual(result.out, b"a+b\0\0c+\0")

    def test_given_items_and_products_are_lines(self):
        result = self.ok("-k", "-j1", "--filter", "sed", "-u", "s/^/x/", ":::", "a", "b c")
        self.assertEqual(result.out, b"xa\nxb c\n")
        result = self.ok("-k", "-j1", "--filter", "--lines", "2", "sed", "-u", "s/^/x/", ":::", "a", "b", ":::", "1")
        self.assertEqual(result.out, b"xa\nx1\nxb\nx1\n")

    def test_several_items_for_one_result(self):
        result = self.ok("-k", "-j1", "-n", "2", "--filter", "--lines", "2", "sed", "-u", "s/^/x/", stdin=lines(1, 2, 3, 4))
        self.assertEqual(result.out, lines("x1", "x2", "x3", "x4"))

    def test_an_item_that_is_no_line_fails_alone(self):
        result = self.dishes("-k", "-j1", "--filter", "sed", "-u", "s/^/x/", ":::", "a", "b\nc", "d", status=1)
        self.assertEqual(result.out, b"xa\nxd\n")
        self.check_one_line(result, "item 'b?c' holds a newline", "use -0")

    def test_what_it_complains_of_goes_with_the_item(self):
        command = self.filter("sys.stderr.write('about %s\\n' % item); sys.stderr.flush(); say(item + '\\n')")
        self.ok("-j1", "--results", "tree", "--filter", *command, stdin=lines("a", "b"))
        self.assertEqual(self.read("tree/1/a/stderr") + self.read("tree/1/b/stderr"), b"about a\nabout b\n")

    def test_halt_judges_each_answer(self):
        command = self.filter("os.kill(os.getpid(), 9) if item == '3' else say(item + '\\n')")
        result = self.dishes("-j1", "-k", "--crash-limit", "1", "--halt", "now,fail=1", "--filter", *command,
                             stdin=lines(*range(1, 100)), status=137)
        self.assertEqual(result.out, lines(1, 2))

    def test_with_retries_a_failed_item_is_tried_again(self):
        command = self.filter("os.kill(os.getpid(), 9) if item == 'b' and life < 3 else say(item + '\\n')")
        result = self.ok("-j1", "-k", "--retries", "3", "--crash-limit", "1", "--filter", *command,
                         stdin=lines("a", "b", "c"))
        self.assertEqual(result.out, lines("a", "b", "c"))


class Buffers(FilterCase):
    """No size of a pipe or a buffer makes the two wait for each other."""

    def test_one_that_keeps_its_answers_in_a_buffer(self):
        count = 20000 if SANITIZED else 200000
        result = self.ok("-j2", "-k", "--filter", "sed", "s/^/x/", stdin=lines(*range(count)))
        self.assertEqual(result.out, b"".join(b"x%d\n" % i for i in range(count)))

    def test_one_that_answers_at_the_end_of_its_input(self):
        result = self.ok("-j1", "-k", "--filter", "tac | tac", stdin=lines(*range(300)))
        self.assertEqual(result.out, lines(*range(300)))

    def test_large_items_and_answers(self):
        items = [bytes([97 + i]) * (300000 * i + 1) for i in range(5)]
        result = self.ok("-j2", "-k", "--filter", *self.filter("say(item + '\\n')"),
                         stdin=b"".join(item + b"\n" for item in items))
        self.assertEqual(result.out, b"".join(item + b"\n" for item in items))

    def test_an_item_that_no_message_has_room_for_as_a_tag(self):
        item = b"i" * 17000000
        result = self.ok("--tag", "--joblog", "log", "--filter", *self.filter("say('x\\n')"),
                         stdin=item + b"\nj\n")
        self.assertEqual(sorted(result.out.splitlines()), [item[:4 << 20] + b"\tx", b"j\tx"])
        self.assertEqual(self.read("log").count(b"\n"), 3)

    def test_answers_that_are_far_longer_than_their_items(self):
        command = self.filter("say(item * 100000 + '\\n')")
        result = self.ok("-j2", "-k", "--filter", *command, stdin=lines(*range(20)))
        self.assertEqual(result.out, b"".join(b"%d" % i * 100000 + b"\n" for i in range(20)))

    def test_byte_by_byte(self):
        command = self.filter("for c in item + '.\\n': say(c)")
        result = self.ok("-j2", "-k", "--filter", *command, stdin=lines(*range(200)))
        self.assertEqual(result.out, b"".join(b"%d.\n" % i for i in range(200)))

    def test_a_last_line_without_its_end_gets_one(self):
        result = self.ok("-j1", "-k", "--filter", "tr '\\n' ' ' | sed 's/ $//'", stdin=lines("a"))
        self.assertEqual(result.out, b"a\n")

    def test_more_stderr_than_a_pipe_holds(self):
        command = self.filter("sys.stderr.write('e' * 3000000 + '\\n'); sys.stderr.flush(); say(item + '\\n')")
        result = self.ok("-j1", "-k", "--filter", *command, stdin=lines("a", "b"))
        self.assertEqual(result.out, lines("a", "b"))
        self.assertEqual(result.err.count(b"left out"), 2)

    def test_a_slow_reader(self):
        reading, writing = os.pipe()
        program = self.start("-j2", "--filter", "sed", "-u", "s/$/ " + "y" * 1000 + "/", stdin=lines(*range(20000)),
                             stdout=writing)
        os.close(writing)
        taken = 0
        while chunk := os.read(reading, 1 << 16):
            taken += len(chunk)
        os.close(reading)
        self.assertEqual(program.wait().status, 0, str(program.result))
        self.assertEqual(taken, sum(len(str(i)) + 1002 for i in range(20000)))
        self.check_nothing_left()


class Deaths(FilterCase):
    def test_what_it_has_not_answered_goes_to_a_fresh_one(self):
        command = self.filter("os.kill(os.getpid(), 9) if item == '30' and life < 3 else say(item + '\\n')")
        result = self.ok("-j1", "-k", "--filter", *command, stdin=lines(*range(100)))
        self.assertEqual(result.out, lines(*range(100)))
        self.assertEqual(self.lives(), 3)

    def test_the_item_that_it_dies_of_has_failed_and_no_other(self):
        #  It reads ahead, so that many were given when it died, and the first of them is not to blame.
        command = self.filter("items = [item] + [i.rstrip('\\n') for i in sys.stdin.readlines(10)]\n"
                              "if 'bad' in items: os.kill(os.getpid(), 9)\n"
                              "say(''.join(i + '\\n' for i in items))")
        result = self.dishes("-j1", "-k", "--filter", *command, stdin=lines(*range(9), "bad", *range(9)), status=1)
        self.assertEqual(result.out, lines(*range(9), *range(9)))
        self.check_one_line(result, "item 'bad' ended 3 filters by signal 9")

    def test_the_crash_limit_and_the_exit_status(self):
        command = self.filter("sys.exit(7) if item == '2' else say(item + '\\n')")
        result = self.dishes("-j1", "-k", "--crash-limit", "2", "--joblog", "log", "--filter", *command,
                             stdin=lines(1, 2, 3), status=1)
        self.assertEqual(result.out, lines(1, 3))
        self.check_one_line(result, "item '2' ended 2 filters: exit status 7, and no answer")
        self.assertEqual(sorted(line.split(b"\t")[6] for line in self.read("log").splitlines()[1:]), [b"0", b"0", b"7"])
        self.assertIn(self.lives(), (3, 4))     # the first death may have been of several items

    def test_one_that_does_a_few_items_and_ends(self):
        result = self.ok("-j1", "-k", "--filter", "head", "-n", "3", stdin=lines(*range(12)))
        self.assertEqual(result.out, lines(*range(12)))

    def test_one_that_is_killed_from_outside_again_and_again(self):
        command = self.filter("say(item + '\\n'); os.write(os.open('pid.%d' % life, os.O_CREAT | os.O_WRONLY), b'%d' % os.getpid())")
        program = self.start("-j1", "-k", "--crash-limit", "0", "--filter", *command, stdin=lines(*range(3000)))
        for life in (1, 2, 3):
            self.wait_for(lambda life=life: self.files(f"pid.{life}") and self.read(f"pid.{life}") or program.ended(),
                          "the next filter, or the end")
            if program.ended():     # its last answer may have come before it was killed
                break
            pid = int(self.read(f"pid.{life}"))
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        self.assertEqual(program.wait().out, lines(*range(3000)))
        self.assertEqual(program.result.status, 0, str(program.result))
        self.check_nothing_left()

    def test_timeout_is_of_the_item_whose_turn_it_is(self):
        command = self.filter("work(1000) if item == 'slow' else say(item + '\\n')")
        result = self.dishes("-j1", "-k", "--timeout", "0.5", "--filter", *command, stdin=lines("a", "slow", "b", "c"),
                             status=1)
        self.assertEqual(result.out, lines("a", "b", "c"))
        self.check_one_line(result, "no answer to item 'slow' in time")
        self.assertEqual(self.lives(), 2)


class WrongCounts(FilterCase):
    def test_too_much(self):
        command = self.filter("say(item + '\\n' + item + '\\n')")
        result = self.dishes("-j1", "--filter", *command, stdin=lines(*range(12)))
        self.assertNotEqual(result.status, 0, str(result))
        self.assertRegex(result.err, rb"the filter prints more than was asked, after its answer to item '\d+'")

    def test_something_before_it_was_asked(self):
        result = self.dishes("-j1", "--filter", "echo ready; exec sed -u 's/^/x/'", stdin=lines("a"))
        self.assertNotEqual(result.status, 0, str(result))
        self.assertIn(b"the filter prints more than was asked, after its answer to item 'a'", result.err)

    def test_too_little(self):
        result = self.dishes("-j1", "-k", "--filter", "sed", "-u", "3d", stdin=lines("a", "b", "c"), status=1)
        self.assertEqual(result.out, lines("a", "b"))
        self.check_one_line(result, "the filter has ended and not answered item 'c': it prints too little")

    def test_nothing(self):
        result = self.dishes("-j1", "--filter", "cat > /dev/null", stdin=lines("a", "b"), status=2)
        self.assertEqual(result.out, b"")
        self.assertEqual(result.err.count(b"it prints too little"), 2)
        self.assertIn(b"not answered item 'a'", result.err)

    def test_an_answer_without_an_end(self):
        if SANITIZED or harness.WAY != "inproc":
            self.skipTest("takes long, and is of no way")
        result = self.dishes("-j1", "--filter", "head -c 100000000 /dev/zero; cat", stdin=lines("a"), status=1)
        self.check_one_line(result, "the answer to item 'a' has more than 64 MiB")


class Ends(FilterCase):
    STAYS = "say(item + '\\n') if item == '1' else (open('running', 'w').write(str(os.getpid())), work(1000))"

    @ways("dishes")
    def test_int_ends_it_and_what_it_had(self):
        program = self.start("-j1", "--filter", *self.filter(self.STAYS), stdin=lines(1, 2, 3))
        self.wait_for_files("running")
        self.wait_for(lambda: program.out == b"1\n", "the first answer")
        pid = int(self.read("running"))
        program.signal(signal.SIGINT)
        self.assertEqual(program.wait().status, -signal.SIGINT, str(program.result))
        self.assertEqual(program.result.out, b"1\n")
        self.assertIn(b"1 task done, 0 of them failed", program.result.err)
        self.assertFalse(alive(pid))
        self.check_nothing_left()

    @ways("dishes")
    def test_int_while_nobody_reads(self):
        reading, writing = os.pipe()
        command = self.filter("say(item * 100000 + '\\n')\nopen('seen', 'w').write(item)")
        program = self.start("-j2", "--filter", *command, stdin=lines(*range(100, 1000)), stdout=writing)
        os.close(writing)
        last = [None, 0]

        def stands_still():
            seen = self.read("seen") if self.files("seen") else None
            last[:] = [seen, last[1] + 1 if seen == last[0] and seen else 0]
            return last[1] > 60
        self.wait_for(stands_still, "that the sink takes no more")
        program.signal(signal.SIGINT)
        self.assertEqual(program.wait().status, -signal.SIGINT, str(program.result))
        os.close(reading)
        self.check_nothing_left()

    def test_the_end_of_the_input_lets_it_finish(self):
        command = self.filter("say(item + '\\n')")
        with open(self.path("filter.py"), "a") as file:
            file.write("work(0.2)\nopen('finished', 'w').write('yes')\n")
        self.ok("-j1", "--filter", *command, stdin=lines(1, 2))
        self.assertEqual(self.read("finished"), b"yes")

    def test_a_deadline(self):
        self.dishes("-j1", "--deadline", "0.5", "--filter", *self.filter(self.STAYS), stdin=lines(1, 2), status=124)

    def start_stages(self, body):
        """A pipeline of 300 items, and one dryer that has begun with them: (sink, washer), dryer, and how to start one."""
        at = ("--at", "ipc://stages")
        self.write("items", lines(*range(300)))
        command = self.filter("say(item + '\\n')\nopen('seen.%d' % os.getpid(), 'a').write('x')\n" + body)
        others = (self.start_program([harness.stage("sink"), *at, "-k"]),
                  self.start_program([harness.stage("washer"), *at, "-a", "items"]))

        def start_dryer(*options):
            return self.start_program([harness.stage("dryer"), *at, "-j1", *options, "--filter", *command])
        first = start_dryer()
        self.wait_for_files("seen.")
        return others, first, start_dryer

    def check_stages(self, others, first, second, status):
        self.assertEqual(first.wait().status, status, str(first.result))
        for program in (second, *others):
            self.assertEqual(program.wait().status, 0, str(program.result))
        self.assertEqual(others[0].result.out, lines(*range(300)))
        self.check_nothing_left()

    @ways("stages-tcp")
    def test_a_dryer_that_drains_answers_what_it_has(self):
        others, first, start_dryer = self.start_stages("work(0.003)")
        first.signal(signal.SIGTERM)
        self.check_stages(others, first, start_dryer(), -signal.SIGTERM)

    @ways("stages-tcp")
    def test_a_dryer_that_is_interrupted_gives_back_what_it_has(self):
        others, first, start_dryer = self.start_stages("work(1000) if not os.path.exists('second') else None")
        self.write("second", "")
        first.signal(signal.SIGINT)
        self.check_stages(others, first, start_dryer(), -signal.SIGINT)

    @ways("stages-tcp")
    def test_a_dryer_that_is_killed_takes_its_filter_along_and_nothing_else(self):
        others, first, start_dryer = self.start_stages("work(1000) if not os.path.exists('second') else None")
        pid = int(self.files("seen.")[0].partition(".")[2])
        self.write("second", "")
        first.signal(signal.SIGKILL)
        self.check_stages(others, first, start_dryer(), -signal.SIGKILL)
        self.assertFalse(alive(pid))


class WhileItRuns(FilterCase):
    SEEN = "say(item + '\\n')\nopen('seen.%d' % os.getpid(), 'a').write('x')\nwork(0.01)"

    @ways("dishes")
    def test_a_slot_more_is_a_filter_more_and_one_less_lets_one_end(self):
        program = self.start("-j1", "-k", "--filter", *self.filter(self.SEEN), stdin=lines(*range(200)))
        self.wait_for_files("seen.")
        program.signal(signal.SIGUSR1)
        self.wait_for_files("seen.", 2)
        pids = [int(name.partition(".")[2]) for name in self.files("seen.")]
        program.signal(signal.SIGUSR2)
        self.wait_for(lambda: sum(map(alive, pids)) < 2, "one of the two to end")
        self.assertEqual(program.wait().out, lines(*range(200)))
        self.assertEqual(program.result.status, 0, str(program.result))
        self.assertEqual(len(self.files("seen.")), 2)
        self.check_nothing_left()

    @ways("inproc")
    def test_ctrl_z_stops_it_and_its_time(self):
        terminal = self.terminal()
        shell = ('seq 100 | "$0" -j1 --timeout 1 --filter /usr/bin/python3 filter.py > out; echo "stopped $?"; sleep 1.5;'
                 ' fg; echo "ended $?"')
        self.filter(self.SEEN)
        program = self.start_program(["bash", "-mc", shell, harness.DISHES], terminal=terminal)
        self.wait_for_files("seen.")
        terminal.type(b"\x1a")
        program.wait()
        self.wait_for(lambda: b"ended 0" in terminal.screen, "the end, without a timeout")
        self.assertIn(b"Stopped", terminal.screen)
        self.assertEqual(self.read("out"), lines(*range(1, 101)))
        self.assertEqual(self.lives(), 1)


class Refused(FilterCase):
    def test_what_does_not_go_with_it(self):
        for args, says in (
                (("--filter",), ("--filter needs COMMAND",)),
                (("--filter", "cat", "{}"), ("'{}' has no value in a command of --filter",)),
                (("--filter", "sed s/{#}/x/"), ("'{#}' has no value",)),
                (("--filter", "-X", "cat"), ("-X is about a command for each task",)),
                (("--filter", "--dry-run", "cat"), ("--dry-run is about a command for each task",)),
                (("--filter", "--delay", "1", "cat"), ("--delay is about a command for each task",)),
                (("--filter", "--lines", "2", "--end-line", "x", "cat"), ("--lines and --end-line exclude each other",)),
                (("--filter", "--lines", "0", "cat"), ("--lines",)),
                (("--lines", "2", "cat"), ("--lines is about filters",)),
                (("--end-line", "x", "cat"), ("--end-line is about filters",))):
            with self.subTest(args=args):
                self.usage_error(*args, says=says, stdin=b"a\n")

    def test_a_command_that_is_not_there(self):
        self.assertEqual(self.dishes("--filter", "no-such-command", stdin=b"a\n").status, 127)


if __name__ == "__main__":
    harness.main()
