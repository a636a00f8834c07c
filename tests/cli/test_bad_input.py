#!/usr/bin/env python3
"""What a person, a file or a system may get wrong: each is a clear line, and never a wrong result."""

# ctest: seconds=300 ways=ipc,tcp plain-ways

import os
import resource

import harness
from harness import SANITIZED

NAME = "My brother's 12\" *** record  (costs $$$).jpg"


class Options(harness.Case):
    def test_an_unknown_option_starts_nothing(self):
        self.usage_error("--no-such-option", "touch", "made", says=["--no-such-option"])
        self.usage_error("-Z", "touch", "made", says=["-Z"])
        self.assertEqual(self.files(), [])

    def test_a_near_miss_is_told_what_was_meant(self):
        for wrong, right in (("--job=3", "--jobs"), ("--keep-ordr", "--keep-order"), ("--timeot=3", "--timeout"),
                             ("--retires=3", "--retries"), ("--dry-rnu", "--dry-run")):
            with self.subTest(wrong):
                self.usage_error(wrong, "true", ":::", "a", says=[wrong.split("=")[0], right])

    def test_no_abbreviations(self):
        self.usage_error("--retr=3", "true", ":::", "a", says=["--retr"])

    def test_options_of_gnu_parallel_that_are_missing_say_so(self):
        for option in ("--sshlogin=host", "--colsep=,", "--eof=x", "--compress", "--xapply"):
            with self.subTest(option):
                self.usage_error(option, "true", ":::", "a", says=[option.split("=")[0]])

    def test_replacement_strings_that_are_missing_do_no_harm(self):
        self.write("a", b"1")
        self.write("b", b"2")
        for string in ("{= s/$/.old/ =}", "{-1}.old"):
            with self.subTest(string):
                self.usage_error("mv", "{}", string, ":::", "a", "b", says=[string.split(".old")[0][:6]])
                self.assertEqual(self.files(), ["a", "b"])

    def test_what_is_no_address_is_refused(self):
        for address in ("nonsense", "http://x", "tcp://127.0.0.1", "ipc://a/b", "inproc://"):
            with self.subTest(address):
                self.usage_error("--at", address, "true", ":::", "a", says=[address])
        self.usage_error("true", ":::", "a", env={"DISHES_AT": "tcp://127.0.0.1"}, says=["DISHES_AT", "tcp://127.0.0.1"])

    def test_values_that_make_no_sense(self):
        for args in (["-n0"], ["-nx"], ["-s", "0"], ["-d", "ab"], ["-d", ""], ["--retries=-1"], ["--total=x"],
                     ["--max-item=x"], ["-I", ""]):
            with self.subTest(args):
                self.usage_error(*args, "true", ":::", "a", says=[args[0][:2]])

    def test_a_flag_takes_no_value(self):
        self.usage_error("--keep-order=yes", "true", ":::", "a", says=["--keep-order"])


class Files(harness.Case):
    def test_a_list_that_is_not_there(self):
        self.usage_error("-a", "missing", "touch", "made", says=["missing", "No such file"])
        self.usage_error("touch", "made", "::::", "missing", says=["missing", "No such file"])
        self.assertEqual(self.files(), [])

    def test_items_are_not_written_over(self):
        self.write("list", "a\n")
        os.symlink("list", self.path("same"))
        for option in ("-o", "--joblog"):
            for source in (("-a", "list"), ("-a", "./list")):
                self.usage_error(*source, option, "same", "echo", says=[option, "same"])
            with open(self.path("list"), "rb") as file:
                self.usage_error(option, "list", "echo", stdin=file, says=[option, "list"])
        self.assertEqual(self.read("list"), b"a\n")
        self.ok("-a", "list", "-o", "other", "echo")

    def test_a_directory_as_a_list(self):
        self.usage_error("-a", "/", "true", says=["/", "directory"])
        self.usage_error("true", "::::", "/", says=["/", "directory"])

    def test_a_directory_as_standard_input(self):
        directory = os.open("/", os.O_RDONLY)
        self.usage_error("true", stdin=directory, says=["directory"])
        os.close(directory)

    def test_a_list_that_may_not_be_read(self):
        if os.getuid() == 0:
            self.skipTest("root may read everything")
        self.write("secret", "a\n", mode=0o000)
        self.usage_error("-a", "secret", "true", says=["secret", "ermission"])

    def test_standard_input_twice(self):
        self.usage_error("true", "::::", "-", "::::", "-", stdin=b"a\n", says=["standard input"])

    def test_a_later_list_that_is_missing_starts_nothing_of_the_earlier(self):
        self.write("list", "a\nb\n")
        self.usage_error("-a", "list", "-a", "missing", "touch", says=["missing"])
        self.assertEqual(self.files(), ["list"])

    def run_closed(self, redirection, *args):
        result = self.start_program(["sh", "-c", f'exec "$@" {redirection}', "sh", harness.DISHES, *args]).wait()
        self.check_nothing_left()
        return result

    def test_a_closed_standard_input(self):
        result = self.run_closed("<&-", "true")
        self.assertEqual(result.status, 125, str(result))
        self.check_one_line(result, "standard input")

    def test_a_closed_standard_input_that_is_not_needed(self):
        result = self.run_closed("<&-", "-k", "echo", ":::", "a", "b")
        self.assertEqual((result.status, result.out, result.err), (0, b"a\nb\n", b""))

    def test_a_closed_standard_output_is_no_success(self):
        result = self.run_closed(">&-", "echo", ":::", "a")
        self.assertEqual(result.status, 125, str(result))

    def test_a_closed_standard_error_does_no_harm(self):
        result = self.run_closed("2>&-", "-k", "echo", ":::", "a", "b")
        self.assertEqual((result.status, result.out), (0, b"a\nb\n"))


