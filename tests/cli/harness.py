"""Runs `dishes` as a person, a script or an accident would, and sees to it that nothing is left behind.

A test is a class over Case. Each test has a fresh directory (self.dir, the working directory of what it starts) with a
private TMPDIR in it. The test process is a subreaper: whatever a program leaves running becomes a child of the test, so
that after each run it can wait until no child is left, and fail with the names of those that stay. The same for
temporary files, sockets and directories in TMPDIR and DISHES_DIR.

Nothing here sleeps for a guessed time: wait_until asks again until a condition holds or its deadline has passed.

One test body is run in several *ways* (DISHES_WAY, one a ctest entry): `dishes` as one process (inproc), with its dryers
as processes (ipc, tcp), and as sink, dryer and washer, each a program of its own (stages-ipc, stages-tcp; kitchen.py
makes the three of one command line). Nothing that a test sees may differ: `@ways` names those that a test is for, where
it is not for all.
"""

import ctypes
import fcntl
import functools
import json
import os
import pty
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import termios
import threading
import time
import unittest

import kitchen

WAYS = ("inproc", "ipc", "tcp", "stages-ipc", "stages-tcp")
WAY = os.environ.get("DISHES_WAY", "inproc")
if WAY not in WAYS:
    raise ValueError(f"DISHES_WAY={WAY}: give one of {' '.join(WAYS)}")
IN_STAGES = WAY.startswith("stages-")
TRANSPORT = WAY.removeprefix("stages-")

BINARY = os.environ.get("DISHES", "dishes")     # the program itself, whatever the way
DISHES = os.path.join(os.path.dirname(os.path.realpath(__file__)), "kitchen.py") if IN_STAGES else BINARY
MEASURE = os.environ.get("DISHES_MEASURE")      # tests/bench/measure
SANITIZED = os.environ.get("DISHES_VARIANT", "dev") != "dev"
DEADLINE_S = 120 if SANITIZED else 40   # how long any one program may take
LEFTOVER_S = 10                         # how long what it started may outlive it
CORES = len(os.sched_getaffinity(0))

#  A shell starts what it puts in the background deaf to them, and so would be all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)

PR_SET_CHILD_SUBREAPER = 36
if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
    raise OSError(ctypes.get_errno(), "prctl (PR_SET_CHILD_SUBREAPER)")


def stage(name):
    """The path of washer, dryer or sink: they stand beside dishes."""
    return os.path.join(os.path.dirname(shutil.which(BINARY) or BINARY), name)


@functools.cache
def kitchen_options():
    os.environ["KITCHEN_BIN"] = os.path.dirname(stage("sink"))
    return json.dumps(kitchen.options())


def ways(*names):
    """Of a test, or of a class: it is for these ways only. "dishes" stands for those without stages."""
    meant = {way for name in names for way in (WAYS[:3] if name == "dishes" else (name,))}
    return lambda test: test if WAY in meant else unittest.skip(f"not for the way {WAY}")(test)


def wait_until(condition, deadline_s=DEADLINE_S, pause_s=0.005):
    """Asks again until `condition ()` is true and returns what it gave; at the deadline, what it gave last (false)."""
    end = time.monotonic() + deadline_s
    while True:
        held = condition()
        if held or time.monotonic() > end:
            return held
        time.sleep(pause_s)


def process_state(pid):
    """The letter of /proc (R running, S sleeping, T stopped, Z ended), "" where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1].decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def alive(pid):
    return process_state(pid) not in ("", "Z")


def children(pid):
    """The direct children of a process, ended ones that were not waited for included."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    if int(file.read().rpartition(b") ")[2].split()[1]) == pid:
                        found.append(int(name))
            except (FileNotFoundError, ProcessLookupError):
                pass
    return found


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child] + descendants(child)
    return found


def command_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip() or "(ended)"
    except (FileNotFoundError, ProcessLookupError):
        return "(gone)"


