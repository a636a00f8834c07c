"""What was measured: series of rounds, rows of tables, goals."""

import statistics

OURS, PEER, LIMIT = "ours", "peer", "limit"
README_HEAD = ("| what | dishes | others, and how many times as fast dishes is |", "| --- | --- | --- |")
HEAD = ("| what | figure | compared | goal | reached |", "| --- | --- | --- | --- | --- |")   # of a table


class Series(list):
    """What one program reached, a number each round."""

    @property
    def median(self):
        return statistics.median(self)

    def over(self, other):
        return statistics.median(mine / theirs for mine, theirs in zip(self, other, strict=True))


def shown(value):
    """With three digits that count, for people."""
    for size, unit in ((1e9, " G"), (1e6, " M")):
        if value >= size:
            return f"{value / size:.{2 if value < 10 * size else 1 if value < 100 * size else 0}f}{unit}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


class Goal:
    """">= 1.25", "< 200" and the like."""

    def __init__(self, text):
        self.sign, bound = text.split()
        self.bound = float(bound)

    def is_reached_by(self, value):
        return {">=": value >= self.bound, "<=": value <= self.bound, "<": value < self.bound}[self.sign]

    def __str__(self):
        return f"{self.sign.replace('>=', '≥').replace('<=', '≤')} {self.bound:g}"


class Row:
    """One figure: `value` in `unit`, and what it is compared with, if anything: `ratio`, named `compared`. The goal is
    of the ratio, or where there is none of the value. "" as unit: only the ratio is told."""

    def __init__(self, kind, what, value, unit, compared="", ratio=None, goal=None):
        self.kind, self.what, self.value, self.unit = kind, what, value, unit
        self.compared, self.ratio, self.goal = compared, ratio, goal and Goal(goal)

    @property
    def is_reached(self):
        return self.goal.is_reached_by(self.value if self.ratio is None else self.ratio)

    @property
    def cell(self):
        return self.what.replace("|", "\\|")    # which would end the cell

    @property
    def figure(self):
        return f"{shown(self.value)} {self.unit}".strip()

    def line(self):
        compared = self.compared if self.ratio is None else f"{self.compared} = {shown(self.ratio)}"
        goal = (str(self.goal), "yes" if self.is_reached else "**no**") if self.goal else ("", "")
        return "| " + " | ".join((self.cell, self.figure, compared, *goal)) + " |"


class Section:
    """A table, where it is plotted a panel of bars, and where users want to know it a row of the README."""

    def __init__(self, title, is_plotted, is_in_readme):
        self.title, self.is_plotted, self.is_in_readme, self.rows, self.note = title, is_plotted, is_in_readme, [], ""

    def row(self, kind, what, value, unit, compared="", ratio=None, goal=None):
        self.rows.append(Row(kind, what, value, unit, compared, ratio, goal))

    def lines(self):
        yield from (f"### {self.title}", "")
        yield from HEAD
        yield from (row.line() for row in self.rows)
        yield ""
        if self.note:
            yield from (self.note, "")

    def readme_line(self):
        """The first figure of ours, beside the peers."""
        ours = next(row for row in self.rows if row.kind == OURS)
        peers = (f"{row.cell}: {row.figure}" + (f" ({shown(row.ratio)} times)" if row.ratio is not None else "")
                 for row in self.rows if row.kind == PEER)
        return f"| {self.title} | {ours.cell}: {ours.figure} | {'; '.join(peers)} |"
