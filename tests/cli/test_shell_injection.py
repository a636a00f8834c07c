#!/usr/bin/env python3
"""Values never become shell text: whatever bytes an item holds, in whatever place of a shell line, it is just data."""

import random

import harness

#  Each names a way into a shell; what it would do is make a file "pwned".
ATTACKS = [
    b"$(touch pwned)", b"`touch pwned`", b";touch pwned", b"|touch pwned", b"&touch pwned", b"\ntouch pwned\n",
    b"'$(touch pwned)'", b"';touch pwned;'", b'";touch pwned;"', b'"$(touch pwned)"', b"\\$(touch pwned)",
    b"\\\";touch pwned;\\\"", b"${x:=$(touch pwned)}", b"$((x[$(touch pwned)]))", b")touch pwned(", b"}touch pwned{",
    b"#;touch pwned", b">pwned", b"</dev/null>pwned", b"&& touch pwned", b"|| touch pwned", b"!touch pwned",
    b"\r\ntouch pwned", b"{}", b"{#}", b"${1}", b"$1", b"\"${1}\"", b"$IFS", b"*", b"~", b"~root", b"[a-z]*", b"?",
    b"", b" ", b"  two  blanks  ", b"\t", b"-n", b"-e", b"--", b"-", b"\\", b"\\\\", b"\\n", b"%s%d%n", b"'", b'"',
    b"''", b'""', b"'\"'", b"\xff\xfe", b"\xc3\x28", b"\xe2\x80\xa8", b"EOF", b"EOF\ntouch pwned",
    b"My brother's 12\" *** record  (costs $$$).jpg", b"=x", b"x=y", b"@(a|b)", b"\x01\x7f\x1b[0m",
]

#  Shell lines that print the item and nothing else, each with the replacement string in another place.
CONTEXTS = [
    ("bare", "printf %s {}"),
    ("in double quotes", 'printf %s "{}"'),
    ("within a word", "printf %s ''{}''"),
    ("between quoted parts", 'printf %s """{}"""'),
    ("in a substitution", 'x=$(printf %sx {}); printf %s "${x%x}"'),
    ("in a quoted substitution", 'x="$(printf %sx {})"; printf %s "${x%x}"'),
    ("quoted in a quoted substitution", 'x="$(printf %sx "{}")"; printf %s "${x%x}"'),
    ("in a substitution in a substitution", 'x="$(printf %sx "$(printf %sx {})")"; printf %s "${x%xx}"'),
    ("in a subshell", "(printf %s {})"),
    ("in a group", "{ printf %s {}; }"),
    ("in an assignment", 'x={}; printf %s "$x"'),
    ("in a quoted assignment", 'x="{}"; printf %s "$x"'),
    ("after a quoted part", "printf '%s' {}"),
    ("after an escaped quote", "printf %s \\'{} | tail -c +2"),
    ("after an escaped quote in double quotes", 'printf %s "\\"{}" | tail -c +2'),
    ("after a comment's sign in a word", "printf %s x#{} | tail -c +3"),
    ("in a loop's list", "for x in {}; do printf %s \"$x\"; done"),
    ("in a case", 'case {} in "{}") printf %s {};; esac'),
    ("in an if", 'if [ x{} = "x{}" ]; then printf %s {}; fi'),
    ("in a pipe", "printf %s {} | cat"),
    ("in a function", 'f () { printf %s "$1"; }; f {}'),
    ("in the words of the environment", 'X={} sh -c \'printf %s "$X"\''),
    ("by its number", "printf %s {1}"),
    ("by its number in double quotes", 'printf %s "{1}"'),
]


#  A program that is started for each of them takes long; where processes are many, a share has to do.
SHARE = 1 if harness.WAY == "inproc" else 5