def reap_orphans():
    """Takes the statuses of children that have ended; true when no child is left at all."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return False
        except ChildProcessError:
            return True


def kill_all_below():
    """Kills what there is below the test; true when nothing is left. (What is being started may need another call.)"""
    for pid in descendants(os.getpid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return reap_orphans()


class Result:
    """What a program did. status: the exit status, or minus the signal that ended it."""

    def __init__(self, argv, status, out, err, seconds):
        self.argv, self.status, self.out, self.err = argv, status, out, err
        self.seconds = seconds

    @property
    def lines(self):
        return self.out.splitlines()

    def __str__(self):
        argv = " ".join(repr(str(word)) for word in self.argv)
        return f"{argv[:2000]}\nstatus {self.status}\nstdout {self.out[:2000]!r}\nstderr {self.err[:4000]!r}"


class Program:
    """A started program. Threads feed its input and collect its outputs, so that it never waits for the test.

    stdin: bytes; None for /dev/null; or a file descriptor, as stdout and stderr may be too (then Result has b"" for
    it). `terminal` (a Terminal) becomes its controlling terminal and whatever of the three was not given. limits: of
    setrlimit, (which, soft, hard). ignore: signals that are ignored at its start. pass_fds: what else it inherits.
    """

    def __init__(self, argv, cwd, env, stdin=None, stdout=subprocess.PIPE, stderr=subprocess.PIPE, terminal=None,
                 limits=(), ignore=(), pass_fds=()):
        self.argv = argv
        if terminal:
            stdin = terminal.slave if stdin is None else stdin
            stdout = terminal.slave if stdout == subprocess.PIPE else stdout
            stderr = terminal.slave if stderr == subprocess.PIPE else stderr
        feed = stdin if isinstance(stdin, (bytes, bytearray)) else None

        def prepare():
            if terminal:
                fcntl.ioctl(terminal.slave, termios.TIOCSCTTY, 0)
            for kind, soft, hard in limits:
                resource.setrlimit(kind, (soft, hard))
            for number in ignore:
                signal.signal(number, signal.SIG_IGN)

        self.began = time.monotonic()
        self.popen = subprocess.Popen(argv, cwd=cwd, env=env, stdout=stdout, stderr=stderr, start_new_session=True,
                                      stdin=subprocess.PIPE if feed is not None else stdin or subprocess.DEVNULL,
                                      preexec_fn=prepare, pass_fds=pass_fds)
        self.pid = self.popen.pid
        self.result = None
        self.collected = {"out": bytearray(), "err": bytearray()}
        self.threads = []
        if feed is not None:
            self._thread(self._feed, feed)
        if self.popen.stdout:
            self._thread(self._collect, self.popen.stdout, self.collected["out"])
        if self.popen.stderr:
            self._thread(self._collect, self.popen.stderr, self.collected["err"])

    def _thread(self, function, *args):
        thread = threading.Thread(target=function, args=args, daemon=True)
        thread.start()
        self.threads.append(thread)

    def _feed(self, data):
        try:
            with self.popen.stdin as pipe:
                pipe.write(data)
        except BrokenPipeError:
            pass

    @staticmethod
    def _collect(pipe, into):
        with pipe:
            while chunk := os.read(pipe.fileno(), 1 << 16):
                into += chunk

    @property
    def out(self):
        return bytes(self.collected["out"])

    @property
    def err(self):
        return bytes(self.collected["err"])

    def signal(self, number):
        os.kill(self.pid, number)

    def blocks(self, number):
        """Whether its first thread blocks the signal, as one that reads its signals does."""
        with open(f"/proc/{self.popen.pid}/status", encoding="ascii") as file:
            return any(int(line.split()[1], 16) >> (number - 1) & 1 for line in file if line.startswith("SigBlk:"))

    def ended(self):
        return not alive(self.pid)

    def wait(self, deadline_s=DEADLINE_S):
        """Waits for the end of the program and of its outputs. At the deadline kills all and raises TimeoutError."""
        if self.result:
            return self.result
        descriptor = os.pidfd_open(self.pid)
        try:
            if not select.select([descriptor], [], [], deadline_s)[0]:
                raise TimeoutError(f"still running after {deadline_s} s: {self.describe()}")
        finally:
            os.close(descriptor)
        _, status = os.waitpid(self.pid, 0)
        seconds = time.monotonic() - self.began
        self.popen.returncode = os.waitstatus_to_exitcode(status)
        end = time.monotonic() + LEFTOVER_S
        for thread in self.threads:
            thread.join(max(0, end - time.monotonic()))
            if thread.is_alive():
                raise TimeoutError(f"ended, but something still holds its pipes: {self.describe()}")
        self.result = Result(self.argv, self.popen.returncode, self.out, self.err, seconds)
        return self.result

    def describe(self):
        below = [f"{pid} {command_of(pid)}" for pid in descendants(os.getpid())]
        return f"{self.argv}\nprocesses {below}\nstdout {self.out[-1000:]!r}\nstderr {self.err[-2000:]!r}"


class Terminal:
    """A pseudo-terminal of 80 columns; what programs write to it is collected in `screen`."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (24, 80))
        self.collected = bytearray()
        self.thread = threading.Thread(target=self._collect, daemon=True)
        self.thread.start()

    def _collect(self):
        while True:
            try:
                chunk = os.read(self.master, 1 << 16)
            except OSError:     # EIO: the last holder of the other end is gone
                return
            if not chunk:
                return
            self.collected += chunk

    @property
    def screen(self):
        return bytes(self.collected)

    def type(self, data):
        os.write(self.master, data)

    def close(self):
        os.close(self.slave)
        self.thread.join(LEFTOVER_S)
        os.close(self.master)


