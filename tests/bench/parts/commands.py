"""One command an item: /bin/true, and a program so small that only the dispatcher is measured."""

from figures import LIMIT, OURS, PEER


def measure(bench):
    bin_true(bench)
    static(bench)


def rate(bench, jobs, *argv, stdin=None):
    return jobs / bench.run(*argv, stdin=stdin).seconds


def bin_true(bench):
    jobs, few = bench.size(1000, 50), bench.size(100, 4)
    items, few_items = bench.lines("items", jobs), bench.lines("few_items", few)
    reached = bench.turns(
        dishes=lambda: rate(bench, jobs, bench.dishes, "-j2", "/bin/true", stdin=items),
        xargs=lambda: rate(bench, jobs, "xargs", "-n1", "-P2", "/bin/true", stdin=items),
        parallel=lambda: rate(bench, few, "parallel", "-j2", "/bin/true", stdin=few_items),
        limit=lambda: rate(bench, jobs, bench.own("spawn_floor"), "2", jobs, "/bin/true"))
    dishes = reached["dishes"]
    section = bench.section("One command an item: /bin/true, two at a time", is_in_readme=True)
    section.row(OURS, "`dishes -j2`", dishes.median, "jobs/s")
    section.row(PEER, "`xargs -n1 -P2`", reached["xargs"].median, "jobs/s", "dishes / xargs",
                dishes.over(reached["xargs"]), ">= 1.25")
    section.row(PEER, "`parallel -j2` (GNU)", reached["parallel"].median, "jobs/s", "dishes / parallel",
                dishes.over(reached["parallel"]), ">= 5")
    section.row(LIMIT, "limit: posix_spawn and waitpid, output captured", reached["limit"].median, "jobs/s",
                "dishes / limit", dishes.over(reached["limit"]))


def static(bench):
    jobs = bench.size(3000, 50)
    items, nothing = bench.lines("items", jobs), bench.own("nothing")
    reached = bench.turns(
        dishes=lambda: rate(bench, jobs, bench.dishes, "-j2", nothing, stdin=items),
        xargs=lambda: rate(bench, jobs, "xargs", "-n1", "-P2", nothing, stdin=items),
        limit=lambda: rate(bench, jobs, bench.own("spawn_floor"), "2", jobs, nothing))
    dishes = reached["dishes"]
    section = bench.section("The same with a static program without libc: what the dispatcher costs")
    section.row(OURS, "`dishes -j2`", dishes.median, "jobs/s")
    section.row(PEER, "`xargs -n1 -P2`", reached["xargs"].median, "jobs/s", "dishes / xargs",
                dishes.over(reached["xargs"]))
    section.row(LIMIT, "limit: posix_spawn and waitpid, output captured", reached["limit"].median, "jobs/s",
                "dishes / limit", dishes.over(reached["limit"]))
