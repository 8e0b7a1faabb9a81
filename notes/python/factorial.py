"""Task 3: the same factorials one after another, on threads and on processes. The counterpart: `src/factorial/benchmark/`.

`python3 factorial.py [N ...]`, by default 0, 100, 1,000, 10,000 and 100,000; with the numbers of tasks and the chunks of
`handloom factorial`. `math.factorial` is one native call that keeps the interpreter's lock, so threads cannot gain; a process has a
lock of its own, and its results are pickled, sent and unpickled.

No number is turned into decimal: that takes longer than computing it.
"""

import math
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

SIZES = 0, 100, 1_000, 10_000, 100_000
# From which number on, how many tasks there are.
TASKS = (0, 10_000), (100, 10_000), (1_000, 2_000), (10_000, 200), (100_000, 8), (100_001, 4)
ROUNDS = 3
MODULUS = 2**61 - 1


def tasks_of(n):
    return [count for least, count in TASKS if n >= least][-1]


def chunk_of(tasks, workers):
    return min(max(tasks // (workers * 16), 1), 32)


def chunk(numbers):
    """A job of a pool: a few factorials at once."""
    return [math.factorial(n) for n in numbers]


def run(pool, numbers, size):
    """The best time of a few rounds, and the last one's results."""
    chunks = [numbers[at:at + size] for at in range(0, len(numbers), size)]
    best = math.inf
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        values = [value for values in pool(chunk, chunks) for value in values]
        best = min(best, time.perf_counter() - begun)
    return best, values


def span(seconds):
    for factor, unit in (1e6, "µs"), (1e3, "ms"):
        if seconds * factor < 1000:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.2f} s"


def main(numbers):
    workers = len(os.sched_getaffinity(0))
    print(f"{workers} processors; {workers} workers to a pool\n")
    row = "{:>8} {:>6} {:>7} {:>16} {:>10} {:>8} {:>5} {:>9} {:>5}"
    print(row.format("n", "tasks", "at once", "checksum", "sequential", "threads", "times", "processes", "times"))
    # Processes first: a fork copies one thread only.
    with ProcessPoolExecutor(workers) as processes, ThreadPoolExecutor(workers) as threads:
        list(processes.map(chunk, [[30]] * 64))
        list(threads.map(chunk, [[30]] * 64))
        for n in numbers:
            tasks = tasks_of(n)
            size = chunk_of(tasks, workers)
            alone, expected = run(map, [n] * tasks, size)
            cells = [f"{n:,}", tasks, size, f"{expected[0] % MODULUS:016x}", span(alone)]
            for pool in threads, processes:
                took, values = run(pool.map, [n] * tasks, size)
                if values != expected:
                    sys.exit(f"the results for {n}! are wrong")
                cells += [span(took), f"{alone / took:.2f}"]
            print(row.format(*cells), flush=True)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or SIZES)
