"""From the SIGKILL of a dryer to the start of its task elsewhere."""

import statistics

from figures import OURS


def measure(bench):
    kills = bench.size(21, 1)
    section = bench.section("A dryer is killed: from SIGKILL to the start of its task elsewhere", is_plotted=False,
                            is_in_readme=True)
    for wire in ("ipc", "tcp"):
        taken = bench.numbers("python3", bench.here / "killed_to_restart.py", bench.address(wire), kills)
        section.row(OURS, f"over {wire}", statistics.median(taken), "ms", goal="< 350")
    section.note = f"Medians of {kills} kills. 250 ms of it is how long a connection has to come back."
