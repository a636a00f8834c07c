"""--pipe: blocks of whole records to the stdin of commands."""

from figures import LIMIT, OURS, PEER

LINE = "{0:09d} GET /index.html?page={0:07d} 200 \"a log has lines that are much alike\" -\n"


def text(bench, name, size):
    """The path of so many bytes of lines, or a line more."""
    return bench.lines(name, size // len(LINE.format(0)) + 1, LINE)


def megabytes(bench, path, *argv, stdin=None):
    return path.stat().st_size / 1e6 / bench.run(*argv, stdin=stdin).seconds


def measure(bench):
    counting(bench)
    compressing(bench)


def counting(bench):
    large, small = text(bench, "large", bench.size(500000000, 3000000)), text(bench, "small", bench.size(50000000, 300000))
    reached = bench.turns(
        dishes=lambda: megabytes(bench, large, bench.dishes, "--pipe", "-j2", "--block", "1M", "wc", "-l", stdin=large),
        cat=lambda: megabytes(bench, large, "sh", "-c", f"cat '{large}' | wc -l"),
        parallel=lambda: megabytes(bench, small, "parallel", "--pipe", "-j2", "--block", "1M", "wc", "-l", stdin=small))
    dishes = reached["dishes"]
    section = bench.section("Blocks of lines to `wc -l`, two at a time, 1 MiB each")
    section.row(OURS, "`dishes --pipe -j2 --block 1M`", dishes.median, "MB/s")
    section.row(PEER, "`parallel --pipe -j2 --block 1M` (GNU)", reached["parallel"].median, "MB/s", "dishes / parallel",
                dishes.over(reached["parallel"]), ">= 5")
    section.row(LIMIT, "limit: `cat file | wc -l`", reached["cat"].median, "MB/s", "dishes / limit",
                dishes.over(reached["cat"]), ">= 0.8")


def compressing(bench):
    path, small = text(bench, "to_compress", bench.size(100000000, 1000000)), text(bench, "few", bench.size(20000000, 300000))
    reached = bench.turns(
        dishes=lambda: megabytes(bench, path, bench.dishes, "--pipe", "-k", "-j2", "gzip", "-1", stdin=path),
        gzip=lambda: megabytes(bench, path, "gzip", "-1", stdin=path),
        parallel=lambda: megabytes(bench, small, "parallel", "--pipe", "-k", "-j2", "gzip", "-1", stdin=small))
    dishes = reached["dishes"]
    section = bench.section("Blocks of lines to `gzip -1`, two at a time, in order")
    section.row(OURS, "`dishes --pipe -k -j2`", dishes.median, "MB/s")
    section.row(PEER, "`parallel --pipe -k -j2` (GNU)", reached["parallel"].median, "MB/s", "dishes / parallel",
                dishes.over(reached["parallel"]))
    section.row(PEER, "one `gzip -1`", reached["gzip"].median, "MB/s", "dishes / gzip", dishes.over(reached["gzip"]),
                ">= 1.5")