class ShellInjection(harness.Case):
    # ctest: seconds=600 ways=ipc,tcp plain

    def items(self, rounds=10 // SHARE):
        source = random.Random(0xd15e5)
        odd = b"'\"`$\\(){}[]<>|&;*?!#~=%^ \t\n\r-ax\x80\xff"
        items = list(ATTACKS)
        for _ in range(rounds):
            items.append(bytes(source.choice(odd) for _ in range(source.randrange(1, 12))))
            items.append(bytes(source.randrange(1, 256) for _ in range(source.randrange(1, 40))))
        return items

    def check(self, line, items, *options, wanted=None, **how):
        """Runs `line` for all items; each has to print exactly itself (or `wanted`, item by item)."""
        data = b"".join(item + b"\0" for item in items)
        result = self.ok("-0", "-k", *options, f"{line}; printf '\\000'", stdin=data, **how)
        printed = result.out.split(b"\0")[:-1]
        self.assertEqual(len(printed), len(items), str(result))
        for item, got, due in zip(items, printed, wanted or items):
            self.assertEqual(got, due, f"the item {item!r} in {line!r}")
        self.assertEqual(self.files("pwned"), [], f"something ran: {line!r}")

    def test_each_attack_and_random_bytes_in_each_context(self):
        for name, line in CONTEXTS:
            with self.subTest(name, line=line):
                self.check(line, self.items())

    def test_the_same_in_bash(self):
        for name, line in CONTEXTS[::SHARE]:
            with self.subTest(name, line=line):
                self.check(line, self.items(1), "--shell=/bin/bash")

    def test_the_parts_of_a_name(self):
        items = [item for item in self.items() if item]
        self.check("printf '%s' {/}", items, wanted=[item.rpartition(b"/")[2] for item in items])
        self.check('printf %s "{.}"', ATTACKS[:20])
        self.check('printf %s {//}', ATTACKS[:20],
                   wanted=[b"</dev" if item.startswith(b"</dev/") else b"." for item in ATTACKS[:20]])

    def test_several_items_in_a_task(self):
        self.ok("-0", "-k", "-n", "3", "printf '<%s>' {}", stdin=b"".join(item + b"\0" for item in self.items()))
        self.assertEqual(self.files("pwned"), [])

    def test_columns(self):
        for attack in ATTACKS[::SHARE]:
            if b"\n" not in attack:
                self.assertEqual(self.ok('printf %s "{2}" {1}', ":::", attack, ":::", "x").out, b"x" + attack)
        self.assertEqual(self.files("pwned"), [])

    def test_a_command_without_a_shell(self):
        self.check_direct("printf", "%s\\0")

    def test_a_command_without_a_shell_that_holds_the_item_in_a_word(self):
        data = b"".join(item + b"\0" for item in self.items())
        result = self.ok("-0", "-k", "printf", "%s\\0", "a{}b", stdin=data)
        self.assertEqual(result.out.split(b"\0")[:-1], [b"a" + item + b"b" for item in self.items()])
        self.assertEqual(self.files("pwned"), [])

    def check_direct(self, *command):
        data = b"".join(item + b"\0" for item in self.items())
        result = self.ok("-0", "-k", *command, "{}", stdin=data)
        self.assertEqual(result.out.split(b"\0")[:-1], self.items())
        self.assertEqual(self.files("pwned"), [])

    def test_tags_logs_and_dry_runs_run_nothing(self):
        data = b"".join(item + b"\0" for item in self.items())
        self.ok("-0", "--tag", "--joblog", "log", "-t", "echo {} >/dev/null", stdin=data)
        self.ok("-0", "--tagstring", "$(touch pwned){}", "--dry-run", "echo {}", stdin=data)
        self.assertEqual(self.files("pwned"), [])

    def test_what_a_dry_run_shows_can_be_pasted_safely(self):
        for line in ("printf %s {}", 'printf %s "{}"', 'printf %s a{}b"c{}d"'):
            for item in ATTACKS[::SHARE]:
                shown = self.ok("-0", "--dry-run", line, stdin=item + b"\0").out
                pasted = self.start_program(["sh", "-c", shown[:-1]]).wait()
                self.assertEqual(pasted.status, 0, str(pasted))
                wanted = b"a" + item + b"bc" + item + b"d" if "a{}b" in line else item
                self.assertEqual(pasted.out, wanted, f"{item!r} shown as {shown!r}")
        self.assertEqual(self.files("pwned"), [])


class PlacesWithoutAMeaning(harness.Case):
    """Where a value cannot be put safely the line is refused before anything runs, and the fix is shown."""

    def refused(self, line, *says):
        self.usage_error(line, ":::", "a", says=says)

    def test_inside_single_quotes(self):
        self.refused("echo '{}' | cat", "single quotes")
        self.refused("echo 'a {.} b'", "single quotes")
        self.refused("awk '{print \"{}\"}' /dev/null", "single quotes")

    def test_inside_a_here_document(self):
        self.refused("cat <<EOF\n{}\nEOF", "here-document")
        self.refused("cat <<'EOF'\n{}\nEOF", "here-document")
        self.refused("cat <<-EOF\n\t{}\n\tEOF", "here-document")

    def test_inside_a_comment(self):
        self.refused("echo a # {}", "comment")

    def test_the_fix_is_shown(self):
        result = self.usage_error("echo 'x {}' | cat", ":::", "a")
        self.assertRegex(result.err, rb"as in .*\{\}")

    def test_braces_that_are_the_shells_own_are_left_alone(self):
        self.assertEqual(self.ok("echo '{ }' {}; { echo b; }", ":::", "a").out, b"{ } a\nb\n")
        self.assertEqual(self.ok('x=5; echo "${x}" ${x} {}', ":::", "a").out, b"5 5 a\n")
        self.assertEqual(self.ok("cat <<EOF\nhere\nEOF\necho {}", ":::", "a").out, b"here\na\n")


if __name__ == "__main__":
    harness.main()