class Case(unittest.TestCase):
    """A test with a fresh directory, after which no process and no temporary file may be left."""

    maxDiff = 4000
    may_meet = False    # whether it chooses its addresses itself

    def setUp(self):
        self.base = os.path.realpath(tempfile.mkdtemp(prefix="dishes-test-"))
        self.dir = os.path.join(self.base, "work")
        self.tmp = os.path.join(self.base, "tmp")
        os.mkdir(self.dir)
        os.mkdir(self.tmp)
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("DISHES", "PARALLEL"))}
        self.env.update(TMPDIR=self.tmp, DISHES_DIR=os.path.join(self.base, "rendezvous"), HOME=self.dir,
                        LC_ALL="C.UTF-8", TERM="dumb")
        if IN_STAGES:
            self.env.update(KITCHEN=TRANSPORT, KITCHEN_BIN=os.path.dirname(stage("sink")),
                            KITCHEN_OPTIONS=kitchen_options())
        elif TRANSPORT != "inproc":
            self.env.update(DISHES_AT="ipc://kitchen" if TRANSPORT == "ipc" else "tcp://127.0.0.1:0")
        self.programs = []
        self.terminals = []

    def tearDown(self):
        try:
            self.check_nothing_left()
        finally:
            wait_until(kill_all_below, LEFTOVER_S)
            for terminal in self.terminals:
                terminal.close()
            shutil.rmtree(self.base, ignore_errors=True)

    # Starting.

    def start_program(self, argv, *, env=None, cwd=None, **how):
        """Starts any program with this test's directory and environment (`env` adds to it, None takes away)."""
        environment = dict(self.env)
        for name, value in (env or {}).items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = value
        program = Program([word if isinstance(word, bytes) else str(word) for word in argv], cwd or self.dir,
                          environment, **how)
        self.programs.append(program)
        return program

    def start(self, *args, **how):
        """Starts `dishes ARGS...`."""
        return self.start_program([DISHES, *args], **how)

    def dishes(self, *args, deadline_s=DEADLINE_S, status=None, **how):
        """Runs `dishes ARGS...` to its end, sees that nothing is left, and gives the Result. With `status`, checks."""
        result = self.start(*args, **how).wait(deadline_s)
        self.check_sanitizers(result)
        self.check_nothing_left()
        if status is not None:
            self.assertEqual(result.status, status, str(result))
        return result

    def ok(self, *args, **how):
        """As dishes, where every task is to succeed."""
        return self.dishes(*args, status=0, **how)

    def measured(self, *args, deadline_s=DEADLINE_S, **how):
        """As ok. Gives the Result and the largest memory, in bytes, of dishes or any command that it ran."""
        if not MEASURE:
            self.skipTest("DISHES_MEASURE is not set")
        if WAY != "inproc":
            self.skipTest("how much memory each part takes is no matter of the way")
        report = os.path.join(self.base, "measured")
        result = self.start_program([MEASURE, "-o", report, DISHES, *args], **how).wait(deadline_s)
        self.check_nothing_left()
        self.assertEqual(result.status, 0, str(result))
        with open(report, encoding="ascii") as file:
            return result, int(file.read().split()[3]) * 1024

    def usage_error(self, *args, says=(), **how):
        """As dishes, where nothing may start: status 125, one line on stderr with the words of `says`, no output."""
        if IN_STAGES:
            self.skipTest("what is wrong on a command line is told by dishes; the stages have tests of their own")
        result = self.dishes(*args, status=125, **how)
        self.assertEqual(result.out, b"", str(result))
        self.check_one_line(result, *says)
        return result

    def terminal(self):
        self.terminals.append(Terminal())
        return self.terminals[-1]

    # Checking.

    def check_one_line(self, result, *says):
        self.assertEqual(result.err.count(b"\n"), 1, f"wanted one line on stderr: {result}")
        self.assertTrue(result.err.endswith(b"\n"), str(result))
        for words in says:
            self.assertIn(words, result.err.decode(errors="replace"), str(result))

    def check_memory(self, size, most):
        """Of resident bytes; not under a sanitizer, which keeps what was freed, and has memory of its own."""
        if not SANITIZED:
            self.assertLess(size, most)

    def check_sanitizers(self, result):
        for mark in (b"Sanitizer: ", b"runtime error: "):
            self.assertNotIn(mark, result.err, str(result))

    def check_nothing_left(self):
        """No process, temporary file or socket. Programs still to be waited for by the test count as left."""
        gone = wait_until(reap_orphans, LEFTOVER_S)
        self.assertTrue(gone, f"left running: {[(pid, command_of(pid)) for pid in descendants(os.getpid())]}")
        left = [os.path.join(where, name) for where, dirs, files in os.walk(self.tmp) for name in dirs + files]
        self.assertEqual(left, [], "left in TMPDIR")
        self.check_places()

    def check_places(self):
        """Over inproc nothing is made where the parts meet; else locks and results stay, and after a KILL anything."""
        place = self.env["DISHES_DIR"]
        if WAY == "inproc" and not self.may_meet:
            self.assertFalse(os.path.exists(place), "a directory was made though inproc needs none")
        if any(program.result and program.result.status == -signal.SIGKILL for program in self.programs):
            return
        left = [name for _, _, names in os.walk(place) for name in names
                if name != "result" and not name.endswith("lock")]
        self.assertEqual(left, [], "left where the parts meet")

    # Files, by name in the test's directory.

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data, mode=0o644):
        with open(self.path(name), "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        os.chmod(self.path(name), mode)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def files(self, prefix=""):
        return sorted(name for name in os.listdir(self.dir) if name.startswith(prefix))

    def wait_for(self, condition, what, deadline_s=DEADLINE_S):
        """Waits for a condition, or fails and says what was wanted and what the programs have said so far."""
        held = wait_until(condition, deadline_s)
        if not held:
            self.fail(f"waited {deadline_s} s in vain for: {what}\n" + "\n".join(p.describe() for p in self.programs))
        return held

    def wait_for_files(self, prefix, count=1):
        """Waits until `count` files of that prefix have content (commands write to tell that they have come so far)."""
        def written():
            names = [name for name in self.files(prefix) if os.path.getsize(self.path(name)) > 0]
            return names if len(names) >= count else None
        return self.wait_for(written, f"{count} files {prefix}*")


def main():
    unittest.main(verbosity=2)
