#!/usr/bin/env python3
"""A washer that is killed, and started again with the same name and input: only what is not counted is sent again."""

# ctest: waits seconds=240 each=Ipc,Tcp

import fault
from fault import amount, numbers


class Killed:
    def check_killed(self, *sink):
        kills = amount(5, 50)
        count = amount(3000, 30000)
        self.give(numbers(count))
        self.start_sink(*sink)
        for _ in range(2):
            self.start_dryer(does='echo "$1" >>ran')
        self.start_washer()
        for round_ in range(kills):
            self.wait_done((round_ + 1) * count // (kills + 2))
            self.kill(self.the_washer)
            self.start_washer()
        self.check_end(dryers_lost=0, redelivered=lambda n: True)
        ran = self.read("ran").decode().split()
        self.assertEqual(len(ran), len(set(ran)), "what ran was not to run again")

    def test_killed_and_started_again(self):
        self.check_killed()

    def test_with_a_journal(self):
        self.check_killed("--journal", "journal")


fault.over_each_wire(Killed)

if __name__ == "__main__":
    fault.main()
