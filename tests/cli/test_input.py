#!/usr/bin/env python3
"""Where items come from, how they become commands, and what a command finds when it starts."""

# ctest: ways=ipc,tcp plain

import os
import random
import resource

import harness

SHOW = "#!/bin/sh\n[ $# = 0 ] || printf '<%s>' \"$@\"\necho\n"


class InputCase(harness.Case):
    def setUp(self):
        super().setUp()
        self.write("show", SHOW, mode=0o755)

    def shown(self, *args, stdin=None, **how):
        """The lines of `dishes -k ARGS...`, as text."""
        return self.ok("-k", *args, stdin=stdin, **how).out.decode().splitlines()


class Sources(InputCase):
    def test_lines_of_stdin(self):
        self.assertEqual(self.shown("./show", stdin=b"a\nb c\n"), ["<a>", "<b c>"])

    def test_a_file(self):
        self.write("list", "a\nb\n")
        self.assertEqual(self.shown("-a", "list", "./show", stdin=b"not this\n"), ["<a>", "<b>"])

    def test_a_file_leaves_stdin_alone(self):
        self.write("list", "a\n")
        ours, theirs = os.pipe()
        os.write(theirs, b"mine")
        self.assertEqual(self.shown("-a", "list", "./show", stdin=ours), ["<a>"])
        os.set_blocking(ours, False)
        self.assertEqual(os.read(ours, 10), b"mine")
        os.close(ours)
        os.close(theirs)

    def test_stdin_is_not_left_non_blocking(self):
        ours, theirs = os.pipe()
        os.write(theirs, b"a\n")
        os.close(theirs)
        self.shown("./show", stdin=ours)
        self.assertTrue(os.get_blocking(ours))
        os.close(ours)

    def test_a_list_on_the_command_line(self):
        self.assertEqual(self.shown("./show", ":::", "a", "b c", ""), ["<a>", "<b c>", "<>"])

    def test_files_on_the_command_line(self):
        self.write("list", "a\nb\n")
        self.assertEqual(self.shown("./show", "::::", "list"), ["<a>", "<b>"])

    def test_a_dash_is_stdin(self):
        self.assertEqual(self.shown("./show", "::::", "-", stdin=b"a\n"), ["<a>"])
        self.assertEqual(self.shown("-a", "-", "./show", stdin=b"a\n"), ["<a>"])

    def test_repeated_sources_make_a_product_whose_last_varies_fastest(self):
        wanted = ["<a><c>", "<a><d>", "<b><c>", "<b><d>"]
        self.assertEqual(self.shown("./show", "{1}", "{2}", ":::", "a", "b", ":::", "c", "d"), wanted)
        self.assertEqual(self.shown("./show", ":::", "a", "b", ":::", "c", "d"), wanted)
        self.write("list", "c\nd\n")
        self.assertEqual(self.shown("./show", ":::", "a", "b", "::::", "list"), wanted)
        self.write("first", "a\nb\n")
        self.assertEqual(self.shown("-a", "first", "-a", "list", "./show"), wanted)

    def test_a_product_of_three(self):
        lines = self.shown("./show", "{3}{1}{2}", ":::", "a", "b", ":::", "c", "d", ":::", "e", "f", "g")
        self.assertEqual(lines, [f"<{z}{x}{y}>" for x in "ab" for y in "cd" for z in "efg"])

    @harness.ways("dishes")     # over stages no dryer is waited for: see test_stages.py
    def test_a_product_with_an_empty_source_is_empty(self):
        self.write("empty", "")
        self.assertEqual(self.shown("./show", ":::", "a", "::::", "empty"), [])

    def test_linked_sources_go_in_step_and_the_shortest_ends_them(self):
        self.assertEqual(self.shown("./show", ":::", "a", "b", ":::+", "c", "d"), ["<a><c>", "<b><d>"])
        self.assertEqual(self.shown("./show", ":::", "a", "b", "x", ":::+", "c", "d"), ["<a><c>", "<b><d>"])

    def test_a_link_inside_a_product(self):
        lines = self.shown("./show", ":::", "a", "b", ":::", "1", "2", ":::+", "x", "y")
        self.assertEqual(lines, ["<a><1><x>", "<a><2><y>", "<b><1><x>", "<b><2><y>"])

    def test_items_run_before_the_input_has_ended(self):
        ours, theirs = os.pipe()
        program = self.start("sh", "-c", "echo > seen.$1", "sh", stdin=ours)
        os.close(ours)
        os.write(theirs, b"first\n")
        self.wait_for_files("seen.first")
        os.write(theirs, b"second\n")
        self.wait_for_files("seen.second")
        os.close(theirs)
        self.assertEqual(program.wait().status, 0)


