"""Chapter 9: a Future. `python3 notes/exercises/python/check.py future`"""

from collections import deque

ready = deque()


def call_soon(callback, *args):
    ready.append((callback, args))


class Future:
    """A value that another task sets. Task, in notes/programs/inside/python.py, says what it needs of it."""