class Items(harness.Case):
    def test_empty_input_is_no_task_and_success(self):
        result = self.ok("--joblog", "log", "false", stdin=b"")
        self.assertEqual((result.out, result.err), (b"", b""))
        self.assertEqual(self.read("log").count(b"\n"), 1)
        self.ok("false", stdin=None)

    def test_an_item_with_nul_fails_alone_and_says_why(self):
        result = self.dishes("-k", "echo", stdin=b"a\nb\0c\nd\n", status=1)
        self.assertEqual(result.out, b"a\nd\n")
        self.assertIn(b"NUL", result.err)
        self.assertIn(b"--pipe", result.err)

    def test_bytes_that_are_not_utf_8_arrive_as_they_are(self):
        data = bytes(byte for byte in range(1, 256) if byte != 10)
        for env in ({"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}):
            self.assertEqual(self.ok("printf", "%s", "{}", stdin=data + b"\n", env=env).out, data)
        self.assertEqual(self.ok("-0", "printf", "%s", stdin=data + b"\n\0").out, data + b"\n")

    def test_the_longest_argument_passes_and_the_next_one_fails_alone(self):
        result = self.dishes("-k", "sh", "-c", "echo ${#1}", "sh", status=1,
                             stdin=b"\n".join((b"a", b"x" * 131_071, b"y" * 131_072, b"b")))
        self.assertEqual(result.out, b"1\n131071\n1\n")
        self.assertIn(b"--pipe", result.err)
        self.assertIn(b"131072", result.err.replace(b",", b""))

    def test_too_many_arguments_for_one_command_fail_alone(self):
        result = self.dishes("-n", "40", "sh", "-c", "echo $#", "sh", stdin=(b"z" * 100_000 + b"\n") * 40 + b"a\n" * 40,
                             status=1)
        self.assertEqual(result.out, b"40\n")
        self.assertIn(b"rgument list too long", result.err)

    def test_a_line_of_100_MB_is_a_clear_error(self):
        result = self.dishes("-k", "echo", stdin=b"a\n" + b"x" * 100_000_000 + b"\nb\n", status=125)
        self.assertIn(b"--max-item", result.err)
        self.assertEqual(result.err.count(b"\n"), 1, str(result))
        self.assertEqual(result.out, b"a\n")

    def test_max_item_lets_it_in(self):
        result = self.dishes("-k", "--max-item", "200M", "echo", stdin=b"a\n" + b"x" * 100_000_000 + b"\nb\n", status=1)
        self.assertEqual(result.out, b"a\nb\n")
        self.assertIn(b"--pipe", result.err)

    def test_max_item_may_be_small(self):
        result = self.dishes("--max-item", "10", "echo", stdin=b"0123456789\n0123456789x\n", status=125)
        self.assertIn(b"--max-item", result.err)

    def test_names_that_break_shell_scripts(self):
        self.write(NAME, "12 inch\n")
        self.write("-n", "dash\n")
        self.write("a\nb", "two lines\n")
        names = f"{NAME}\0./-n\0a\nb\0".encode()
        for command in (["cat"], ["cat", "{}"], ["cat {}"], ['cat "{}" | cat'], ["cat < {}"], ['cat < "{}"']):
            with self.subTest(command):
                self.assertEqual(self.ok("-0", "-k", *command, stdin=names).out, b"12 inch\ndash\ntwo lines\n")
        self.assertEqual(self.ok("cat", ":::", NAME).out, b"12 inch\n")
        self.assertEqual(self.ok("mv {} {.}.png", ":::", NAME).out, b"")
        self.assertIn(NAME.replace(".jpg", ".png"), self.files())

    def test_a_device_as_input(self):
        self.ok("false", "::::", "/dev/null")


class Limits(harness.Case):
    MEET = "echo > here.$1; : < gate; ulimit -n"

    def test_few_open_files_are_raised_and_the_commands_get_what_we_started_with(self):
        os.mkfifo(self.path("gate"))
        program = self.start("-j", "100", "sh", "-c", self.MEET, "sh", ":::", *map(str, range(100)),
                             limits=[(resource.RLIMIT_NOFILE, 64, 8192)])
        self.wait_for_files("here.", 100)
        gate = os.open(self.path("gate"), os.O_WRONLY)
        result = program.wait()
        os.close(gate)
        self.assertEqual(result.status, 0, str(result))
        self.assertEqual(set(result.lines), {b"64"})

    def test_too_few_that_cannot_be_raised_are_a_clear_error(self):
        result = self.usage_error("-j", "500", "true", ":::", "a", limits=[(resource.RLIMIT_NOFILE, 60, 60)])
        self.assertRegex(result.err, rb"open files|file descriptors|ulimit -n")

    def test_jobs_0_takes_what_the_limit_allows(self):
        result = self.ok("-j0", "echo", stdin=b"a\n" * 100, limits=[(resource.RLIMIT_NOFILE, 100, 100)])
        self.assertEqual(len(result.lines), 100)

    def test_too_few_processes_are_no_wrong_result(self):
        if os.getuid() == 0 or SANITIZED:
            self.skipTest("root has no such limit, and the sanitizers need threads of their own")
        result = self.dishes("-j", "20", "echo", stdin=b"a\n" * 100, limits=[(resource.RLIMIT_NPROC, 1, 1)])
        self.assertNotEqual(result.status, 0)
        self.assertNotEqual(result.err, b"")


if __name__ == "__main__":
    harness.main()
