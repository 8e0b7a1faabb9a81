"""Draws small pictures from big ones: `python3 notes/pictures/small.py` writes them beside this file.

`timeline.svg` is what `handloom timeline` draws, 1,180 units wide, and `factorial.svg` what `handloom factorial` draws,
800. A telephone shows 400. So each chapter has its strip drawn anew with an axis of its own length, the README has all
ways with the lanes of one kind close together, and chapter 18 has the curves and a table of the same figures. All that is
drawn here was measured: it is taken from the big pictures. The script prints the name of each file that it changed. The
standard library is all that is needed.
"""

import json
import math
import re
from html import escape, unescape
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).parent
#: The strips that chapters show: the name of the file, and the strip's number in the big picture.
STRIPS = {"threads": 1, "gil": 2, "processes": 3, "loop": 4, "run-blocking": 5}
#: The small pictures are so wide; their lanes have names up to `LEFT`, and a margin at the right.
WIDTH, LEFT, MARGIN = 400, 112, 8
#: In the picture of all ways: where the lanes begin, and the milliseconds that the axis has. The first way takes longer.
NARROW, AXIS_MS = 74, 420
#: The height of a lane.
LANE = 15

LEGEND = [("Running", "running"), ("Ready", "ready, waits for its turn"), ("Blocked", "blocked in the kernel"),
          ("Lock", "waits for the GIL"), ("Parked", "parked: a task, no thread")]


#: What the small pictures need beside the style of the big one.
OWN_STYLE = """.timeline text { fill: #222 } .timeline .head { font-size: 13px; font-weight: bold } .timeline .faint { fill: #5a5a5a }
.timeline .small { font-size: 10.5px } .timeline .in { paint-order: stroke; stroke: #fff; stroke-width: 3px } .timeline .paper { fill: #fff } .timeline .grid { stroke: #d9d9d9 }
@media (prefers-color-scheme: dark) {
  .timeline text { fill: #e8e8e8 } .timeline .faint { fill: #a9a9a9 } .timeline .in { stroke: #16181b } .timeline .paper { fill: #16181b } .timeline .grid { stroke: #34383d }
}
"""


class Big:
    """The big picture, and the scale of its axis."""

    def __init__(self):
        self.text = (HERE / "timeline.svg").read_text()
        self.root = ElementTree.fromstring(re.sub(r' xmlns="[^"]*"', "", self.text, count=1))
        style = self.text[self.text.rindex("<style>"):self.text.index("</defs>") + len("</defs>")]
        self.style = style.replace("</style>", OWN_STYLE + "</style>")
        timeline = self.root.find("g[@class='timeline']")
        self.zero, self.per_ms = float(timeline.get("data-left")), float(timeline.get("data-ms"))

    def strip(self, number):
        return self.root.find(f".//g[@data-strip='{number}']")