class Delimiters(InputCase):
    def test_nul(self):
        self.assertEqual(self.ok("-k", "-0", "./show", stdin=b"a\nb\0c\0").out, b"<a\nb>\n<c>\n")

    def test_a_byte_of_choice(self):
        self.assertEqual(self.shown("-d", ",", "./show", stdin=b"a,b c,d"), ["<a>", "<b c>", "<d>"])

    def test_a_byte_of_choice_keeps_the_newline_at_the_end(self):
        self.assertEqual(self.ok("-k", "-d", ",", "./show", stdin=b"a,b\n").out, b"<a>\n<b\n>\n")

    def test_escapes(self):
        for escape, byte in ((r"\t", b"\t"), (r"\n", b"\n"), (r"\0", b"\0"), (r"\x3a", b":")):
            with self.subTest(escape):
                self.assertEqual(self.shown("-d", escape, "./show", stdin=b"a" + byte + b"b" + byte), ["<a>", "<b>"])

    def test_a_last_line_without_newline_counts(self):
        self.assertEqual(self.shown("./show", stdin=b"a\nb"), ["<a>", "<b>"])

    def test_an_empty_line_is_an_empty_item(self):
        self.assertEqual(self.shown("./show", stdin=b"\na\n\n"), ["<>", "<a>", "<>"])

    def test_a_carriage_return_stays_in_the_item(self):
        self.assertEqual(self.ok("-k", "./show", stdin=b"a\r\nb\r\n").out, b"<a\r>\n<b\r>\n")

    def test_r_leaves_blank_items_out(self):
        self.assertEqual(self.shown("-r", "./show", stdin=b"\na\n  \n\nb\n"), ["<a>", "<b>"])

    def test_blanks_and_quotes_are_kept_as_they_are(self):
        self.assertEqual(self.shown("./show", stdin=b"  a  'b' \"c\" \\d\t\n"), ["<  a  'b' \"c\" \\d\t>"])


