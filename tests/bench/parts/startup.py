"""One item, from the start of the program to its end."""

from figures import LIMIT, OURS, PEER, Series


def measure(bench):
    one = bench.lines("one", 1)
    taken = bench.turns(
        bench.size(41, 3),
        dishes=lambda: bench.run(bench.dishes, "/bin/true", stdin=one).seconds * 1000,
        floor=lambda: bench.run(bench.own("startup_floor")).seconds * 1000,
        xargs=lambda: bench.run("xargs", "/bin/true", stdin=one).seconds * 1000,
        parallel=lambda: bench.run("parallel", "/bin/true", stdin=one).seconds * 1000)
    limit = Series(floor + xargs for floor, xargs in zip(taken["floor"], taken["xargs"]))
    section = bench.section("Starting up: one item, start to end", is_in_readme=True)
    section.row(OURS, "`dishes /bin/true`", taken["dishes"].median, "ms")
    section.row(PEER, "`parallel /bin/true` (GNU)", taken["parallel"].median, "ms")
    section.row(PEER, "`xargs /bin/true`", taken["xargs"].median, "ms")
    section.row(LIMIT, "limit: xargs, and two sockets of libzmq opened", limit.median, "ms", "dishes / limit",
                taken["dishes"].over(limit), "<= 1.3")
    section.note = f"Medians of {len(limit)} rounds."
