"""How dryer.py runs a command: its words, its outputs, and who ends it when nobody else can."""

import contextlib
import itertools
import os
import re
import signal
import subprocess
import tempfile
import time

from dishes_wire import NEVER_STARTED, PIECE_BYTES


REPLACED = re.compile(rb"\{(?:([0-9]*)(|\.|/|//|/\.)|([#%]))\}")
PARTS = {b"": lambda value: value,
         b".": lambda value: re.sub(rb"\.[^/.]*$", b"", value),
         b"/": lambda value: value.rpartition(b"/")[2],
         b"//": lambda value: os.path.dirname(value) or b".",
         b"/.": lambda value: re.sub(rb"\.[^/.]*$", b"", value.rpartition(b"/")[2])}


def expand(text, task, slot, between):
    """`text` with its replacement strings replaced; the values of {} are joined by `between`."""
    def replacement(match):
        number, part, other = match.groups()
        if other:
            return b"%d" % (task.n if other == b"#" else slot)
        values = task.values[int(number) - 1:int(number)] if number else task.values
        return between.join(map(PARTS[part], values))
    return REPLACED.sub(replacement, text)


def words_of(command, task, slot):
    """The words of the command. Several values in place of {} are several words; NUL, which no word can hold, parts
    them. A word that was nothing but a replacement string without a value falls away."""
    words = []
    for word in command:
        if REPLACED.search(word) and not any(b"\0" in value for value in task.values):
            expanded = expand(word, task, slot, b"\0")
            words += expanded.split(b"\0") if expanded or task.values[:1] == [b""] else []
        else:
            words.append(expand(word, task, slot, b" "))
    return words


def stdin_of(task):
    """--pipe: a file without a name that holds the task's bytes."""
    if task.stdin is None:
        raise ValueError("stdin takes one value")
    file = tempfile.TemporaryFile()
    file.write(task.stdin)
    file.seek(0)
    return file


def environment_of(task, slot):
    told = {b"DISHES_SEQ": task.n, b"PARALLEL_SEQ": task.n, b"DISHES_SLOT": slot, b"PARALLEL_JOBSLOT": slot,
            b"DISHES_ATTEMPT": task.attempt}
    ours = {name: value for name, value in os.environb.items() if name not in (b"DISHES_AT", b"DISHES_KEY")}
    return {**ours, **{name: b"%d" % value for name, value in told.items()}}


class Guardian:
    """A process beside this one that outlives it by a moment: whatever ends the dryer, kill -9 included, what still
    runs is killed, for it will run elsewhere."""

    def __init__(self):
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.setsid()
            os.close(writing)
            self.watch(reading)
        os.close(reading)
        self.pipe = writing

    @staticmethod
    def watch(reading):
        groups = {}
        with os.fdopen(reading) as lines:
            for job, *group in map(str.split, lines):
                if group:
                    groups[job] = int(*group)
                else:
                    groups.pop(job, None)
        for group in groups.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        os._exit(0)

    def begins(self, job):
        """Said by the command's own process, before it is one: there is no moment at which nobody knows of it."""
        os.write(self.pipe, b"%d %d\n" % (job, os.getpid()))

    def ends(self, job):
        """Said before the number of its process is free, or when there was none."""
        os.write(self.pipe, b"%d\n" % job)


class Job:
    """A command that runs or has run for a task, with its outputs: in files of no name, gone with the last letter that
    reads from them."""

    numbers = itertools.count(1)

    def __init__(self, guardian, task, slot, command, pipe):
        self.guardian, self.task, self.slot, self.holds_slot = guardian, task, slot, True
        self.number = next(self.numbers)
        self.words = words_of(command, task, slot)
        self.files = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]   # stdout, stderr
        self.sizes = [0, 0]         # complete once the command has ended
        self.told = [0, 0]          # bytes that went in OUT
        self.status = self.signal = self.flags = self.runtime_us = 0
        self.start_us, self.began = time.time_ns() // 1000, time.monotonic()
        self.process = self.descriptor = None
        try:
            self.process = subprocess.Popen(self.words, stdin=stdin_of(task) if pipe else subprocess.DEVNULL, stdout=self.files[0],
                                            stderr=self.files[1], env=environment_of(task, slot), process_group=0,
                                            preexec_fn=lambda: guardian.begins(self.number))
            self.descriptor = os.pidfd_open(self.process.pid)
        except (OSError, ValueError) as error:
            guardian.ends(self.number)
            held = "the item holds a NUL byte, which no argument can hold"
            reason = error.strerror if isinstance(error, OSError) else str(error) if pipe else held
            self.files[1].write(f"dryer.py: task {task.n} cannot be run: {reason}\n".encode())
            self.files[1].flush()
            self.status = 127 if isinstance(error, FileNotFoundError) else 126
            self.flags = NEVER_STARTED
            self.measure()

    def measure(self):
        self.sizes = [os.fstat(file.fileno()).st_size for file in self.files]

    def end(self):
        """Takes the exit status of a command that has ended."""
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        self.guardian.ends(self.number)
        status = self.process.wait()
        self.status, self.signal = max(status, 0), max(-status, 0)
        self.runtime_us = int((time.monotonic() - self.began) * 1e6)
        os.close(self.descriptor)
        self.measure()

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.end()

    def failed(self):
        return self.status or self.signal

    def left(self):
        """How much of the output has not been told in OUT."""
        return sum(self.sizes) - sum(self.told)

    def piece(self, by_lines):
        """The next piece of output: (stream 1 or 2, (file, offset, size)), or None. by_lines: end with a line's end."""
        for stream in (0, 1):
            file, offset = self.files[stream], self.told[stream]
            size = min(self.sizes[stream] - offset, PIECE_BYTES)
            if size and by_lines:
                size = (os.pread(file.fileno(), size, offset).rfind(b"\n") + 1) or size * (size == PIECE_BYTES)
            if size:
                self.told[stream] += size
                return stream + 1, (file, offset, size)
        return None
