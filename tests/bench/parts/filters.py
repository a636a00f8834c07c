"""--filter: two long-lived commands that flush each line, against one in a pipe, and against paexec."""

from figures import LIMIT, OURS, PEER


def measure(bench):
    count, few = bench.size(3000000, 2000), bench.size(100000, 200)
    items, few_items = bench.lines("items", count, "{:015d}\n"), bench.lines("few_items", few, "{:015d}\n")
    echo = bench.own("echo_lines")

    def rate(items_count, *argv, stdin):
        return items_count / bench.run(*argv, stdin=stdin).seconds

    def ours(*options):
        return lambda: rate(count, bench.dishes, "-j2", *options, "--filter", echo, stdin=items)

    reached = bench.turns(
        dishes=ours(), order=ours("-k"), tcp=ours("--at", bench.address("tcp")),
        pipe=lambda: rate(count, "sh", "-c", 'cat "$0" | "$1" | wc -l', items, echo, stdin=None),
        paexec=lambda: rate(few, "paexec", "-n", "+2", "-c", f"{echo} ''", stdin=few_items))
    dishes = reached["dishes"]
    section = bench.section("A filter that flushes each line, items of 16 bytes, two of them", is_in_readme=True)
    section.row(OURS, "`dishes -j2 --filter`", dishes.median, "items/s")
    section.row(OURS, "the same with `-k`", reached["order"].median, "items/s")
    section.row(OURS, "the same over tcp", reached["tcp"].median, "items/s")
    section.row(LIMIT, "limit: a pipe, `cat items`, the filter, `wc -l`", reached["pipe"].median, "items/s", "dishes / limit",
                dishes.over(reached["pipe"]), ">= 0.7")
    section.row(PEER, "`paexec -n +2`", reached["paexec"].median, "items/s", "dishes / paexec",
                dishes.over(reached["paexec"]), ">= 10")
