"""Chapter 8: a loop whose coroutines can sleep. `python3 notes/exercises/python/check.py sleeps`"""

import time
from collections import deque


def run(*coroutines):
    """Runs coroutines that yield ("sleep", seconds), until the last has ended.

    `time.monotonic` and `time.sleep` are enough. The judge has a clock of its own in their place.
    """
    tasks = deque(coroutines)
    while tasks:
        task = tasks.popleft()
        try:
            reason, seconds = next(task)
        except StopIteration:
            continue
        time.sleep(seconds)                  # this stops every coroutine; find another place for the task
        tasks.append(task)
