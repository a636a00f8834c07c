"""What a credential costs where bytes count: outputs that go back, and items that come in."""

from figures import OURS
from parts import stages


def measure(bench):
    outputs(bench)
    items(bench)


def outputs(bench):
    size = bench.size(400000000, 3000000)
    ten = bench.lines("ten", 10)
    reached = bench.turns(**{
        wire: lambda wire=wire: size / 1e6 / stages.run(bench, wire, ten, "", "sh", "-c",
                                                        f"head -c {size // 10} /dev/zero", "sh").seconds
        for wire in stages.WIRES})
    show(bench.section(f"What a credential costs: outputs, ten of {size // 10000000} MB", is_plotted=False), reached,
         "MB/s")


def items(bench):
    count = bench.size(1000000, 1000)
    lines = bench.lines("credential_items", count, "{:015d}\n")
    reached = bench.turns(**{
        wire: lambda wire=wire: count / stages.run(bench, wire, lines, "-n10000", "/bin/true").seconds
        for wire in stages.WIRES})
    show(bench.section("What a credential costs: items of 16 bytes, 10,000 a command", is_plotted=False), reached, "items/s")


def show(section, reached, unit):
    for wire, name in stages.WIRES.items():
        is_plain = wire == "insecure"
        section.row(OURS, name, reached[wire].median, unit, "" if is_plain else "to `--insecure`",
                    None if is_plain else reached[wire].over(reached["insecure"]))
