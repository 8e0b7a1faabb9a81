"""Draws the pictures of the course: `python3 notes/pictures/draw.py` writes them beside this file.

Every picture is 400 units wide, so that it can be read on a telephone, and has colours for light and for dark pages.
The standard library is all that is needed. Figures that were measured are not drawn here.
"""

from html import escape
from pathlib import Path

STYLE = """
svg { font: 12px ui-sans-serif, system-ui, sans-serif; }
text { fill: #1b1f24; } .soft { fill: #57606a; } .code { font-family: ui-monospace, monospace; font-size: 11px; }
.head { font-weight: 600; } .bad { fill: #b42318; } .small { font-size: 10.5px; }
rect { fill: #f3f5f7; stroke: #57606a; rx: 4; } rect.mark { fill: #cfe5ff; stroke: #0b5cad; }
rect.gone { fill: #ffffff; stroke-dasharray: 4 3; } rect.busy { fill: #0b5cad; stroke: #0b5cad; }
rect.wait { fill: url(#stripes); } rect.page { fill: #ffffff; stroke: none; }
line, path { stroke: #57606a; fill: none; stroke-width: 1.3; } .wrong { stroke: #b42318; } .thin { stroke-dasharray: 3 3; }
marker path { fill: #57606a; stroke: none; } marker.wrong path { fill: #b42318; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .soft { fill: #9da7b1; } .bad { fill: #ff8a7a; }
  rect { fill: #1d2329; stroke: #9da7b1; } rect.mark { fill: #10355c; stroke: #6cb2ff; }
  rect.gone { fill: #0d1117; } rect.busy { fill: #6cb2ff; stroke: #6cb2ff; } rect.page { fill: #0d1117; }
  rect.wait { fill: url(#stripes); } line, path { stroke: #9da7b1; } .wrong { stroke: #ff8a7a; }
  marker path { fill: #9da7b1; } marker.wrong path { fill: #ff8a7a; }
}
"""

DEFS = """<defs>
<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0 8 4 0 8z"/></marker>
<marker id="wrong" class="wrong" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0 8 4 0 8z"/></marker>
<pattern id="stripes" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<line x1="0" y1="0" x2="0" y2="6"/></pattern>
</defs>"""


class Picture:
    """An SVG of a given height; each method adds a part."""

    def __init__(self, title, height):
        self.title, self.height, self.parts = title, height, []

    def text(self, x, y, words, kind="", anchor="start"):
        """One line of text; `y` is its base line."""
        self.parts.append(f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}"'
                          f' xml:space="preserve">{escape(words)}</text>')

    def lines(self, x, y, words, kind=""):
        """Several lines under each other."""
        for number, line in enumerate(words.split("\n")):
            self.text(x, y + 15 * number, line, kind)

    def box(self, x, y, width, height, head="", body="", kind="", text="code"):
        """A rectangle with a heading and lines below it."""
        self.parts.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" class="{kind}"/>')
        if head:
            self.text(x + 7, y + 16, head, "head")
        if body:
            rows = body.count("\n") + 1
            self.lines(x + 7, y + (32 if head else height / 2 - 7.5 * rows + 11.5), body, text)

    def arrow(self, *points, wrong=False, tip=True, thin=False):
        """An arrow along the points."""
        path = "M" + " ".join(f"{x} {y}" for x, y in points)
        classes = f'{"wrong" if wrong else ""} {"thin" if thin else ""}'.strip()
        end = f' marker-end="url(#{"wrong" if wrong else "tip"})"' if tip else ""
        self.parts.append(f'<path d="{path}" class="{classes}"{end}/>')

    def write(self, name):
        """Writes the file beside this script."""
        body = "\n".join(self.parts)
        Path(__file__).with_name(name).write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 {self.height}" role="img">\n'
            f"<title>{escape(self.title)}</title>\n<style>{STYLE}</style>\n{DEFS}\n"
            f'<rect class="page" width="400" height="{self.height}"/>\n{body}\n</svg>\n',
            encoding="utf-8",
        )


def objects():
    """What points to what in an event loop."""
    p = Picture("Which object of an event loop points to which", 318)
    p.box(8, 8, 180, 66, "run queue", "ids of tasks that were woken\nand not polled since", text="small")
    p.box(232, 8, 160, 66, "task 7", "its future\nwoken: yes or no")
    p.arrow((188, 40), (230, 40))
    p.text(209, 33, "7", "code", "middle")
    p.box(122, 122, 156, 50, "waker of task 7", "wake(): queue task 7", kind="mark")
    p.arrow((160, 122), (110, 76))
    p.arrow((245, 122), (296, 76))
    p.text(280, 108, "names the task", "small soft")
    p.text(128, 106, "on wake", "small soft", "end")
    p.box(8, 220, 118, 84, "reactor entry", "socket 12\nread: waker\nwrite: none")
    p.box(141, 220, 118, 84, "timer heap", "10:00:05: waker\n10:00:09: …")
    p.box(274, 220, 118, 84, "other threads", "a clone of\nthe waker")
    for x, to in ((67, 160), (200, 200), (333, 240)):
        p.arrow((x, 220), (to, 174))
    p.write("objects.svg")


