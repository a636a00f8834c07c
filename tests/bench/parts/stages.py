"""The three programs over an address, against dishes alone. `run` is of use to other parts."""

from figures import OURS

WIRES = {"ipc": "ipc", "cookie": "tcp, a cookie", "key": "tcp, a key (CURVE)", "insecure": "tcp, `--insecure`"}


def run(bench, wire, items, washer_options, *command):
    """sink, dryer -j2 and washer, over one of WIRES: what they took, all three together."""
    keys = bench.scratch / "keys"
    if wire == "key" and not keys.exists():
        bench.run(bench.dishes, "--keygen", keys)
    head, worker = {"key": (f"--key {keys}/head.key", f"--key {keys}/worker.key"),
                    "insecure": ("--insecure", "--insecure")}.get(wire, ("", ""))
    return bench.run("bash", bench.here / "stages.sh", bench.address("ipc" if wire == "ipc" else "tcp"), items,
                     washer_options, *command, env={"HEAD": head, "WORKER": worker})


def measure(bench):
    jobs = bench.size(6000, 50)
    items = bench.lines("items", jobs)
    reached = bench.turns(
        bench.size(9, 1),   # one round differs from the next by as much as a tenth
        together=lambda: jobs / bench.run(bench.dishes, "-j2", "/bin/true", stdin=items).seconds,
        **{wire: lambda wire=wire: jobs / run(bench, wire, items, "", "/bin/true").seconds for wire in WIRES})
    section = bench.section("Washer, dryer and sink as programs: /bin/true, two at a time")
    section.row(OURS, "`dishes -j2`, one process", reached["together"].median, "jobs/s")
    for wire, name in WIRES.items():
        section.row(OURS, f"`washer`, `dryer -j2`, `sink` over {name}", reached[wire].median, "jobs/s",
                    "stages / dishes", reached[wire].over(reached["together"]), ">= 0.9")
    section.note = f"Medians of {len(reached['together'])} rounds."
