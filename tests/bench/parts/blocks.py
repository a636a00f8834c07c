"""--pipe: blocks of whole records to the stdin of commands."""

import random

from figures import LIMIT, OURS, PEER

WORDS = "index login search cart item image static api user help".split()
SEED = 7
BLOCK = "10M"     # for gzip


def log_lines(size):
    """So many bytes of lines as web servers write them, or a line more: a stretch of 20 MB, again and again."""
    source, lines, written = random.Random(SEED), [], 0
    while written < min(size, 20000000):
        address = ".".join(str(source.randrange(1, 255)) for _ in range(4))
        lines.append(f'{address} - - [{source.randrange(86400)}] "GET /{source.choice(WORDS)}/{source.choice(WORDS)}'
                     f'?id={source.randrange(10**6)} HTTP/1.1" 200 {source.randrange(10**5)} "-" "Mozilla/5.0"\n')
        written += len(lines[-1])
    stretch = "".join(lines)
    return stretch * -(-size // len(stretch))


def text(bench, name, size):
    path = bench.scratch / name
    path.write_text(log_lines(size))
    return path


def megabytes(bench, path, *argv, stdin=None):
    return path.stat().st_size / 1e6 / bench.run(*argv, stdin=stdin).seconds


def measure(bench):
    counting(bench)
    compressing(bench)


def counting(bench):
    large, small = text(bench, "large", bench.size(1100000000, 3000000)), text(bench, "small", bench.size(50000000, 300000))
    reached = bench.turns(
        dishes=lambda: megabytes(bench, large, bench.dishes, "--pipe", "-j2", "--block", "1M", "wc", "-l", stdin=large),
        cat=lambda: megabytes(bench, large, "sh", "-c", f"cat '{large}' | wc -l"),
        floor=lambda: megabytes(bench, large, bench.own("pipe_floor"), 2, 1 << 20, "wc", "-l", stdin=large),
        parallel=lambda: megabytes(bench, small, "parallel", "--pipe", "-j2", "--block", "1M", "wc", "-l", stdin=small))
    dishes, cat, floor = reached["dishes"], reached["cat"], reached["floor"]
    section = bench.section("Blocks of lines to `wc -l`, two at a time, 1 MiB each", is_in_readme=True)
    section.row(OURS, "`dishes --pipe -j2 --block 1M`", dishes.median, "MB/s")
    section.row(PEER, "`parallel --pipe -j2 --block 1M` (GNU)", reached["parallel"].median, "MB/s", "dishes / parallel",
                dishes.over(reached["parallel"]), ">= 5")
    section.row(LIMIT, "limit: `cat file | wc -l`", cat.median, "MB/s", "dishes / limit", dishes.over(cat), ">= 0.8")
    section.row(LIMIT, "limit: cut, fill a pipe, posix_spawn `wc -l`, and no more", floor.median, "MB/s", "dishes / limit",
                dishes.over(floor))
    section.note = (f"The second limit starts {-(-large.stat().st_size // (1 << 20)):,} commands, two at a time, and does no more "
                    f"than that takes; the first starts one. It reaches {floor.over(cat):.2f} of it.")


def compressing(bench):
    path, small = text(bench, "to_compress", bench.size(400000000, 1000000)), text(bench, "few", bench.size(100000000, 300000))
    half = text(bench, "half", bench.size(200000000, 500000))
    halves = f"gzip -1 < '{half}' & gzip -1 < '{half}'; wait"
    reached = bench.turns(
        dishes=lambda: megabytes(bench, path, bench.dishes, "--pipe", "-k", "-j2", "--block", BLOCK, "gzip", "-1", stdin=path),
        gzip=lambda: megabytes(bench, path, "gzip", "-1", stdin=path),
        two=lambda: 2 * megabytes(bench, half, "sh", "-c", halves),
        parallel=lambda: megabytes(bench, small, "parallel", "--pipe", "-k", "-j2", "--block", BLOCK, "gzip", "-1", stdin=small))
    dishes = reached["dishes"]
    section = bench.section("Blocks of lines to `gzip -1`, two at a time, 10 MiB each, in order", is_in_readme=True)
    section.row(OURS, "`dishes --pipe -k -j2 --block 10M`", dishes.median, "MB/s")
    section.row(PEER, "`parallel --pipe -k -j2 --block 10M` (GNU)", reached["parallel"].median, "MB/s", "dishes / parallel",
                dishes.over(reached["parallel"]))
    section.row(PEER, "one `gzip -1`", reached["gzip"].median, "MB/s", "dishes / gzip", dishes.over(reached["gzip"]),
                ">= 1.5")
    section.row(LIMIT, "limit: two `gzip -1` at once, half of it each", reached["two"].median, "MB/s", "dishes / limit",
                dishes.over(reached["two"]))