def async_enum():
    """An `async fn` as the enum that the compiler writes."""
    p = Picture("An async function is an enum; each await is a state with the fields that live across it", 356)
    p.box(8, 8, 384, 80, "", "async fn greet(stream: TcpStream) {\n    let name = read(&stream).await;   // state 1\n"
          "    sleep(SECOND).await;              // state 2\n    write(&stream, &name).await;      // state 3\n}")
    states = [
        ("Start", "stream", "not polled yet"),
        ("1", "stream · read", "waits for the socket"),
        ("2", "stream · name · sleep", "waits for a timer"),
        ("3", "stream · name · write", "waits for the socket"),
        ("Done", "", "nothing is left"),
    ]
    for number, (name, fields, waits) in enumerate(states):
        y = 104 + 52 * number
        p.box(8, y, 60, 34, "", "", kind="mark")
        p.text(38, y + 21, name, "head", "middle")
        p.box(76, y, 170, 34, "", fields, text="code")
        p.text(256, y + 21, waits, "small soft")
        if number < 4:
            p.arrow((38, y + 34), (38, y + 51))
            p.text(50, y + 47, "first poll" if number == 0 else "poll: what it awaits is Ready", "small soft")
    p.write("async-enum.svg")


def pin():
    """Why a future must not move once it was polled."""
    p = Picture("A frame that points into itself: moved, its pointer shows where the buffer was", 250)
    p.text(8, 20, "polled once, at 0x100", "head")
    p.text(206, 20, "moved to 0x200", "head")
    for x, kind, base in ((8, "mark", "0x1"), (206, "mark", "0x2")):
        p.box(x, 30, 178, 30, "", f"{base}00  state: 1", kind=kind)
        p.box(x, 60, 178, 30, "", f"{base}08  buffer: [hello]", kind=kind)
        p.box(x, 90, 178, 30, "", f"{base}18  word: &0x108", kind=kind)
    p.arrow((150, 105), (196, 105), (196, 75), (187, 75))
    p.box(206, 140, 178, 30, "", "0x108  other memory", kind="gone")
    p.arrow((350, 105), (394, 105), (394, 155), (386, 155), wrong=True)
    p.lines(8, 192, "word borrows from buffer across an await. A move copies the\nframe's bytes, and the address in "
            "word stays the old one.\nPin<&mut F> is the promise that the frame stays where it is until\nit is dropped. "
            "So poll takes a Pin, and the borrow is safe.", "small soft")
    p.write("pin.svg")


def epoll():
    """The two lists of epoll, and level against edge."""
    p = Picture("epoll has a list of interest and a list of what is ready; level and edge differ in what stays there", 386)
    p.box(8, 8, 170, 84, "interest list", "5: read\n7: read\n9: read, write")
    p.box(222, 8, 170, 84, "ready list", "socket 7", kind="mark")
    p.arrow((66, 51), (220, 51))
    p.text(120, 46, "bytes arrive", "small soft")
    p.text(229, 80, "epoll_wait takes from here", "small soft")
    p.text(8, 122, "100 bytes arrive; each read takes 60", "head")
    for x, name in ((8, "level triggered"), (206, "edge triggered")):
        p.text(x, 146, name, "head")
    rows = [
        ("epoll_wait: 7 is ready", "epoll_wait: 7 is ready"),
        ("read: 60, 40 are left", "read: 60, 40 are left"),
        ("epoll_wait: 7 is ready", "epoll_wait: nothing"),
        ("read: 40", "sleeps, with 40 unread"),
    ]
    for number, (level, edge) in enumerate(rows):
        y = 156 + 36 * number
        p.box(8, y, 186, 26, "", level)
        p.box(206, y, 186, 26, "", edge, kind="gone" if number > 1 else "")
        if number < 3:
            p.arrow((101, y + 26), (101, y + 35))
            p.arrow((299, y + 26), (299, y + 35), wrong=number > 0)
    p.lines(8, 316, "Level: the socket stays in the ready list while bytes are left.\nEdge: it enters the list once, when "
            "something changes. So read until\nWouldBlock, or remember that it is still ready.\nmio uses edges; Python's "
            "select and asyncio use levels.", "small soft")
    p.write("epoll.svg")


