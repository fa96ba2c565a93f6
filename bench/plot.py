"""A plot as SVG, without a library: panels side by side with lines over the same x, both axes logarithmic."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 460, 380  # of a panel's axes
LEFT, TOP, GAP, LEGEND = 70, 50, 90, 30
# Of lines that are drawn through, and of those that are dashed.
COLOURS = ["#111827", "#c1272d", "#e8871e", "#2274a5", "#4a9c9c", "#7b4fa3", "#d14d8b", "#0b6e4f"]


def decades(values):
    low = math.floor(math.log10(min(values)))
    return list(range(low, max(low + 1, math.ceil(math.log10(max(values)))) + 1))


def label(exponent):
    prefixes = {0: "", 3: " k", 6: " M", 9: " G"}
    thousand = exponent // 3 * 3
    if exponent < 0 or thousand not in prefixes:
        return f"{10.0 ** exponent:g}"
    return f"{10 ** (exponent - thousand)}{prefixes[thousand]}"


def stroke(place):
    """How the line of this place in the legend looks; after all colours comes the first again, dashed."""
    dashes = ' stroke-dasharray="5 3"' if place >= len(COLOURS) else ""
    return f'stroke="{COLOURS[place % len(COLOURS)]}"{dashes}'


class Panel:
    """`lines`: name → {x: y}."""

    def __init__(self, title, lines, left):
        self.left = left
        self.title = title
        self.lines = {name: line for name, line in lines.items() if line}
        self.decades = decades([y for line in self.lines.values() for y in line.values()])
        self.positions = sorted({x for line in self.lines.values() for x in line})

    def x(self, value):
        span = math.log(self.positions[-1] / self.positions[0]) or 1
        return self.left + WIDTH * math.log(value / self.positions[0]) / span

    def y(self, value):
        low, high = self.decades[0], self.decades[-1]
        return TOP + HEIGHT * (high - math.log10(value)) / (high - low)

    def axes(self):
        yield f'<text x="{self.left}" y="{TOP - 20}" font-weight="bold">{escape(self.title)}</text>'
        for exponent in self.decades:
            y = self.y(10.0 ** exponent)
            yield f'<path d="M{self.left} {y:.1f}h{WIDTH}" stroke="#d1d5db"/>'
            yield f'<text x="{self.left - 8}" y="{y + 4:.1f}" text-anchor="end">{label(exponent)}</text>'
        for value in self.positions:
            yield f'<text x="{self.x(value):.1f}" y="{TOP + HEIGHT + 20}" text-anchor="middle">{value}</text>'
        yield (f'<text x="{self.left + WIDTH / 2}" y="{TOP + HEIGHT + 40}" text-anchor="middle">'
               "messages under way</text>")

    def curves(self, names):
        for name, line in self.lines.items():
            points = [(self.x(x), self.y(y)) for x, y in sorted(line.items())]
            path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
            yield f'<path d="M{path}" fill="none" {stroke(names.index(name))} stroke-width="2"/>'
            for x, y in points:
                yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[names.index(name) % len(COLOURS)]}"/>'


def svg(titles_and_lines):
    """The panels, and below them one legend for all."""
    panels = [Panel(title, lines, LEFT + i * (WIDTH + GAP)) for i, (title, lines) in enumerate(titles_and_lines)]
    names = list(dict.fromkeys(name for panel in panels for name in panel.lines))
    width = LEFT + len(panels) * (WIDTH + GAP)
    columns = 4
    height = TOP + HEIGHT + 70 + LEGEND * math.ceil(len(names) / columns)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
             f'height="{height}" font-family="sans-serif" font-size="13">',
             f'<rect width="{width}" height="{height}" fill="white"/>']
    for panel in panels:
        parts += [*panel.axes(), *panel.curves(names)]
    for i, name in enumerate(names):
        x, y = LEFT + i % columns * (width - LEFT) / columns, TOP + HEIGHT + 70 + i // columns * LEGEND
        parts.append(f'<path d="M{x:.1f} {y}h24" {stroke(i)} stroke-width="3"/>')
        parts.append(f'<text x="{x + 32:.1f}" y="{y + 4}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
