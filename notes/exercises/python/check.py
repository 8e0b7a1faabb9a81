"""The exercises of the course that are written in Python: `python3 notes/exercises/python/check.py NAME`.

It runs NAME.py, which lies beside this file, and says what is wrong with it. A second argument names another file.
"""

import pathlib
import runpy
import sys
import time


class Clock:
    """A clock that stands still except in `sleep`, so that the judge need not wait, and is never late."""

    def __init__(self):
        self.now = 1000.0
        self.sleeps = 0
        time.monotonic = time.time = time.perf_counter = lambda: self.now
        time.sleep = self.sleep

    def sleep(self, seconds):
        assert seconds >= 0, f"expected no sleep of {seconds} s"
        self.now += seconds
        self.sleeps += 1
        assert self.sleeps < 100, "expected a loop that sleeps until the next deadline, not one that spins"


def sleeps(run_answer):
    """Chapter 8: the loop of generators can sleep."""
    log, clock = [], Clock()
    answer = run_answer()

    def napper(name, *pauses):
        for pause in pauses:
            yield "sleep", pause
            log.append(name)

    began = clock.now
    answer["run"](napper("a", 3, 3), napper("b", 1), napper("c", 2))
    took = clock.now - began
    assert log == ["b", "c", "a", "a"], f"expected b, c, a, a: the order of the deadlines; came {log}"
    assert abs(took - 6) < 0.5, f"expected sleeps side by side, 6 s in all, came {took:.3f} s"


def future(run_answer):
    """Chapter 9: a Future for the Task of the chapter."""
    answer = run_answer()
    Future, log = answer["Future"], []

    async def waits(promise):
        log.append("waits")
        log.append(await promise)

    promise = Future()
    coroutine = waits(promise)
    yielded = coroutine.send(None)
    assert yielded is promise, f"expected await to yield the future itself, came {yielded!r}"
    called = []
    promise.add_done_callback(called.append)
    assert not called, "expected no call before there is a result"
    promise.set_result(12)
    assert not called, "expected set_result to put callbacks into the queue, not to call them"
    while answer["ready"]:
        callback, arguments = answer["ready"].popleft()
        callback(*arguments)
    assert called == [promise], f"expected one call, with the future, came {called!r}"
    try:
        coroutine.send(None)
    except StopIteration:
        pass
    assert log == ["waits", 12], f"expected the value of the await, came {log}"
    late = Future()
    late.set_result(1)
    late.add_done_callback(called.append)
    assert len(answer["ready"]) == 1, "expected a callback that comes late to be put into the queue at once"


def main(name, path=None):
    path = path or pathlib.Path(__file__).with_name(f"{name}.py")
    judge = {"sleeps": sleeps, "future": future}[name]
    try:
        judge(lambda: runpy.run_path(str(path)))
    except AssertionError as error:
        sys.exit(f"{name}: {error}")
    except Exception as error:
        sys.exit(f"{name}: {type(error).__name__}: {error}")
    print(f"{name}: right")


if __name__ == "__main__":
    main(*sys.argv[1:])