class Grouping(InputCase):
    def test_n_items_a_command(self):
        self.assertEqual(self.shown("-n", "2", "./show", stdin=b"a\nb\nc\n"), ["<a><b>", "<c>"])
        self.assertEqual(self.shown("-n2", "./show", "x", "{}", "y", stdin=b"a\nb\nc\n"), ["<x><a><b><y>", "<x><c><y>"])

    def test_a_task_is_one_command(self):
        self.assertEqual(self.shown("-n", "2", "echo {#}", stdin=b"a\nb\nc\n"), ["1", "2"])
        self.assertEqual(self.dishes("-n", "2", "false", stdin=b"a\nb\nc\n").status, 2)

    def test_as_many_as_fit_in_128_KiB(self):
        items = [f"{n:06}" for n in range(50000)]
        result = self.ok("-k", "-j1", "-X", "./show", stdin="\n".join(items).encode())
        self.assertEqual(result.out.replace(b"\n", b"").decode(), "".join(f"<{item}>" for item in items))
        longest = max(line.count(b"<") * 7 for line in result.lines)
        self.assertLessEqual(longest, 128 * 1024)
        self.assertGreater(longest, 100 * 1024)

    def test_s_says_how_many_bytes_fit(self):
        lines = self.shown("-X", "-s", "50", "./show", stdin=b"0123456789\n" * 7)
        self.assertEqual(sum(line.count("<") for line in lines), 7)
        self.assertTrue(all(1 <= line.count("<") <= 4 for line in lines), lines)
        self.assertTrue(any(line.count("<") >= 3 for line in lines), lines)

    def test_X_repeats_the_word_for_each_item(self):
        self.assertEqual(self.shown("-X", "-j1", "./show", "x{}y", stdin=b"a\nb\n"), ["<xay><xby>"])

    def test_X_with_n_is_at_most_n(self):
        self.assertEqual(self.shown("-X", "-n", "2", "./show", stdin=b"a\nb\nc\n"), ["<a><b>", "<c>"])

    @harness.ways("dishes")     # over stages no dryer is waited for: see test_stages.py
    def test_nothing_runs_on_empty_input(self):
        for args in ([], ["-r"], ["-X"], ["-n", "5"], ["-0"]):
            with self.subTest(args):
                self.assertEqual(self.shown(*args, "./show", stdin=b""), [])


class ReplacementStrings(InputCase):
    def test_the_family(self):
        table = [
            ("{}", "a/b.c/d.tar.gz", "a/b.c/d.tar.gz"),
            ("{.}", "a/b.c/d.tar.gz", "a/b.c/d.tar"),
            ("{.}", "a.b/c", "a.b/c"),
            ("{/}", "a/b.c/d.gz", "d.gz"),
            ("{//}", "a/b.c/d.gz", "a/b.c"),
            ("{//}", "d.gz", "."),
            ("{/.}", "a/b.c/d.tar.gz", "d.tar"),
            ("x{}y{}z", "1", "x1y1z"),
            ("{.}.mp3", "song.wav", "song.mp3"),
            ("{1}-{1.}-{1/}-{1//}-{1/.}", "a/b.c", "a/b.c-a/b-b.c-a-b"),
            ("{", "a", "{"),
            ("{x}", "a", "{x}"),
        ]
        for template, item, wanted in table:
            with self.subTest(template=template, item=item):
                lines = self.shown("./show", template, ":::", item)
                self.assertEqual(lines[0].split("><")[0].strip("<>"), wanted)

    def test_without_a_replacement_string_the_item_goes_last(self):
        self.assertEqual(self.shown("./show", "a", "-b", ":::", "c"), ["<a><-b><c>"])

    def test_the_number_of_the_task(self):
        self.assertEqual(self.shown("./show", "{#}:{}", ":::", "a", "b", "c"), ["<1:a>", "<2:b>", "<3:c>"])

    def test_slots_are_numbered_from_1_to_the_number_of_jobs(self):
        lines = self.shown("-j3", "./show", "{%}", stdin=b"\n" * 60)
        self.assertLessEqual(set(lines), {"<1>", "<2>", "<3>"})
        self.assertEqual(set(self.shown("-j1", "./show", "{%}", stdin=b"\n" * 5)), {"<1>"})

    def test_I_says_what_stands_for_an_item(self):
        self.assertEqual(self.shown("-I", "@@", "./show", "x@@{}", ":::", "a"), ["<xa{}>"])

    def test_a_template_in_command_position(self):
        self.assertEqual(self.shown("{}", "x", ":::", "./show", "echo"), ["<x>", "x"])

    def test_the_item_is_not_looked_at_for_replacement_strings(self):
        self.assertEqual(self.shown("./show", "{}{.}", ":::", "{#}"), ["<{#}{#}>"])