class Small:
    """A small picture: what was drawn, and where the axis lies."""

    def __init__(self, big, left, scale):
        self.big, self.left, self.scale, self.parts = big, left, scale, []

    def x(self, big_x):
        """The place of a point of the big picture."""
        return self.left + (big_x - self.big.zero) * self.scale

    def put(self, part):
        self.parts.append(part)

    def words(self, x, y, words, kind="", anchor="start"):
        self.put(f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>')

    def state(self, path, middle, height):
        """The parts of a lane in which it is in a state, at another height, as far as the axis goes."""
        parts = [(self.x(start), min(self.x(end), WIDTH - MARGIN)) for start, _, end in parts_of(path)]
        drawn = "".join(f"M{start:.1f} {middle:.1f}H{max(end, start + .5):.1f}" for start, end in parts if start < end)
        if drawn:
            self.put(f'<path d="{drawn}" class="{path.get("class")}" style="stroke-width:{height:g}"/>')

    def axis(self, top, bottom, until):
        """Lines for each 100 ms, with numbers above and below."""
        for ms in range(0, int(until) + 1, 100):
            x = self.left + ms * self.big.per_ms * self.scale
            self.put(f'<path d="M{x:.1f} {top}V{bottom}" class="grid"/>')
            anchor = "start" if ms == 0 else "end" if x > WIDTH - 24 else "middle"
            self.words(min(x, WIDTH - 3) if anchor == "end" else x, top - 4, f"{ms} ms", "faint small", anchor)

    def heading(self, y, title):
        """A strip's title: the way in bold, and what it is where there is room."""
        way, _, what = title.partition(": ")
        rest = f': <tspan font-weight="normal">{escape(what)}</tspan>' if len(title) < 57 else ""
        self.put(f'<text x="12" y="{y:.1f}" class="head small">{escape(way)}{rest}</text>')

    def legend(self, y, states, has_arrows=()):
        """The states that occur, two in a line; returns the height that it took."""
        items = [(f'<path d="M%d %dh22" transform="translate(0 5)" class="state {state}"/>', words)
                 for state, words in LEGEND if state in states]
        for kind, words in (("wake", "a wake and its poll"), ("sent", "a job, a result")):
            if kind in has_arrows:
                items.append((f'<path d="M%d %dh18" transform="translate(0 5)" class="{kind}" '
                              f'marker-end="url(#{kind})"/>', words))
        for number, (shape, words) in enumerate(items):
            x, line = 12 + 195 * (number % 2), y + 15 * (number // 2)
            self.put(shape % (x, line - 9))
            self.words(x + 28, line, words, "small")
        return 15 * ((len(items) + 1) // 2)

    def save(self, name, title, height):
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" class="timeline" viewBox="0 0 {WIDTH} {height:.0f}" '
                f'width="{WIDTH * 1.6:.0f}" height="{height * 1.6:.0f}" role="img"><title>{escape(title)}</title>\n')
        text = (head + self.big.style + '\n<rect width="100%" height="100%" class="paper"/>\n'
                + "\n".join(self.parts) + "\n</svg>\n")
        write(HERE / name, text)


def states_of(strip):
    """The states that a strip shows."""
    return {path.get("class").split()[1] for path in states(strip)}


def states(element):
    """The paths of the states in a strip or a lane."""
    return [path for path in element.iter("path") if path.get("class").startswith("state ")]


def parts_of(path):
    """Where the parts of a state begin, at which height, and where they end."""
    return [tuple(map(float, part)) for part in re.findall(r"M([\d.]+) ([\d.]+)H([\d.]+)", path.get("d"))]


def frame_of(path):
    """Left, top, right and height of a frame."""
    return tuple(map(float, re.match(r"M([\d.]+) ([\d.]+)H([\d.]+)v([\d.]+)", path.get("d")).groups()))


def figures_of(strip):
    """What the big picture says at the right of a strip."""
    return [mark.text for mark in strip.findall("text") if float(mark.get("x")) > 900]


def end_of(strip):
    """Where the lanes of a strip end."""
    return max(float(re.search(r"H([\d.]+)", base.get("d"))[1]) for base in strip.iter("path") if base.get("class") == "base")


def name_of(lane):
    """The name of a lane; its kind is left out where both have no room."""
    name = lane.find("text").text
    return name if len(name) <= 20 else name.split(": ")[-1]


def line_of(path):
    """The four numbers of an arrow."""
    return [float(number) for number in re.findall(r"[\d.]+", path.get("d"))]


def chapter(big, name, number):
    """A strip with all its lanes."""
    strip = big.strip(number)
    top_before = float(strip.get("data-top"))
    end = end_of(strip)
    small = Small(big, LEFT, (WIDTH - MARGIN - LEFT) / (end - big.zero))
    title = strip.find("text").text
    way, _, what = title.partition(": ")
    small.words(12, 20, way, "head")
    small.words(12, 35, what, "small")
    figures = figures_of(strip)
    small.words(12, 49, ", ".join(figures[:3]), "small")
    small.words(12, 63, ", ".join(figures[3:]), "small")
    arrows = [path for path in strip.findall("path") if path.get("class") in ("wake", "sent")]
    used = small.legend(82, states_of(strip), {path.get("class") for path in arrows})
    top = 82 + used + 12
    height = float(strip.get("data-height"))
    small.axis(top, top + height, (end - big.zero) / big.per_ms)
    move = top - top_before
    for lane in strip.findall("g"):
        base = lane.find("path[@class='base']")
        middle = line_of(base)[1] + move
        small.put(f'<path d="M{LEFT} {middle:.1f}H{WIDTH - MARGIN}" class="base"/>')
        small.words(8, middle + 3.5, name_of(lane), "small")
        inside = [mark.text for mark in lane.findall("text")[1:]]
        for path in states(lane):
            small.state(path, middle, 6 if path.get("class") == "state Parked" else 12)
        slow = lane.findall("path[@class='slow']")
        for path in slow:                                  # how long a slow poll took, where there is room
            x, y, end, tall = frame_of(path)
            left, right = small.x(x), small.x(end)
            small.put(f'<path d="M{left:.1f} {y + move:.1f}H{right:.1f}v{tall}H{left:.1f}z" class="slow"/>')
            if right - left > 36:
                words = f"{(end - x) / big.per_ms:.0f} ms"
                small.words((left + right) / 2, middle + 3.5, words, "small", "middle")
        if inside and not slow:                            # the first word that stands in a span
            parts = [part for path in states(lane) for part in parts_of(path)]
            start, _, end = max(parts, key=lambda part: part[2] - part[0])
            small.words(small.x((start + end) / 2), middle + 3.5, inside[0], "small", "middle")
    for path in arrows:
        x1, y1, x2, y2 = line_of(path)
        kind = path.get("class")
        small.put(f'<path d="M{small.x(x1):.1f} {y1 + move:.1f}L{small.x(x2):.1f} {y2 + move:.1f}" class="{kind}" '
                  f'marker-end="url(#{kind})"/>')
    small.save(f"timeline-{name}.svg", title, top + height + 8)


def all_ways(big):
    """All ways on one axis. Lanes of one kind stand close together and share a name."""
    small = Small(big, NARROW, (WIDTH - MARGIN - NARROW) / (AXIS_MS * big.per_ms))
    strips = [big.strip(number) for number in range(6)]
    title = big.root.find("title").text
    small.words(12, 20, title.replace(", in every way", ", in six ways"), "head small")
    used = small.legend(40, set().union(*(states_of(strip) for strip in strips)))
    top = 40 + used + 14
    grid_at = len(small.parts)
    y = top + 4
    for strip in strips:
        wall = figures_of(strip)[0]
        small.heading(y + 12, strip.find("text").text)
        small.words(WIDTH - MARGIN, y + 12, wall, "head small", "end")
        y += 17
        lanes = [lane for lane in strip.findall("g") if name_of(lane) not in ("block_on", "idle connections")]
        lanes.sort(key=lambda lane: line_of(lane.find("path[@class='base']"))[1])
        has_loop = any(name_of(lane) == "event loop" for lane in lanes)
        groups = []
        for lane in lanes:
            kind = re.sub(r"^\w+: ", "", re.sub(r" \d+$", "", name_of(lane)))
            whole = re.sub(r" \d+$", "", name_of(lane))
            if groups and groups[-1][0] == whole:
                groups[-1][2].append(lane)
            else:
                groups.append((whole, kind, [lane]))
        for whole, kind, members in groups:
            tall = 5 if len(members) > 1 else 11
            label = f"{len(members)} {kind}s" if len(members) > 1 else kind.replace(" every 50 ms", "")
            if has_loop and whole.startswith("thread: "):
                label = f"{len(members)} threads"
            small.words(8, y + tall * len(members) / 2 + 3.5, label, "small")
            for lane in members:
                for path in states(lane):
                    small.state(path, y + tall / 2, tall / 2 if path.get("class") == "state Parked" else tall - 1)
                for late in (mark for mark in lane.findall("text") if mark.text.endswith(" late")):
                    small.words(min(small.x(float(late.get("x"))), WIDTH - 60), y + tall / 2 + 3.5, late.text, "in small", "middle")
                y += tall
            y += 2
        if end_of(strip) > big.zero + AXIS_MS * big.per_ms:
            small.words(WIDTH - MARGIN - 4, y - 4.5, f"… until {wall.removeprefix('wall ')}", "in small", "end")
        y += 4
    axis, small.parts = small.parts[grid_at:], small.parts[:grid_at]
    small.axis(top, y, AXIS_MS)
    small.parts += axis
    small.save("timeline-small.svg", title, y + 4)


STYLE = """<style>
svg { font: 11px sans-serif; } text { fill: #222; } .faint { fill: #5a5a5a; } .head { font-weight: bold; }
.paper { fill: #fff; } path { fill: none; stroke: #d9d9d9; } .one { stroke: #777; }
.threads { stroke: #2f74b5; fill: #2f74b5; } .processes { stroke: #c25a1f; fill: #c25a1f; }
.gil { stroke: #3f8a45; fill: #3f8a45; } path.threads, path.processes, path.gil { fill: none; stroke-width: 1.8; }
path.processes { stroke-dasharray: 6 3; } path.gil { stroke-dasharray: 2 3; }
@media (prefers-color-scheme: dark) {
  text { fill: #e8e8e8; } .faint { fill: #a9a9a9; } .paper { fill: #16181b; } path { stroke: #34383d; } .one { stroke: #999; }
  .threads { stroke: #6fb1ff; fill: #6fb1ff; } .processes { stroke: #ff9a5c; fill: #ff9a5c; }
  .gil { stroke: #6cc474; fill: #6cc474; }
}
</style>"""


def write(path, text):
    """Writes a file that differs, and prints its name."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
        print(path.name)


def span(micros):
    """A time in words."""
    for unit, size in (("s", 1e6), ("ms", 1e3), ("µs", 1), ("ns", 1e-3)):
        if micros >= size or unit == "ns":
            value = micros / size
            return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {unit}"


def factorials():
    """The figures that `factorial.svg` has in its description."""
    text = (HERE / "factorial.svg").read_text()
    figures = json.loads(unescape(re.search(r"<desc>(.*?)</desc>", text, re.S)[1]))
    rows = []
    for row in figures["rows"]:
        runs = {run["pool"]: run for run in row["runs"]}
        rows.append((row["n"], row["tasks"], runs["sequential"]["computing_us"] / row["tasks"], runs))
    return figures, rows


def curves(figures, rows):
    """Times as fast against the time of one task, both logarithmic."""
    left, right, top, bottom = 30, 392, 74, 330

    def x(micros):
        return left + (right - left) * (math.log10(micros) + 2) / 8           # 10 ns to 1 s

    def y(speed):
        return bottom - (bottom - top) * (math.log10(speed) + 1) / math.log10(40)    # 0.1 to 4

    title = "Factorials in pools: times as fast as one after another"
    parts = [f'<rect width="400" height="372" class="paper"/><text x="12" y="18" class="head">{title}</text>',
             f'<text x="12" y="34" class="faint">{figures["processors"]} processors, {figures["workers"]} workers, '
             f'other work {100 * figures["other_work"]:.0f} %</text>']
    for number, (pool, words) in enumerate((("threads", "threads"), ("processes", "processes"),
                                            ("gil", "threads under a GIL"))):
        at = 12 + 90 * number
        parts.append(f'<path d="M{at} 48h20" class="{pool}"/><text x="{at + 25}" y="52">{words}</text>')
    for power in range(-2, 7):
        at = x(10.0 ** power)
        parts.append(f'<path d="M{at:.1f} {top}V{bottom}"/>')
        if power % 2 == 0:
            anchor = "end" if power == 6 else "middle"
            parts.append(f'<text x="{at:.1f}" y="{bottom + 15}" text-anchor="{anchor}" class="faint">'
                         f'{re.sub("[.]0+ ", " ", span(10.0 ** power))}</text>')
    for speed, kind in ((0.1, ""), (0.5, ""), (1, "one"), (2, "one"), (4, "")):
        parts.append(f'<path d="M{left} {y(speed):.1f}H{right}" class="{kind}"/>'
                     f'<text x="{left - 5}" y="{y(speed) + 4:.1f}" text-anchor="end" class="faint">{speed}</text>')
    parts.append(f'<text x="{(left + right) / 2}" y="{bottom + 33}" text-anchor="middle">computing time of one task</text>')
    for pool in ("threads", "processes", "gil"):
        points = [(x(each), y(runs[pool]["speed_up"])) for _, _, each, runs in rows
                  if (runs.get(pool) or {}).get("speed_up")]
        parts.append('<path d="M' + "L".join(f"{a:.1f} {b:.1f}" for a, b in points) + f'" class="{pool}"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.5" class="{pool}"/>' for a, b in points]
    write(HERE / "factorial-small.svg",
          '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 372" width="640" height="595" role="img">'
          f"<title>{title}</title>\n{STYLE}\n" + "\n".join(parts) + "\n</svg>\n")


#: The table of chapter 18: the mark above it, and the rows that it has.
MARK, SHOWN = "<!-- figures: notes/pictures/factorial.svg -->\n", ["< 20", "100", "1000", "10000", "100000", "1000000"]


def table(rows):
    """Writes the table of chapter 18."""
    page = HERE.parent / "18-which.md"
    text = page.read_text()
    start = text.index(MARK) + len(MARK)
    lines = ["| n | tasks | computing, each | threads: times as fast | processes | under a GIL | added to each task by "
             "processes |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for n, tasks, each, runs in rows:
        if n in SHOWN:
            speeds = [f"{speed:.2f}" if speed else "?" for pool in ("threads", "processes", "gil")
                      for speed in [(runs.get(pool) or {}).get("speed_up")]]
            added = span(runs["processes"]["added_us_per_task"])
            name = n if n.startswith("<") else f"{int(n):,}"
            lines.append(f"| {name} | {tasks:,} | {span(each)} | {' | '.join(speeds)} | {added} |")
    write(page, text[:start] + "\n".join(lines) + text[text.index("\n\n", start):])


def main():
    figures, rows = factorials()
    curves(figures, rows)
    table(rows)
    big = Big()
    for name, number in STRIPS.items():
        chapter(big, name, number)
    all_ways(big)


if __name__ == "__main__":
    main()
