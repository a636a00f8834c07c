#!/usr/bin/env python3
"""Dryers that are killed, that are stopped for so long that they are thought dead, that are all gone, and those that
their task kills. What they held, and only that, is done by others; each counts once."""

# ctest: waits seconds=300 each=Ipc,Tcp

import signal

import fault
from fault import Clock, amount, numbers, pause


class Killed:
    """A dryer is killed each 100 ms, and another one started. (None may be given up: any task may meet three deaths.)"""

    sink_options = ("--crash-limit", "0")

    def test_a_dryer_is_killed_each_100_ms(self):
        count = amount(20000, 200000)
        self.give(numbers(count))
        self.start_sink()
        self.start_washer()
        for _ in range(4):
            self.start_dryer()
        clock = Clock(0.1)
        while self.done() < count * 0.97:
            clock.wait()
            victim = next(filter(self.done_by, self.dryers), None)      # that is, the sink knows it too
            if victim:
                self.kill(victim)
                self.start_dryer()
        self.wait_all_but_gate()
        self.wait_figures(dryers_lost=self.kills)
        self.assertGreater(self.kills, amount(20, 200))
        self.check_end(dryers_lost=self.kills, redelivered=lambda n: n > 0, broken=0)


class AllGone:
    """For longer than anything of theirs is waited for. (Here too a task may meet three deaths.)"""

    sink_options = ("--crash-limit", "0")

    def test_all_are_gone_and_come_back(self):
        times = amount(1, 10)
        self.give(numbers(600 * times))
        self.start_sink()
        self.start_washer()
        self.start_three()
        for round_ in range(times):
            self.wait_all_work()
            for dryer in list(self.dryers):
                self.kill(dryer)
            self.wait_figures(dryers_lost=3 * (round_ + 1), dryers=0)
            before = self.done()
            pause(10)
            self.assertEqual(self.done(), before)
            self.assertFalse(self.the_sink.ended() or self.the_washer.ended())
            self.start_three()
        self.check_end(dryers_lost=self.kills, redelivered=lambda n: n > 0)

    def start_three(self):
        for _ in range(3):
            self.start_dryer(does="sleep 0.01")


class Stopped:
    dead_after = "2s"

    def work(self, count):
        self.give(numbers(count))
        self.start_sink()
        self.start_washer()
        self.start_dryer("--prefetch", "4", does="sleep 0.02")
        self.start_dryer("--prefetch", "4", does="sleep 0.02")
        self.wait_all_work()
        return self.dryers[0]

    def test_thought_dead_and_back(self):
        rounds = amount(2, 20)
        dryer = self.work(300 * rounds)
        for round_ in range(rounds):
            dryer.signal(signal.SIGSTOP)
            self.wait_figures(dryers_lost=round_ + 1)
            dryer.signal(signal.SIGCONT)
            self.wait_works_again(dryer)
        self.check_end(dryers_lost=rounds, redelivered=lambda n: 1 <= n <= 6 * rounds)

    def test_stopped_for_less_nobody_is_lost(self):
        rounds = amount(3, 30)
        dryer = self.work(150 * rounds)
        for _ in range(rounds):
            dryer.signal(signal.SIGSTOP)
            pause(0.3)
            dryer.signal(signal.SIGCONT)
            pause(0.3)
        self.check_end(dryers_lost=0, redelivered=0)


class Deadly:
    """One among many kills whoever runs it; whoever dies is replaced."""

    sink_options = ("--crash-limit", "3", "--results", "tree")

    def test_only_the_guilty_is_given_up(self):
        many = amount(100, 1000)
        self.give([*numbers(many), "bad", *numbers(many, many + 1)])
        sink = self.start_sink()
        self.start_washer()
        #  It waits, so that its dryer's death takes no report along: what is done and not yet told hides who is guilty.
        does = '[ "$1" != bad ] || { echo x >>ran.bad; sleep 0.3; kill -9 $PPID; sleep 1000; }'
        for _ in range(3):
            self.start_dryer("--prefetch", "8", does=does)
        deaths, is_over = 0, False
        while not is_over:
            is_over = self.done() >= 2 * many and self.figures()["broken"] > 0    # then a last look at who died of it
            for dryer in [dryer for dryer in self.dryers if dryer.ended()]:
                deaths += 1
                self.assertLessEqual(deaths, 4, "died of it again")
                self.kill_known(dryer)
                self.start_dryer("--prefetch", "8", does=does)
            pause(0.02)
        self.wait_figures(broken=1, dryers_lost=deaths)
        self.assertEqual(len(self.read("ran.bad").splitlines()), deaths)
        self.assertGreaterEqual(deaths, 3)
        self.check_end(status=1, missing=("bad",), dryers_lost=deaths, broken=1, failed=0)
        self.assertIn(b"bad", sink.err)
        self.assertEqual([self.read(f"tree/1/bad/{name}") for name in ("seq", "stdout", "stderr")],
                         [b"%d" % (many + 1), b"", b"task %d is given up: 3 dryers died of it\n" % (many + 1)])

    def kill_known(self, dryer):
        self.assertEqual(dryer.wait().status, -9, str(dryer.result))
        self.dryers.remove(dryer)


fault.over_each_wire(Killed, AllGone, Stopped, Deadly)

if __name__ == "__main__":
    fault.main()