class CommandLine(InputCase):
    def test_options_end_at_the_first_operand(self):
        self.assertEqual(self.shown("./show", "-j4", "--tag", "-x", ":::", "a"), ["<-j4><--tag><-x><a>"])

    def test_options_end_at_two_dashes(self):
        self.write("-odd", SHOW, mode=0o755)
        env = {"PATH": self.dir + ":" + os.environ["PATH"]}
        self.assertEqual(self.shown("--", "-odd", "--", ":::", "a", env=env), ["<--><a>"])

    def test_values_stand_in_every_usual_form(self):
        for args in (["-j2"], ["-j", "2"], ["--jobs=2"], ["--jobs", "2"], ["-P2"], ["-P", "2"]):
            with self.subTest(args):
                self.assertEqual(self.shown(*args, "./show", ":::", "a"), ["<a>"])

    def test_short_options_may_share_a_dash(self):
        self.assertEqual(self.shown("-0j1", "./show", stdin=b"a\0b\0"), ["<a>", "<b>"])

    def test_q_is_accepted_and_changes_nothing(self):
        self.assertEqual(self.shown("-q", "./show", "$(id)", ":::", "a"), ["<$(id)><a>"])

    def test_a_command_of_several_words_never_meets_a_shell(self):
        self.assertEqual(self.shown("./show", "$HOME", ";", "|", "*", ":::", "a"), ["<$HOME><;><|><*><a>"])

    def test_a_single_word_with_shell_characters_is_a_shell_line(self):
        self.assertEqual(self.shown("./show {} | tr a-z A-Z", ":::", "a b"), ["<A B>"])
        self.assertEqual(self.shown("printf '%s-' {} x; echo", ":::", "a b"), ["a b-x-"])

    def test_a_single_plain_word_is_no_shell_line(self):
        self.assertEqual(self.shown("./show", ":::", "a;b"), ["<a;b>"])
        self.assertEqual(self.shown("{}", ":::", "./show"), [""])

    def test_shell_joins_the_words(self):
        self.assertEqual(self.shown("--shell", "./show", "{}", "|", "tr", "a", "b", ":::", "a"), ["<b>"])

    def test_the_shell_is_sh_or_what_was_asked_for(self):
        self.write("mysh", f'#!/bin/sh\nprintf "mine "\nexec /bin/sh "$@"\n', mode=0o755)
        mine = self.path("mysh")
        self.assertEqual(self.shown("echo {};", ":::", "a"), ["a"])
        self.assertEqual(self.shown("echo {};", ":::", "a", env={"DISHES_SHELL": mine}), ["mine a"])
        self.assertEqual(self.shown("echo {};", ":::", "a", env={"PARALLEL_SHELL": mine}), ["mine a"])
        self.assertEqual(self.shown(f"--shell={mine}", "echo {}", ":::", "a"), ["mine a"])

    def test_without_a_command_each_item_is_a_shell_line(self):
        self.assertEqual(self.shown(stdin=b"echo a; echo b\n./show 'c d' | cat\n"), ["a", "b", "<c d>"])
        self.assertEqual(self.shown(":::", "echo a", "echo $((1 + 1))"), ["a", "2"])

    def test_dry_run_shows_what_would_run_so_that_it_can_be_pasted(self):
        items = ["a b", "it's", "$(id)", "x;y", "plain"]
        lines = self.shown("--dry-run", "touch", "made-{}", ":::", *items)
        self.assertEqual(len(lines), len(items))
        self.assertEqual(self.files("made"), [])
        self.start_program(["sh", "-e"], stdin="\n".join(lines).encode()).wait()
        self.assertEqual(self.files("made"), sorted(f"made-{item}" for item in items))

    def test_t_prints_each_command_to_stderr(self):
        result = self.ok("-t", "-k", "-j1", "./show", ":::", "a b", "c")
        self.assertEqual(result.lines, [b"<a b>", b"<c>"])
        self.assertEqual(result.err.splitlines(), [b"./show 'a b'", b"./show c"])


