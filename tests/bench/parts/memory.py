"""The largest memory of any process, over items and over outputs."""

from figures import OURS


def measure(bench):
    items(bench)
    outputs(bench)


def items(bench):
    few, many = bench.size(100000, 1000), bench.size(10000000, 20000)
    paths = {count: bench.lines(f"items_{count}", count, "{:015d}\n") for count in (few, many)}
    seconds = []

    def take(count):
        taken = bench.run(bench.dishes, "-j2", "-n10000", "/bin/true", stdin=paths[count])
        if count == many:
            seconds.append(taken.seconds)
        return taken.mb

    reached = bench.turns(few=lambda: take(few), many=lambda: take(many))
    section = bench.section("Memory: items of 16 bytes, 10,000 a command", is_plotted=False)
    section.row(OURS, f"{few:,} items, largest resident memory", reached["few"].median, "MB")
    section.row(OURS, f"{many:,} items", reached["many"].median, "MB", "to those", reached["many"].over(reached["few"]),
                "<= 1.5")
    section.note = (f"{many / sorted(seconds)[len(seconds) // 2] / 1e6:.2g} M items/s. It grows until the windows are "
                    "full, which is before a million, and no further.")


def outputs(bench):
    size = bench.size(50000000, 3000000)
    twenty = bench.lines("twenty", 20)

    def take(*options):
        return bench.run(bench.dishes, *options, "sh", "-c", f"head -c {size} /dev/zero", "sh", stdin=twenty).mb

    reached = bench.turns(any=lambda: take("-j2"), kept=lambda: take("-j4", "-k"))
    section = bench.section("Memory: large outputs", is_plotted=False, is_in_readme=True)
    each = f"20 tasks of {size // 1000000} MB of output each"
    section.row(OURS, f"{each}, `-j2`, largest resident memory", reached["any"].median, "MB", goal="< 200")
    section.row(OURS, f"{each}, `-j4 -k`", reached["kept"].median, "MB", goal="< 200")