def asyncio():
    """Task, Future and Handle, and what stands in their place here."""
    p = Picture("asyncio's Task, Future and Handle, beside the waker that stands in the place of callbacks", 338)
    p.text(8, 20, "asyncio", "head")
    p.box(8, 28, 178, 66, "loop._ready", "deque of Handles; each is a\ncallback with its arguments", text="small")
    p.box(8, 122, 178, 66, "Task (is a Future)", "_coro: the coroutine\n__step(): coro.send(None)")
    p.box(8, 216, 178, 66, "Future", "_callbacks: [__wakeup]\nset_result()")
    p.arrow((60, 94), (60, 121))
    p.text(66, 111, "runs __step", "small soft")
    p.arrow((60, 188), (60, 215))
    p.text(66, 205, "awaits: adds a callback", "small soft")
    p.arrow((186, 250), (197, 250), (197, 60), (188, 60))
    p.text(8, 302, "set_result: call_soon(__wakeup)", "small soft")
    p.text(216, 20, "Rust", "head")
    p.box(216, 28, 168, 66, "run queue", "ids of tasks to poll", text="small")
    p.box(216, 122, 168, 66, "task", "its future\npoll(&mut Context)", kind="mark")
    p.box(216, 216, 168, 66, "leaf future", "keeps a clone of the waker\nwake()", kind="mark", text="small")
    p.arrow((262, 94), (262, 121))
    p.text(268, 111, "polls", "small soft")
    p.arrow((262, 188), (262, 215))
    p.text(268, 205, "polls, with the waker", "small soft")
    p.arrow((384, 250), (394, 250), (394, 60), (386, 60))
    p.text(216, 302, "wake: the id to the queue", "small soft")
    p.text(8, 326, "A done-callback names what to call; a waker names the task to poll again.", "small soft")
    p.write("asyncio.svg")


def convoy():
    """The convoy effect on a time axis."""
    p = Picture("The convoy: a thread that waits for a socket needs the GIL again, and gets it 5 ms later each time", 206)
    p.text(8, 26, "computes", "small head")
    p.text(8, 76, "serves", "small head")
    p.text(8, 90, "a socket", "small head")
    left, scale = 76, 15
    for turn in range(4):
        x = left + turn * 5.2 * scale
        p.box(x, 10, 5 * scale, 24, kind="busy")
        if turn:
            p.box(x - 0.2 * scale, 66, 0.2 * scale, 24, kind="busy")
        p.box(x + 0.15 * scale, 66, 4.85 * scale, 24, kind="wait")
        p.arrow((x + 5 * scale + 1.5, 35), (x + 5 * scale + 1.5, 64))
    p.arrow((left, 112), (392, 112))
    for ms in range(0, 21, 5):
        p.arrow((left + ms * scale, 109), (left + ms * scale, 115), tip=False)
        p.text(left + ms * scale, 128, f"{ms} ms", "small soft", "middle")
    p.box(8, 142, 14, 12, kind="busy")
    p.text(28, 152, "has the GIL", "small")
    p.box(110, 142, 14, 12, kind="wait")
    p.text(130, 152, "its bytes are there; it waits for the GIL", "small")
    p.lines(8, 176, "The server's own work takes microseconds. Each time it releases the GIL\nto read, it waits a whole "
            "switch interval to get it back.", "small soft")
    p.write("convoy.svg")


def lost_wake_up():
    """A lost wake-up as a sequence of two threads."""
    p = Picture("A lost wake-up: the notice falls between the look and the sleep", 352)
    for x, title, wrong in ((8, "without the lock", True), (206, "with it", False)):
        p.text(x, 18, title, "head")
        p.text(x + 44, 38, "waiter", "soft", "middle")
        p.text(x + 142, 38, "notifier", "soft", "middle")
        for lane in (44, 142):
            p.arrow((x + lane, 44), (x + lane, 274), thin=True, tip=False)
    steps = [
        (8, 50, "looks: not set", ""), (106, 90, "sets it", ""), (106, 130, "notifies: no\nthread sleeps", ""),
        (8, 190, "sleeps,\nforever", "gone"),
        (206, 50, "locks; looks:\nnot set", "mark"), (206, 100, "waits: unlocks\nand sleeps", "mark"),
        (304, 150, "locks; sets it;\nunlocks", "mark"), (304, 200, "notifies", ""), (206, 235, "wakes, locks,\nlooks: set", "mark"),
    ]
    for x, y, words, kind in steps:
        height = 38 if "\n" in words else 24
        p.box(x, y, 90, height, "", "", kind=kind)
        p.lines(x + 5, y + 15, words, "small")
    p.arrow((106, 158), (80, 188), wrong=True)
    p.arrow((304, 214), (270, 234))
    p.lines(8, 298, "A condition variable remembers nothing. With the lock, the look and the\nsleep are one step, and the "
            "notifier cannot come in between. An event\nloop has the same gap between a poll and the run queue. There the "
            "flag\nthat a wake sets, and that is cleared before the poll, closes it.", "small soft")
    p.write("lost-wake-up.svg")


if __name__ == "__main__":
    for draw in (objects, async_enum, pin, epoll, asyncio, convoy, lost_wake_up):
        draw()