class WhatACommandFinds(InputCase):
    def test_stdin_is_dev_null(self):
        self.assertEqual(self.shown("sh", "-c", "cat; readlink /proc/self/fd/0", "sh", stdin=b"a\nb\n"),
                         ["/dev/null"] * 2)

    def test_only_the_descriptors_0_1_2(self):
        inherited = os.open("/dev/null", os.O_RDONLY)
        os.set_inheritable(inherited, True)
        result = self.ok("sh", "-c", "ls /proc/$$/fd; echo", ":::", "a", pass_fds=[inherited])
        self.assertEqual(result.out.split(), [b"0", b"1", b"2"])
        os.close(inherited)

    def test_a_process_group_of_its_own(self):
        for line in self.shown("sh", "-c", "echo $$ $(cut -d' ' -f5 /proc/$$/stat)", "sh", ":::", "a", "b"):
            pid, group = line.split()
            self.assertEqual(pid, group)

    def test_the_numbers_in_the_environment(self):
        lines = self.shown("-j1", "sh", "-c",
                           'echo "$DISHES_SEQ $DISHES_ATTEMPT $DISHES_SLOT $PARALLEL_SEQ $PARALLEL_JOBSLOT"',
                           "sh", ":::", "a", "b")
        self.assertEqual(lines, ["1 1 1 1 1", "2 1 1 2 1"])

    def test_the_attempt_is_counted(self):
        line = 'echo $DISHES_ATTEMPT >> tries; [ $DISHES_ATTEMPT = 3 ]'
        self.ok("--retries", "3", "sh", "-c", line, "sh", ":::", "a")
        self.assertEqual(self.read("tries").split(), [b"1", b"2", b"3"])

    def test_pipeline_and_dryer_have_names(self):
        self.assertRegex(self.shown("sh", "-c", 'echo "$DISHES_PIPELINE $DISHES_DRYER"', "sh", ":::", "a")[0], r"\S \S")

    @harness.ways("dishes")     # it says where they meet
    def test_the_address_and_the_key_are_taken_away(self):
        env = {"DISHES_AT": "inproc://here", "DISHES_KEY": "secret"}
        self.assertEqual(self.shown("sh", "-c", 'echo "[$DISHES_AT][$DISHES_KEY]"', "sh", ":::", "a", env=env), ["[][]"])

    def test_the_rest_of_the_environment_stays(self):
        self.assertEqual(self.shown("sh", "-c", 'echo "$MINE"', "sh", ":::", "a", env={"MINE": "x y"}), ["x y"])

    def test_the_limit_of_open_files_is_the_one_we_started_with(self):
        limit = (resource.RLIMIT_NOFILE, 128, 4096)
        self.assertEqual(self.shown("sh", "-c", "ulimit -n", "sh", stdin=b"1\n2\n", limits=[limit]), ["128", "128"])

    def test_no_signal_is_blocked_or_ignored(self):
        for line in self.shown("grep", "-hE", "Sig(Blk|Ign):", ":::", "/proc/self/status"):
            self.assertEqual(int(line.split()[1], 16), 0, line)

    def test_a_script_without_a_first_line_runs_as_with_execvp(self):
        self.write("plain", "echo hello $1\n", mode=0o755)
        self.assertEqual(self.shown("./plain", ":::", "a"), ["hello a"])


class ManyItems(InputCase):
    def test_each_of_many_items_is_seen_once_whatever_the_sizes(self):
        source = random.Random(2)
        items = ["%x" % source.getrandbits(8 * source.choice((1, 4, 50, 3000))) for _ in range(3000)]
        result = self.ok("-n", "7", "-j4", "sh", "-c", 'printf "%s\\n" "$@"', "sh", stdin="\n".join(items).encode())
        self.assertEqual(sorted(result.out.decode().split()), sorted(items))

    def test_a_million_items(self):
        result = self.ok("-X", "sh", "-c", "echo $#", "sh", stdin=b"1234567\n" * 1_000_000)
        self.assertEqual(sum(map(int, result.out.split())), 1_000_000)


if __name__ == "__main__":
    harness.main()
