#!/usr/bin/env python3
"""Where parts meet: directories that are not to be trusted, addresses that need a key, key files; and each kind of
address that works. Whatever is wrong is told in one line before anything starts."""

# ctest: plain

import json
import os
import signal
import socket
import subprocess
import unittest

import harness
import kitchen

NOBODY = 65534


class Case(harness.Case):
    may_meet = True

    def start_stage(self, name, *args, **how):
        return self.start_program([harness.stage(name), *args], **how)

    def check_refused(self, name, *args, says, **how):
        result = self.start_stage(name, *args, **how).wait()
        self.check_sanitizers(result)
        self.assertEqual((result.status, result.out), (125, b""), str(result))
        self.assertTrue(result.err.startswith(name.encode() + b": "), str(result))
        self.check_one_line(result, *says)

    def check_all_refused(self, at, *says):
        """By each part, in the same words."""
        for name, rest in (("sink", ()), ("dryer", ("echo",)), ("washer", ("item",)),
                           ("dishes", ("echo", ":::", "item"))):
            with self.subTest(name):
                self.check_refused(name, "--at", at, *rest, says=says)

    def check_works(self, at, head=(), worker=(), dial=None):
        dial = dial or at
        sink = self.start_stage("sink", "--at", at, *head)
        dryer = self.start_stage("dryer", "--at", dial, *worker, "echo")
        join = self.start_stage("dishes", "--join", dial, *worker)
        status = [harness.BINARY, "--status", dial, "--json", *worker]
        quietly = {"cwd": self.dir, "env": self.env, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.wait_for(lambda: json.loads(subprocess.run(status, check=True, **quietly).stdout)["observers"] == 2,
                      "the join: one that is too late would look for another run")
        washer = self.start_stage("washer", "--at", dial, *head, "item")
        for program in (washer, dryer, sink, join):
            self.assertEqual(program.wait().status, 0, str(program.result))
        self.assertEqual(sink.out, b"item\n")
        return sink, dryer, washer


@harness.ways("inproc")     # that is, once
class Directories(Case):
    """ipc."""

    def setUp(self):
        super().setUp()
        self.place = self.env["DISHES_DIR"]

    def kitchen_dir(self):
        os.mkdir(self.place, 0o700)
        return os.path.join(self.place, "kitchen")

    def test_open_to_others(self):
        os.mkdir(self.place)
        os.chmod(self.place, 0o755)
        self.check_all_refused("ipc://kitchen", self.place, "open to others (mode 0755)", "chmod 700")

    def test_one_below_that_is_open_to_others(self):
        path = self.kitchen_dir()
        os.mkdir(path)
        os.chmod(path, 0o770)
        self.check_all_refused("ipc://kitchen", path, "open to others")

    def test_a_link(self):
        os.mkdir(self.path("elsewhere"), 0o700)
        path = self.kitchen_dir()
        os.symlink(self.path("elsewhere"), path)
        self.check_all_refused("ipc://kitchen", path, "a link is not followed")
        self.assertEqual(os.listdir(self.path("elsewhere")), [])

    def test_a_file(self):
        with open(self.place, "wb"):
            pass
        self.check_all_refused("ipc://kitchen", self.place, "is not a directory")

    @unittest.skipUnless(os.geteuid() == 0, "only root gives a directory to another user")
    def test_made_by_another_user(self):
        path = self.kitchen_dir()
        os.mkdir(path, 0o700)
        os.chown(path, NOBODY, NOBODY)
        self.check_all_refused("ipc://kitchen", path, f"belongs to user {NOBODY}, not to you")

    def test_a_path_that_is_too_long(self):
        self.check_all_refused("ipc://" + "x" * 107, "choose a shorter name, or set DISHES_DIR")

    def test_a_directory_that_cannot_be_made(self):
        self.check_all_refused("ipc:///nowhere/at/all", "cannot make the directory /nowhere/at/all")

    def test_a_directory_of_ones_own(self):
        path = self.path("own")
        self.check_works("ipc://" + path)
        self.assertFalse(os.path.exists(self.place))
        os.chmod(path, 0o755)
        self.check_all_refused("ipc://" + path, "open to others")

    def test_two_sinks(self):
        sink = self.start_stage("sink", "--at", "ipc://kitchen")
        self.wait_for(lambda: os.path.exists(os.path.join(self.place, "kitchen", "out")), "the first sink")
        self.check_refused("sink", "--at", "ipc://kitchen", says=("a sink runs there already",))
        self.check_refused("dishes", "--at", "ipc://kitchen", "echo", ":::", "item", says=("a sink runs there already",))
        dryer = self.start_stage("dryer", "--at", "ipc://kitchen", "echo")
        self.assertEqual(self.start_stage("washer", "--at", "ipc://kitchen", "item").wait().status, 0)
        self.assertEqual((sink.wait().status, sink.out, dryer.wait().status), (0, b"item\n", 0))

    def test_what_a_killed_sink_has_left(self):
        path = os.path.join(self.place, "kitchen")
        sink = self.start_stage("sink", "--at", "ipc://kitchen")
        dryer = self.start_stage("dryer", "--at", "ipc://kitchen", "sleep")
        washer = self.start_stage("washer", "--at", "ipc://kitchen", "1000")
        self.wait_for(lambda: harness.children(dryer.pid), "a task to run")
        for program in (washer, dryer, sink):
            program.signal(signal.SIGKILL)
            program.wait()
        self.assertIn("out", os.listdir(path))
        self.check_works("ipc://kitchen")
        self.assertEqual([name for name in os.listdir(path) if not name.endswith("lock")], ["result"])


@harness.ways("inproc")
class Addresses(Case):
    """tcp."""

    def setUp(self):
        super().setUp()
        self.port = kitchen.free_port()

    def keys(self, where="keys"):
        self.assertEqual(self.start_stage("dishes", "--keygen", where).wait().status, 0)
        return [("--key", f"{where}/{name}.key") for name in ("head", "worker")]

    def test_other_machines_need_a_key(self):
        for at in (f"tcp://*:{self.port}", f"tcp://192.0.2.1:{self.port}", f"tcp://[2001:db8::1]:{self.port}"):
            self.check_all_refused(at, "needs --key FILE", "--keygen", "--insecure")

    def test_insecure_is_said_at_each_start(self):
        says = b"--insecure: whoever reaches this address can take part"
        for quiet in ((), ("--quiet",)):
            for program in self.check_works(f"tcp://*:{self.port}", head=("--insecure", *quiet),
                                            worker=("--insecure",), dial=f"tcp://127.0.0.1:{self.port}"):
                self.assertEqual(program.err.count(says), 1, str(program.result))

    def test_every_address_of_the_host(self):
        head, worker = self.keys()
        self.check_works(f"tcp://*:{self.port}", head, worker, dial=f"tcp://127.0.0.1:{self.port}")
        self.check_works(f"tcp://*:{self.port}", head, worker)

    def test_a_name(self):
        self.check_works(f"tcp://localhost:{self.port}")
        head, worker = self.keys()
        self.check_works(f"tcp://localhost:{self.port}", head, worker)

    @unittest.skipUnless(socket.has_ipv6 and os.path.exists("/proc/net/if_inet6"), "there is no IPv6 here")
    def test_ipv6(self):
        self.check_works(f"tcp://[::1]:{self.port}")
        head, worker = self.keys()
        self.check_works(f"tcp://[::1]:{self.port}", head, worker)

    def test_a_name_of_nobody(self):
        self.check_all_refused(f"tcp://no.such.host.invalid:{self.port}", "no.such.host.invalid")

    def test_a_port_that_is_taken(self):
        with socket.create_server(("127.0.0.1", self.port)):
            self.check_refused("sink", "--at", f"tcp://127.0.0.1:{self.port}", says=("cannot bind", "Address already in use"))

    def check_key_refused(self, *says):
        for name, rest in (("sink", ()), ("dryer", ("echo",)), ("washer", ("item",))):
            self.check_refused(name, "--at", f"tcp://127.0.0.1:{self.port}", "--key", "the.key", *rest, says=says)

    def test_no_key_file(self):
        self.check_key_refused("cannot open the key file the.key")

    def test_a_key_file_that_others_may_read(self):
        self.keys()
        self.write("the.key", self.read("keys/head.key"), mode=0o640)
        self.check_key_refused("others may read the key file the.key (mode 0640)")

    def test_a_key_file_that_is_none(self):
        for content in (b"", b"garbage\n", os.urandom(3000), b"curve\n    public-key = \"short\"\n"):
            self.write("the.key", content, mode=0o600)
            self.check_key_refused("the key file the.key cannot be used")

    def test_keys_are_not_made_twice(self):
        self.keys()
        before = self.read("keys/head.key"), self.read("keys/worker.key")
        self.check_refused("dishes", "--keygen", "keys", says=("cannot make keys/head.key", "File exists: remove it"))
        self.assertEqual((self.read("keys/head.key"), self.read("keys/worker.key")), before)

    def test_a_worker_is_not_the_head(self):
        _, worker = self.keys()
        for name, rest in (("sink", ()), ("washer", ("item",))):
            self.check_refused(name, "--at", f"tcp://*:{self.port}", *worker, *rest, says=("head's key",))


if __name__ == "__main__":
    harness.main()
