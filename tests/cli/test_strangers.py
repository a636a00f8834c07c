#!/usr/bin/env python3
"""Who may talk: strangers at a running pipeline, over each transport. Whatever they say, the results stay exact, they
are refused, that is counted, and nothing of theirs is kept."""

# ctest: waits seconds=480

import contextlib
import json
import os
import random
import re
import select
import signal
import socket
import struct
import unittest

import harness
import kitchen
import stranger as wire
import zmq
from false_sink import JOINED, STOP, false_sink, welcome
from stages import StageCase

MiB = 1 << 20
OUT, FAILED, RETURNED, LANEGOT, SLOTS, HOLDING = range(5, 11)
COUNTED, TASKS = 37, 64
GROWTH_BYTES = 12 * MiB     # what a flood may cost: buffers of the system's and of ZeroMQ's, once


def resident_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1]) * 1024


def listening_ports(pid):
    """The tcp ports that a process listens at."""
    inodes = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            inodes.add(os.readlink(f"/proc/{pid}/fd/{name}"))
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    listens = "0A"
    return [int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == listens and f"socket:[{row[9]}]" in inodes]


class Kitchen(harness.Case):
    """A pipeline that runs while strangers come, and ends when they have had their say."""

    may_meet = True
    dead_after = "5s"

    def setUp(self):
        super().setUp()
        self.number = 0
        self.at = self.choose_address()
        self.sink = self.start_stage("sink", "-k", "--dead-after", self.dead_after)
        self.dryer = self.start_stage("dryer", "-j2", "echo")
        read, write = os.pipe()
        self.washer = self.start_stage("washer", stdin=read)
        os.close(read)
        self.items = os.fdopen(write, "wb", buffering=0)
        self.addCleanup(self.items.close)
        self.work(4)
        self.run = self.status()["run"]

    def tearDown(self):
        for program in self.programs:       # where a test has failed
            if not program.result:
                program.popen.kill()
        super().tearDown()

    def check_places(self):
        if not self._outcome.result.failures:
            super().check_places()

    #   What differs by transport.

    def choose_address(self):
        raise NotImplementedError

    def key_of(self, name):
        return ()

    def arm_insider(self, socket):
        """Shows the best credential that a stranger may have stolen."""

    def out(self):
        return self.at

    def lanes(self):
        raise NotImplementedError

    #   The kitchen.

    def start_stage(self, name, *args, **how):
        quiet = ("--quiet",) if "quiet" in self._testMethodName else ()
        return self.start_program([harness.stage(name), "--at", self.at, *self.key_of(name), *quiet, *args], **how)

    def ask(self, *args, name="dishes", status=0):
        result = self.start_program([harness.stage(name), *self.key_of(name), *args]).wait()
        self.check_sanitizers(result)
        self.assertEqual(result.status, status, str(result))
        return result

    def status(self):
        return json.loads(self.ask("--status", self.at, "--json").out)

    def work(self, count):
        """So many more tasks are given, and done."""
        self.items.write(b"".join(b"%d\n" % n for n in range(self.number + 1, self.number + count + 1)))
        self.number += count
        self.wait_for(lambda: self.sink.out.count(b"\n") == self.number, f"{self.number} results")

    def check_told(self, program, where, why):
        """That this part has said just one line: that somebody was refused there."""
        self.wait_for(lambda: program.err, "the line")
        name = os.path.basename(harness.stage("sink" if program is self.sink else "washer"))
        line = f"{name}: a stranger was refused at {where}: {why}; --status counts them\n"
        self.assertEqual(program.err.decode(), line)

    def insider(self):
        return wire.stranger(self.out(), self.arm_insider)

    def check_counted(self, name, before, count):
        """That `count` more are counted under this name; over tcp also what comes late."""
        self.wait_for(lambda: self.status()[name] >= before[name] + count, f"{count} more {name}")
        self.assertEqual(self.status()[name], before[name] + count)

    def check_unharmed(self, lines=1):
        self.work(4)
        self.items.close()
        for program in (self.washer, self.dryer, self.sink):
            result = program.wait()
            self.check_sanitizers(result)
            self.assertEqual(result.status, 0, str(result))
            self.assertLessEqual(result.err.count(b"\n"), lines, str(result))
        self.assertEqual(self.sink.out, b"".join(b"%d\n" % n for n in range(1, self.number + 1)))


