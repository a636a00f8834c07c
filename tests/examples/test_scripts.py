#!/usr/bin/env python3
"""The shell scripts of examples/."""

import os
import signal

from book import DISHES, SCRIPTS, Book
import harness


class Kitchen(Book):
    def test_the_transport_is_its_argument(self):
        for at in self.addresses():
            result = self.example("kitchen.sh", at)
            self.assertEqual(len(result.text), 8)
            self.check_washed_and_dried(result.text)

    def test_its_default(self):
        self.check_washed_and_dried(self.example("kitchen.sh").text)

    def test_a_wrong_transport(self):
        result = self.example("kitchen.sh", "smoke://signals", status=125)
        self.assertIn(b"smoke://signals", result.err)


class Chain(Book):
    def test_wash_dry_put_away(self):
        for places in [], ["ipc://a", "ipc://b", "ipc://c"], [f"tcp://127.0.0.1:{self.port()}" for _ in range(3)]:
            with self.subTest(places):
                lines = self.example("chain.sh", *places).text
                self.check_washed_and_dried(lines)
                away = [line for line in lines if line.startswith("Putting ")]
                self.assertEqual(sorted(away), [f"Putting away {dish} dish" for dish in DISHES])
                for dish in DISHES:
                    self.assertLess(lines.index(f"Drying {dish} dish"), lines.index(f"Putting away {dish} dish"))


class Remote(Book):
    WANTED = [f"Drying {dish} dish on {os.uname().nodename}" for dish in DISHES]

    def test_the_demonstration_runs_both(self):
        result = self.example("remote.sh", env={"PORT": str(self.port())})
        self.assertEqual(result.text, self.WANTED)

    def test_a_worker_waits_for_its_head(self):
        at = f"127.0.0.1:{self.port()}"
        self.start_program(["dishes", "--keygen", "keys"]).wait()
        worker = self.start_example("remote.sh", "worker", at, "--key", "keys/worker.key")
        head = self.start_example("remote.sh", "head", at, "--key", "keys/head.key",
                                  stdin="".join(dish + "\n" for dish in DISHES).encode())
        self.assertEqual(head.wait().out.decode().splitlines(), self.WANTED, str(head.result))
        self.assertEqual((head.result.status, worker.wait().status), (0, 0))

    def test_usage(self):
        for args in (["tail"], ["head"], ["worker"]):
            self.assertIn(b"Usage", self.example("remote.sh", *args, status=125).err)


class Join(Book):
    def run_kitchen(self, at, command):
        parts = [self.start_program([*words, "--at", at, *rest]) for words, rest in
                 ((["sink"], []), (["dryer"], [command, "{}"]), (["washer"], [":::", *DISHES]))]
        return [part.wait().status for part in parts]

    def test_early_and_late(self):
        for at in self.addresses("ipc"):
            early = self.start_example("join.sh", at)
            self.assertEqual(self.run_kitchen(at, "true"), [0, 0, 0])
            self.assertEqual((early.wait().status, early.result.out), (0, b"All dishes are dry\n"), str(early.result))
            self.assertEqual(self.example("join.sh", at).out, b"All dishes are dry\n")

    def test_early_over_tcp(self):
        for at in self.addresses("tcp"):
            early = self.start_example("join.sh", at)
            self.assertEqual(self.run_kitchen(at, "true"), [0, 0, 0])
            self.assertEqual((early.wait().status, early.result.out), (0, b"All dishes are dry\n"), str(early.result))

    def test_some_are_broken(self):
        for at in self.addresses("ipc"):
            self.assertEqual(self.run_kitchen(at, "false"), [4, 0, 4])
            self.assertEqual(self.example("join.sh", at, status=1).out, b"Some dishes are broken\n")

    def test_of_a_program_in_c(self):
        for at in self.addresses("ipc", "tcp"):
            program = self.start_example("dishes_threads", "--at", at, "--scale", 0.05)
            join = self.start_example("join.sh", at)
            self.assertEqual((join.wait().status, join.result.out), (0, b"All dishes are dry\n"), str(join.result))
            self.assertEqual(program.wait().status, 0)

    def test_nobody_is_there(self):
        result = self.example("join.sh", "ipc://nobody", "--wait", "100ms", status=125)
        self.assertEqual(result.out, b"Nobody knows about the dishes\n")

    def test_it_is_not_done_in_time(self):
        sink = self.start_program(["sink", "--at", "ipc://kitchen"])
        late = self.start_example("join.sh", "ipc://kitchen", "--deadline", "300ms")
        self.assertEqual((late.wait().status, late.result.out), (124, b"The dishes are not dry yet\n"))
        sink.signal(signal.SIGTERM)
        sink.wait()

    def test_usage(self):
        self.assertIn(b"Usage", self.example("join.sh", status=125).err)


class Listed(Book):
    def test_each_example_is_in_the_chapter(self):
        with open(os.path.join(SCRIPTS, "..", "doc", "chapter.md"), encoding="utf-8") as file:
            chapter = file.read()
        for name in os.listdir(SCRIPTS):
            if name.endswith((".c", ".sh")):
                self.assertIn(f"`{name}`", chapter)


if __name__ == "__main__":
    harness.main()
