"""What CPython's own lock does, for `handloom lab gil` to print beside its model.

`python3 gil.py SECTION` measures one thing and prints a line for each setting, with the figures after a colon; the lab
reads them. Each section does what the section of that name in `src/labs/gil.rs` does, with the same numbers. Nothing
but the standard library is needed. `python3 gil.py` without a section measures all, says what the figures are, and rounds
them.
"""

import os
import platform
import statistics
import sys
import threading
import time

clock = time.perf_counter
is_for_a_reader = len(sys.argv) == 1


def tell(words, *figures):
    """Prints the figures of one setting."""
    print(f"{words}:", *(f"{figure:.3g}" if is_for_a_reader and figure < 1000 else round(figure) if is_for_a_reader
                         else figure for figure in figures))


def together(*bodies):
    """Runs every body on a thread of its own and waits for all."""
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def spin(rounds):
    """A loop that only computes; the lock is looked at on its way back to the top."""
    n = 0
    while n < rounds:
        n += 1


class Beside:
    """So many threads that only compute, for as long as the block runs."""

    def __init__(self, count):
        self.over = False
        self.begun = 0
        self.threads = [threading.Thread(target=self.compute) for _ in range(count)]

    def compute(self):
        self.begun += 1
        while not self.over:
            spin(100)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        # Until each has had a turn, the figures would be those of fewer threads.
        while self.begun < len(self.threads):
            time.sleep(0.001)

    def __exit__(self, *_):
        self.over = True
        for thread in self.threads:
            thread.join()


def version():
    """Who speaks, and whether there is a lock at all: since 3.13 it can be built without."""
    has_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    print(platform.python_implementation(), platform.python_version(), "" if has_lock else "without its lock")


def speed():
    """The same work on one, two and three threads."""
    # Once to warm up, then as many rounds as take some 0.1 s on one thread.
    start = clock()
    spin(1_000_000)
    rounds = int(1_000_000 * 0.1 / (clock() - start))
    times = {1: [], 2: [], 3: []}
    for _ in range(4):
        for count in times:
            share = rounds // count
            start = clock()
            together(*[lambda: spin(share)] * count)
            times[count].append(clock() - start)
    for count, took in times.items():
        tell(f"{count} threads", min(took), max(took), min(took) / min(times[1]))


def handover():
    """How long a thread keeps the lock while others want it, and each one's share of the turns' time."""
    for count, interval, seconds in (2, 0.005, 0.3), (3, 0.005, 0.3), (2, 0.001, 0.1), (2, 0.0001, 0.1):
        sys.setswitchinterval(interval)
        turns, last, end = [], [None], clock() + seconds

        def compute(me):
            while clock() < end:
                # Comparison and store lie between two looks at the lock; the clock is read once a turn.
                if last[0] != me:
                    last[0] = me
                    turns.append((clock(), me))

        together(*[lambda me=me: compute(me) for me in range(count)])
        spans = [(b[0] - a[0], a[1]) for a, b in zip(turns, turns[1:])]
        # The first turns belong to threads that are still being started.
        spans = spans[count:]
        held = sorted(span for span, _ in spans)
        total = sum(held)
        shares = [sum(span for span, who in spans if who == me) / total for me in range(count)]
        tell(f"{count} threads, interval {interval}", held[len(held) // 2], held[len(held) * 9 // 10], *shares)
    sys.setswitchinterval(0.005)


def naps():
    """64 sleeps of 5 ms, parted over threads."""

    def sleep(times):
        for _ in range(times):
            time.sleep(0.005)

    for count in 1, 8, 32:
        start = clock()
        together(*[lambda: sleep(64 // count)] * count)
        tell(f"naps on {count} threads", clock() - start)


def convoy():
    """A sleep of 0.5 ms, alone and beside threads that compute."""
    for count in 0, 1, 2, 4:
        with Beside(count):
            spans = []
            for _ in range(20):
                start = clock()
                time.sleep(0.0005)
                spans.append(clock() - start)
        tell(f"beside {count} that compute", statistics.fmean(spans), statistics.median(spans))


def pipe():
    """One byte into a pipe and out again, which never has to wait; alone and beside a thread that computes."""
    reader, writer = os.pipe()
    for count, seconds in (0, 0.15), (1, 0.4):
        with Beside(count):
            transfers, start = 0, clock()
            while clock() - start < seconds:
                os.write(writer, b"x")
                os.read(reader, 1)
                transfers += 1
            tell(f"beside {count} that compute", transfers / (clock() - start))


def native():
    """A clock of 1 ms beside one call into C that keeps the lock."""
    gaps, over = [], []

    def tick():
        last = clock()
        while not over:
            time.sleep(0.001)
            now = clock()
            gaps.append(now - last)
            last = now

    ticker = threading.Thread(target=tick)
    ticker.start()
    time.sleep(0.05)
    quiet, start = max(gaps), clock()
    sum(range(8_000_000))
    took = clock() - start
    time.sleep(0.02)
    over.append(True)
    ticker.join()
    tell("a call", took, quiet, max(gaps))


counter = 0


def one():
    """What makes a look at the lock fall between load and store."""
    return 1


def updates():
    """Two threads that count together, with and without a call between load and store."""
    global counter
    rounds = 500_000

    def plain():
        global counter
        for _ in range(rounds):
            counter += 1

    def with_call():
        global counter
        for _ in range(rounds):
            counter += one()

    sys.setswitchinterval(0.00001)
    for name, body in ("plain", plain), ("call", with_call):
        counter = 0
        together(body, body)
        tell(name, 2 * rounds, 2 * rounds - counter)
    sys.setswitchinterval(0.005)


SECTIONS = {f.__name__: f for f in (version, speed, handover, naps, convoy, pipe, native, updates)}

#: What the figures of a section are, for a reader.
FIGURES = {
    "speed": "seconds of the best run, of the worst, and the best over that of one thread",
    "handover": "seconds of a turn, the median and the 90th percentile; then each thread's share",
    "naps": "seconds",
    "convoy": "seconds of a sleep, the mean and the median",
    "pipe": "bytes a second",
    "native": "seconds of the call, the longest gap of the clock before it, and of all",
    "updates": "additions, and how many of them were lost",
}

if __name__ == "__main__":
    for name in sys.argv[1:] or SECTIONS:
        if is_for_a_reader and name in FIGURES:
            print(f"\n{SECTIONS[name].__doc__} Figures: {FIGURES[name]}.")
        SECTIONS[name]()
