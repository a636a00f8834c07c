"""The figures as SVG: a panel a section, bars on a log scale, each panel with an axis of its own."""

import math
from xml.sax.saxutils import escape

from figures import shown

WIDTH, LEFT, RIGHT, BAR, GAP, TOP, HEAD, FOOT = 900, 350, 110, 16, 8, 66, 34, 34
STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328; }
  .title { font-size: 15px; font-weight: 600; } .head { font-size: 19px; font-weight: 600; }
  .small { font-size: 11px; font-weight: 400; fill: #59636e; } .paper { fill: #ffffff; }
  .ours { fill: #0969da; } .peer { fill: #9a8c7c; } .limit { fill: #c8ccd1; } .grid { stroke: #d9dee3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .small { fill: #9198a1; } .paper { fill: #0d1117; }
    .ours { fill: #4493f8; } .peer { fill: #8a7b69; } .limit { fill: #4a5159; } .grid { stroke: #2b3138; }
  }
"""


def text(x, y, words, kind="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


class Axis:
    """From the power of ten below half of the least to the one above the greatest."""

    def __init__(self, values):
        self.low = math.floor(math.log10(min(values) / 2))
        self.high = math.ceil(math.log10(max(values)))

    def x(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def ticks(self):
        return [10 ** power for power in range(self.low, self.high + 1)]


def tick(value):
    """A power of ten, in few letters."""
    return f"{value:g}" if value < 1000 else shown(value).replace(".00", "").replace(".0", "")


def panel(section, y):
    rows = [row for row in section.rows if row.unit == section.rows[0].unit]
    axis = Axis([row.value for row in rows])
    bottom = y + HEAD + len(rows) * (BAR + GAP)
    better = "more" if rows[0].unit.endswith("/s") else "less"
    yield (f'<text x="20" y="{y + 20}" class="title">{escape(section.title.replace("`", ""))}'
           f'<tspan class="small" dx="10">{rows[0].unit}, {better} is better</tspan></text>')
    for value in axis.ticks():
        yield f'<path class="grid" d="M{axis.x(value):.1f} {y + HEAD - 4}V{bottom}"/>'
        yield text(axis.x(value), bottom + 13, tick(value), "small", "middle")
    for nth, row in enumerate(rows):
        top = y + HEAD + nth * (BAR + GAP)
        yield text(LEFT - 10, top + 13, row.what.replace("`", ""), anchor="end")
        yield (f'<rect class="{row.kind}" x="{LEFT}" y="{top}" width="{axis.x(row.value) - LEFT:.1f}" height="{BAR}" '
               'rx="2"/>')
        yield text(axis.x(row.value) + 6, top + 13, shown(row.value))


def height(section):
    return HEAD + len(section.rows) * (BAR + GAP) + FOOT


def legend(y):
    for nth, (kind, words) in enumerate((("ours", "dishes"), ("peer", "others"), ("limit", "what is possible at all"))):
        x = 20 + nth * 110
        yield f'<rect class="{kind}" x="{x}" y="{y - 11}" width="12" height="12" rx="2"/>'
        yield text(x + 18, y, words)


def svg(sections, heading):
    sections = [section for section in sections if section.is_plotted and section.rows]
    whole = TOP + sum(map(height, sections)) + 24
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {whole}" width="{WIDTH}" height="{whole}" '
             f'role="img" aria-label="dishes against its peers and limits">', f"<style>{STYLE}</style>",
             f'<rect class="paper" width="{WIDTH}" height="{whole}" rx="8"/>',
             text(20, 32, "dishes, its peers, and what is possible; log scales", "head"), *legend(56)]
    y = TOP + 10
    for section in sections:
        parts += panel(section, y)
        y += height(section)
    return "\n".join(parts + [text(20, whole - 10, heading, "small"), "</svg>"]) + "\n"
