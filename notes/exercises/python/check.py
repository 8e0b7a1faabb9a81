"""The exercises of the course that are written in Python: `python3 notes/exercises/python/check.py NAME`.

It runs NAME.py, which lies beside this file, and says what is wrong with it. A second argument names another file.
"""

import pathlib
import runpy
import sys
import time


def sleeps(answer):
    """Chapter 8: the loop of generators can sleep."""
    log = []

    def napper(name, *pauses):
        for pause in pauses:
            yield "sleep", pause
            log.append(name)

    began = time.monotonic()
    answer["run"](napper("a", 0.03, 0.03), napper("b", 0.01), napper("c", 0.02))
    took = time.monotonic() - began
    assert log == ["b", "c", "a", "a"], f"expected b, c, a, a: the order of the deadlines; came {log}"
    assert took >= 0.06, f"expected the longest sleeper's 0.06 s, came {took:.3f} s"
    assert took < 0.09, f"expected sleeps side by side, 0.06 s, came {took:.3f} s"
    assert time.process_time() < 1, "expected a loop that sleeps, not one that spins"


def future(answer):
    """Chapter 9: a Future for the Task of the chapter."""
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
        judge(runpy.run_path(str(path)))
    except AssertionError as error:
        sys.exit(f"{name}: {error}")
    except Exception as error:
        sys.exit(f"{name}: {type(error).__name__}: {error}")
    print(f"{name}: right")


if __name__ == "__main__":
    main(*sys.argv[1:])