class Insiders:
    """Those who have a credential, and say what they should not."""

    def test_frames_that_are_none(self):
        dice = random.Random(7)
        before = self.status()
        with self.insider() as who:
            who.meet()
            life = wire.life()
            good = who.frame(wire.HELLO, life, wire.hello_of_dryer())
            bad = [b"", b"D", good[:71], good[:-1], good + b"x", b"E" + good[1:], who.frame(0, life),
                   who.frame(99, life), who.frame(wire.WELCOME, life), who.frame(wire.HELLO, life, b"x" * 20),
                   who.frame(wire.DONE, life, b"", count=0xffffffff, seq=1)]
            bad += [dice.randbytes(dice.randrange(200)) for _ in range(200)]
            for frame in bad:
                who.mouth.send(frame)
            self.wait_for(lambda: self.status()["bad"] >= before["bad"] + len(bad) - 2, "the frames to be counted")
        self.assertEqual(self.status()["dryers"], 1)
        self.check_unharmed()

    def test_an_old_version(self):
        before = self.status()
        with self.insider() as who:
            who.meet()
            for version in (0, 2, 255):
                who.say(wire.HELLO, wire.life(), wire.hello_of_dryer(), version=version)
            self.check_counted("bad", before, 3)
        self.assertEqual(self.status()["dryers"], 1)
        self.check_unharmed()

    def test_of_another_run_or_to_another_sink(self):
        with self.insider() as who:
            who.meet()
            life = wire.life()
            ear = who.listen(("d", life))
            who.say(wire.HELLO, life, wire.hello_of_dryer(), run=who.run + 1)
            who.say(wire.HELLO, life, wire.hello_of_dryer(), to=who.sink + 1)
            self.assertIsNone(who.hear_kind(ear, wire.WELCOME, 200))
        self.assertEqual(self.status()["dryers"], 1)
        self.check_unharmed()

    def test_a_huge_frame(self):
        before = resident_bytes(self.sink.pid)
        with self.insider() as who:
            who.meet()
            for _ in range(4):
                who.mouth.send(bytes(64 * MiB))
                self.assertTrue(who.open_mouth(who.told))
            who.mouth.send(b"x")
            self.wait_for(lambda: self.status()["bad"], "that he is heard again")
        self.check_memory(resident_bytes(self.sink.pid), before + GROWTH_BYTES)
        self.check_unharmed()

    def test_a_flood_of_junk(self):
        """What he sends is read, counted and forgotten; others are served meanwhile."""
        with self.insider() as who:
            who.meet()
            life = wire.life()
            junk = [b"x" * 1000, who.frame(wire.HELLO, life, b"?" * 900), who.frame(wire.BEAT, life),
                    who.frame(wire.DONE, life, b"\xff" * 900, seq=5), who.frame(200, life, b"z" * 3000)]

            def pour(count):
                before = self.status()["bad"]
                for n in range(count):
                    who.mouth.send(junk[n % len(junk)])
                    if n % (count // 4) == 0:
                        self.work(2)
                self.wait_for(lambda: self.status()["bad"] >= before + count // len(junk) * 3, "all to be read")
            pour(20_000)
            before = resident_bytes(self.sink.pid)
            pour(60_000)
            self.check_memory(resident_bytes(self.sink.pid), before + GROWTH_BYTES)
        self.check_unharmed()

    def test_lies_of_a_dryer(self):
        """It has all slots of the world, tells of tasks that it never had, and says the washer's words: none of it
        counts, and it is told once."""
        most, far = 0xffffffff, 1 << 62
        before = self.status()
        with self.insider() as who:
            who.meet()
            life, other = wire.life(), int(before["dryer"][0]["life"])
            ear = who.listen(("d", life))
            self.assertTrue(who.hear_kind(ear, wire.ADVERT))
            for name in ("evil\x1b[2J", "evil"):   # the first one is malformed (S1)
                hello = b"d" + wire.text(name) + wire.text("h") + struct.pack("<IIII", *[most] * 4)
                who.say(wire.HELLO, life, hello + struct.pack("<QQI", 0, 0, 0))
            washer = struct.unpack_from("<Q", who.hear_kind(ear, wire.LANE)[4])[0]

            def done(n, count, **times):
                fields = {"start": 0, "runtime": 0, **times}
                return struct.pack("<QQQQIHBBQQIIII", washer, n, count, 1, 1, 0, 0, 0, fields["start"], fields["runtime"],
                                   0, 0, 0, 0)
            bad = [(wire.DONE, done(1, far)), (wire.DONE, done(far, far * 2)), (wire.DONE, done(1, 1, start=1 << 63)),
                   (wire.DONE, done(1, 1, runtime=(1 << 64) - 1)), (wire.DONE, done(0, 0)), (wire.DONE, b""),
                   (OUT, struct.pack("<QQQBB", washer, 1, 1, 3, 0)), (HOLDING, struct.pack("<QBQQI", 0, 0, 0, 0, most)),
                   *[(kind, wire.anything(kind, other)) for kind in wire.OF_THE_HEAD]]
            true = [(RETURNED, struct.pack("<QQQQQ", washer, 0, 1, far, 1)), (RETURNED, struct.pack("<QQQQQ", 1, 1, 1, 1, 1)),
                    (FAILED, struct.pack("<QQQIHBB", washer, 1, 1, most, 0, 0, 0)),
                    (LANEGOT, struct.pack("<QIQ", washer, most, (1 << 64) - 1)), (SLOTS, struct.pack("<III", most, most, 0)),
                    (SLOTS, struct.pack("<III", 0, 0, 0)), (HOLDING, struct.pack("<QBQQI", 0, 0, 0, 0, 0))]
            for seq, (kind, records) in enumerate(bad + true + true, 1):
                who.say(kind, life, records, seq=seq, sent=seq, credit=(1 << 64) - 1, got=far, ack=far)
            self.check_counted("bad", before, 1 + len(bad))
            self.assertEqual(self.status()["redelivered"], before["redelivered"])
            self.work(4)
        line = "evil says what is not in this version of the protocol: it is dropped; --status counts that\n"
        self.wait_for(lambda: b"is lost" in self.sink.err, "the end of its life")
        self.assertIn(line, self.sink.err.decode())
        self.check_unharmed(lines=4)

    def test_a_flood_of_what_is_well_formed(self):
        """Of what is in the protocol, each with an answer or a letter to the washer: memory stays what it was."""
        with self.insider() as who:
            who.meet()
            life = wire.life()
            ear = who.listen(("d", life))
            self.assertTrue(who.hear_kind(ear, wire.ADVERT))
            hello = wire.hello_of_dryer(slots=0)
            who.say(wire.HELLO, life, hello)
            self.assertTrue(who.hear_kind(ear, wire.WELCOME))
            ear.close()     # it does not listen
            letters = [(RETURNED, struct.pack("<QQQQQ", 1, 0, 1, 1, 1)), (SLOTS, struct.pack("<III", 0, 0, 0)),
                       (LANEGOT, struct.pack("<QIQ", 1, 1, 1)), (OUT, struct.pack("<QQQBB", 1, 1 << 40, 1, 1, 0))]
            seq = 0

            def pour(count):
                nonlocal seq
                for n in range(count):
                    kind, records = letters[n % 4]
                    seq += 1
                    who.say(kind, life, records, body=b"x" if kind == OUT else None, seq=seq, sent=seq)
                    who.say(wire.HELLO, life, hello, flags=1)                       # GAP
                    who.say(wire.BEAT, life + seq)                                  # nobody knows it
                    who.say(wire.HELLO, life + seq, wire.hello_of_dryer(slots=0))   # one more, who goes at once
                    who.say(wire.BYE, life + seq)
                    if n % (count // 4) == 0:
                        self.work(2)
                self.wait_for(lambda: self.status()["dryers"] <= 2, "all to be read", 60)
            pour(4000)
            before = [resident_bytes(part.pid) for part in (self.sink, self.washer)]
            pour(8000)
            for part, was in zip((self.sink, self.washer), before):
                self.check_memory(resident_bytes(part.pid), was + 2 * GROWTH_BYTES)
        self.check_unharmed(lines=3)

    def test_the_same_hello_again(self):
        with self.insider() as who:
            who.meet()
            life = wire.life()
            ear = who.listen(("d", life))
            self.assertTrue(who.hear_kind(ear, wire.ADVERT))
            hello = who.say(wire.HELLO, life, wire.hello_of_dryer(slots=0))
            self.assertTrue(who.hear_kind(ear, wire.WELCOME))
            for _ in range(1000):
                who.mouth.send(hello)
            self.assertTrue(who.hear_kind(ear, wire.WELCOME))
            self.assertEqual(self.status()["dryers"], 2)
            who.say(wire.BYE, life)
            self.assertTrue(who.hear_kind(ear, wire.GONE))
            before = self.status()
            self.assertEqual(before["dryers"], 1)
            for _ in range(5):      # of a life that is closed
                who.mouth.send(hello)
            self.assertTrue(who.hear_kind(ear, wire.GONE))
            self.check_counted("refused", before, 5)
        self.assertEqual(self.status()["dryers"], 1)
        self.check_unharmed()

    def test_a_second_peer_on_a_lane(self):
        """Each lane is for one: at the second it is given up for another, and what was sent there is sent again. That is
        counted, and told at the first."""
        before = self.status()
        with self.insider() as who:
            met = {}
            while len(met) < 12:
                for lane in self.lanes():
                    if lane not in met:
                        met[lane] = who.socket(zmq.PULL, lane)
                self.work(3)
            self.work(20)
            for thief in met.values():
                thief.close()
        #  Not each of them: a lane that is on its way out has a name for a while, and takes nobody any more.
        self.wait_for(lambda: self.status()["strangers"] > before["strangers"], "strangers")
        self.check_told(self.washer, "a lane", "the lane has its peer")
        self.assertEqual(self.sink.err, b"")
        self.check_unharmed()

    def test_a_second_washer(self):
        before = self.status()
        result = self.ask("--at", self.at, "--name", "another", "1000", name="washer", status=125)
        self.check_one_line(result, "another washer feeds this pipeline already")
        self.assertGreater(self.status()["refused"], before["refused"])
        self.check_unharmed()

    def test_a_dryer_that_takes_and_is_silent(self):
        with self.insider() as who:
            who.meet()
            life = wire.life()
            ear = who.listen(("d", life))
            self.assertTrue(who.hear_kind(ear, wire.ADVERT))
            who.say(wire.HELLO, life, wire.hello_of_dryer(slots=50))
            heard = who.hear_kind(ear, wire.LANE)
            self.assertTrue(heard)
            self.items.write(b"".join(b"%d\n" % n for n in range(self.number + 1, self.number + 41)))
            self.number += 40
        self.wait_for(lambda: self.sink.out.count(b"\n") == self.number, "the tasks to go to others")
        self.assertEqual(self.status()["dryers_lost"], 1)
        self.check_unharmed()


class Outsiders:
    """Over tcp: those without a credential, or with one of their own."""

    def credentials(self):
        """{name: what he shows}."""
        raise NotImplementedError

    def check_spot(self, arm, kind, spot):
        before = self.status()["strangers"]
        with wire.stranger(self.out(), arm) as who:
            knock = who.socket(kind, spot)
            self.wait_for(lambda: self.status()["strangers"] > before, "the stranger to be counted")
            knock.close()

    def check_spots(self):
        """That each stranger is counted, at `out`, `in` and the lane, with each credential."""
        port = int(self.at.rpartition(":")[2])
        ports = {"out": [port], "in": set(listening_ports(self.sink.pid)) - {port},
                 "lane": listening_ports(self.washer.pid)}
        self.assertEqual([len(found) for found in ports.values()], [1, 1, 1])
        kinds = {"out": zmq.SUB, "in": zmq.XPUB, "lane": zmq.PULL}
        rows = sorted(self.credentials().items(), key=lambda row: row[0] != "a wrong one")
        for name, arm in rows:
            for spot, kind in kinds.items():
                with self.subTest(credential=name, spot=spot):
                    self.check_spot(arm, kind, f"tcp://127.0.0.1:{next(iter(ports[spot]))}")
        self.work(4)
        self.assertEqual((self.status()["bad"], self.status()["refused"]), (0, 0))

    def test_strangers_at_each_spot(self):
        self.check_spots()
        self.check_told(self.sink, self.at, self.wrong)     # of the first; none tells of the others
        self.check_told(self.washer, "a lane", self.wrong)
        self.check_unharmed()

    def test_quiet_says_nothing_of_strangers(self):
        self.check_spots()
        self.check_unharmed()
        self.assertEqual((self.sink.err, self.washer.err), (b"", b""))

    def test_what_a_lost_washer_counted_stays(self):
        self.check_spot(self.credentials()["a wrong one"], zmq.PULL, self.lanes()[0])
        before = self.status()["strangers"]
        self.check_told(self.washer, "a lane", self.wrong)
        self.washer.popen.kill()
        self.wait_for(lambda: not self.status()["washer_alive"], "the washer to be missed")
        self.assertEqual(self.status()["strangers"], before)
        self.assertEqual(self.sink.err, b"")
        self.sink.popen.send_signal(signal.SIGINT)
        for program in (self.sink, self.dryer):
            program.wait()

    def check_outsider(self, arm):
        with wire.stranger(self.out(), arm) as who, self.insider() as spy:
            spy.meet()
            who.run, who.sink = spy.run, spy.sink       # he knows it all, and it helps him nothing
            who.mouth = who.socket(zmq.XPUB, spy.told)
            ear = who.listen(("d", 5))
            thieves = [who.socket(zmq.PULL, lane) for lane in self.lanes()]
            self.assertEqual(len(thieves), 1)
            for _ in range(10):
                who.say(wire.HELLO, wire.life(), wire.hello_of_dryer())
                self.work(2)
                self.assertFalse(who.mouth.poll(20))    # nobody subscribes to him
            self.assertFalse(ear.poll(0))
            self.assertFalse(any(thief.poll(0) for thief in thieves))

    def test_without_a_credential(self):
        for name, arm in self.credentials().items():
            with self.subTest(name):
                before = self.status()
                self.check_outsider(arm)
                now = self.status()
                self.assertGreater(now["strangers"], before["strangers"])
                self.assertEqual((now["dryers"], now["bad"], now["refused"]),
                                 (1, before["bad"], before["refused"]))
        self.check_unharmed()

    def test_a_flood_of_wrong_credentials(self):
        arm = self.credentials()["a wrong one"]

        def knock(count):
            for _ in range(count):
                with wire.stranger(self.out(), arm) as who:
                    ear, watch = who.socket(zmq.SUB, self.at,
                                            zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_DISCONNECTED)
                    self.assertTrue(watch.poll(wire.WAIT_MS))
                    ear.close()
            self.work(2)
        knock(50)
        memory, files = resident_bytes(self.sink.pid), len(os.listdir(f"/proc/{self.sink.pid}/fd"))
        before = self.status()
        knock(300)
        self.assertGreater(self.status()["strangers"], before["strangers"])
        self.check_memory(resident_bytes(self.sink.pid), memory + GROWTH_BYTES)
        self.wait_for(lambda: len(os.listdir(f"/proc/{self.sink.pid}/fd")) <= files + 5, "the connections to be closed")
        self.check_unharmed()

    def test_other_protocols(self):
        for port in [*listening_ports(self.sink.pid), *listening_ports(self.washer.pid)]:
            for words in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 5000, b"\0" * 5000, b""):
                with socket.create_connection(("127.0.0.1", port)) as line:
                    with contextlib.suppress(OSError):
                        line.sendall(words)
                self.work(1)
        self.check_unharmed()


@harness.ways("inproc")     # that is, once: the transport is a class here
class Ipc(Insiders, Kitchen):
    def choose_address(self):
        return "ipc://kitchen"

    def out(self):
        return "ipc://" + os.path.join(self.place(), "out")

    def place(self):
        return os.path.join(self.env["DISHES_DIR"], "kitchen")

    def lanes(self):
        return [f"ipc://{os.path.join(self.place(), name)}" for name in os.listdir(self.place())
                if name.startswith("l") and name != "lock"]

    def test_a_dryer_that_takes_all(self):
        """By its own account it does the whole input at once: the washer does not read all of it for that."""
        self.dryer.popen.send_signal(signal.SIGTERM)    # what it does would be read on, for as long as that takes
        self.dryer.wait()
        with self.insider() as who:
            who.meet()
            life = wire.life()
            ear = who.listen(("d", life))
            self.assertTrue(who.hear_kind(ear, wire.ADVERT))
            hello = b"d" + wire.text("glutton") + wire.text("h") + struct.pack("<IIII", *[0xffffffff] * 4)
            who.say(wire.HELLO, life, hello + struct.pack("<QQI", 0, 0, 0))
            self.assertTrue(who.hear_kind(ear, wire.LANE))
            os.set_blocking(self.items.fileno(), False)
            before, written, chunk = resident_bytes(self.washer.pid), 0, b"%0999d\n" % 0 * 64

            def is_full():
                nonlocal written
                with contextlib.suppress(BlockingIOError):
                    while written < 400 * MiB:
                        written += os.write(self.items.fileno(), chunk)
                        who.say(wire.BEAT, life)
                return written >= 400 * MiB or not select.select([], [self.items], [], 0.3)[1]
            self.wait_for(is_full, "the washer to read no more", 60)
            self.assertLess(written, 200 * MiB)
            self.check_memory(resident_bytes(self.washer.pid), before + written + GROWTH_BYTES)
        for program in (self.washer, self.sink):
            program.signal(signal.SIGKILL)
            program.wait()


class Tcp(Kitchen):
    def choose_address(self):
        return f"tcp://127.0.0.1:{kitchen.free_port()}"

    def lanes(self):
        return [f"tcp://127.0.0.1:{port}" for port in listening_ports(self.washer.pid)]


@harness.ways("inproc")
class Cookie(Insiders, Outsiders, Tcp):
    wrong = "wrong cookie"

    def test_who_has_the_cookie_of_a_killed_sink_is_no_news(self):
        self.sink.popen.kill()
        self.sink.wait()
        self.sink = self.start_stage("sink")
        for program in (self.washer, self.dryer):
            self.assertEqual(program.wait().status, 125)    # another run stands there
        self.assertGreater(self.status()["strangers"], 0)
        self.assertEqual(self.sink.err, b"")
        self.check_spot(self.credentials()["a wrong one"], zmq.SUB, self.at)
        self.check_told(self.sink, self.at, self.wrong)
        self.sink.popen.send_signal(signal.SIGINT)
        self.sink.wait()

    def arm_insider(self, socket):
        wire.read_cookie(self.env["DISHES_DIR"], self.at.rpartition(":")[2])(socket)

    def credentials(self):
        public, secret = zmq.curve_keypair()
        return {"none": lambda socket: None, "a wrong one": wire.cookie("0123456789abcdef" * 4),
                "a short one": wire.cookie("0"), "a key": wire.curve(public, secret, public)}


@harness.ways("inproc")
class Key(Insiders, Outsiders, Tcp):
    wrong = "wrong key"

    def choose_address(self):
        self.start_program([harness.BINARY, "--keygen", "keys"]).wait()
        self.worker = wire.read_key(self.path("keys/worker.key"))
        return super().choose_address()

    def key_of(self, name):
        return ("--key", "keys/head.key" if name in ("sink", "washer") else "keys/worker.key")

    def arm_insider(self, socket):
        wire.curve(self.worker["public-key"], self.worker["secret-key"], self.worker["head"])(socket)

    def credentials(self):
        public, secret = zmq.curve_keypair()
        return {"none": lambda socket: None, "a wrong one": wire.curve(public, secret, self.worker["head"]),
                "of another head": wire.curve(public, secret, public), "a password": wire.cookie("0" * 64)}

    def test_a_worker_plays_the_washer(self):
        """By its own life, and by that of the washer, which he may have guessed."""
        before = self.status()
        with self.insider() as who:
            who.meet()
            self.assertTrue(before["washer_alive"])
            said = 0
            for life in (wire.life(), int(who.sink) + 1):
                who.open_mouth(who.told)
                who.say(wire.HELLO, life, wire.hello_of_washer())
                for kind in wire.OF_THE_HEAD:
                    who.say(kind, life, wire.anything(kind, int(before["dryer"][0]["life"])), seq=1)
                said += 1 + len(wire.OF_THE_HEAD)
            self.check_counted("bad", before, said)
            self.assertEqual(self.status()["dryers"], 1)
        self.check_unharmed()

    def test_a_worker_plays_the_washer_that_has_told_its_life(self):
        """Over a connection on which nobody was heard before: neither its end, nor what it has received, nor its input."""
        with self.insider() as who:
            who.meet()
            mine = wire.life()
            ear = who.listen(("d", mine))
            self.assertTrue(who.hear_kind(ear, wire.ADVERT))
            who.say(wire.HELLO, mine, wire.hello_of_dryer())
            washer, = struct.unpack_from("<Q", who.hear_kind(ear, wire.LANE)[4])
            who.say(wire.BYE, mine)
            self.assertTrue(who.hear_kind(ear, wire.GONE))
            before = self.status()
            for kind, header in ((wire.BYE, {}), (wire.BEAT, {"got": 1, "ack": 1, "credit": 1000}), (wire.INPUT, {"seq": 1})):
                who.open_mouth(who.told)
                who.say(kind, washer, wire.anything(kind, 0) if kind == wire.INPUT else b"", **header)
            self.check_counted("bad", before, 3)
            self.assertTrue(self.status()["washer_alive"])
        self.check_unharmed()

    def test_a_worker_plays_another(self):
        """Who has said who he is speaks for nobody else: not for the washer, nor for another dryer."""
        before = self.status()
        other = int(before["dryer"][0]["life"])
        with self.insider() as who:
            who.meet()
            mine = wire.life()
            ear = who.listen(("d", mine))
            self.assertTrue(who.hear_kind(ear, wire.ADVERT))
            who.say(wire.HELLO, mine, wire.hello_of_dryer(slots=0))
            self.assertTrue(who.hear_kind(ear, wire.WELCOME))
            who.say(wire.BYE, other)
            who.say(wire.BEAT, other)
            self.check_counted("bad", before, 2)
            self.assertEqual([row["life"] for row in self.status()["dryer"] if int(row["life"]) == other], [str(other)])
            who.say(wire.BYE, mine)
            self.assertTrue(who.hear_kind(ear, wire.GONE))
        self.check_unharmed()

    def test_a_key_of_others(self):
        self.start_program([harness.BINARY, "--keygen", "others"]).wait()
        result = self.start_program([harness.stage("dryer"), "--at", self.at, "--key", "others/worker.key", "--wait",
                                     "1s", "echo"]).wait()
        self.assertEqual(result.status, 125, str(result))
        self.assertIn(b"takes no such credential", result.err.splitlines()[0])
        self.assertEqual(result.err.count(b"\n"), 2, str(result))   # why, and that it has given up
        self.check_unharmed()


@harness.ways("inproc")
class FalseHead(StageCase):
    """A sink that knows how to be found, and then says whatever it likes, of a later version too."""

    JUNK = 20_000

    def answers(self, role):
        lane = struct.pack("<QI", 1, 7) + wire.text("tcp://127.0.0.1:9")
        junk = [(99, b"x" * 50), (0, b""), (wire.WELCOME, b"\0"), (wire.LANE, lane), (wire.REFUSED, b"\xff\xff"),
                (JOINED, b"\5\0"), (STOP, b"\7" * 66), (TASKS, b"\xff" * 28), (COUNTED, b"\xff" * 17)]
        junk = [junk[n % len(junk)] for n in range(self.JUNK)]
        end = struct.pack("<BB", 5, 125) + bytes(64) + wire.text("its disk\x1b[2J is full")
        return [*junk, (wire.WELCOME, welcome(role, 20_000)), *junk, (STOP if role == "d" else JOINED, end)]

    def check_peer(self, name, *args):
        sizes = [0]

        def is_over():
            with contextlib.suppress(OSError, TypeError):       # it is over
                sizes.append(resident_bytes(peer.pid))
            return peer.ended()
        with false_sink(self.at, self.env["DISHES_DIR"], self.answers, is_polite=True):
            peer = self.observe("--join", self.at) if name == "dishes" else self.part(name, *args)
            self.wait_for(is_over, "its end")
            result = self.ends(peer, 125)
        lines = result.err.decode().splitlines()
        self.assertEqual(lines[0], f"{name}: the sink says what is not in this version of the protocol: it is dropped")
        self.assertIn("the sink gave up: its disk?[2J is full", lines[-1])
        self.assertEqual(len(lines), 2, lines)
        self.check_memory(max(sizes), 40 * MiB)

    def test_what_a_washer_bears(self):
        self.check_peer("washer", ":::", "a")

    def test_what_a_dryer_bears(self):
        self.check_peer("dryer", "true")

    def test_what_a_join_bears(self):
        self.check_peer("dishes")


class FalseHeadTcp(FalseHead):
    transport = "tcp"


class OneProcess(harness.Case):
    """The sink and the washer have one guard, and each counts those at its own doors."""

    may_meet = True

    def test_strangers_are_counted_once(self):
        read, write = os.pipe()
        at = f"tcp://127.0.0.1:{kitchen.free_port()}"
        program = self.start("--at", at, "-j1", "echo", stdin=read)
        os.close(read)
        os.write(write, b"1\n")
        self.wait_for(lambda: program.out == b"1\n", "the first result")

        def strangers():
            return json.loads(self.start("--status", at, "--json").wait().out)["strangers"]
        self.assertEqual(strangers(), 0)
        ports = listening_ports(program.pid)
        self.assertEqual(len(ports), 3)
        for count, port in enumerate(ports, 1):
            with wire.stranger(at, wire.cookie("0" * 64)) as who:
                knock, watch = who.socket(zmq.PULL, f"tcp://127.0.0.1:{port}", zmq.EVENT_HANDSHAKE_FAILED_AUTH)
                self.assertTrue(watch.poll(wire.WAIT_MS))
                knock.close()
            self.wait_for(lambda count=count: strangers() >= count, "the stranger to be counted")
            self.assertEqual(strangers(), count)
        os.close(write)
        result = program.wait()
        self.check_sanitizers(result)
        self.assertEqual((result.status, result.out), (0, b"1\n"), str(result))
        self.assertEqual(result.err.count(b"a stranger was refused at"), 2, str(result))


if __name__ == "__main__":
    harness.main()
