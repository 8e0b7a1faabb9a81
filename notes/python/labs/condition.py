"""A condition variable: a thread sleeps until something is true. The counterpart is `handloom lab condition`.

It remembers nothing: a notification that finds no thread asleep is lost. And a thread that is woken must look again: two
sleep, one item comes, both are woken, and with `if` the second one finds nothing.
"""

import threading
from collections import deque

LIMIT = 0.3

# The flag is set between the look and the sleep, without the lock: the notification is lost.
flag, condition, both = threading.Event(), threading.Condition(), threading.Barrier(2)


def set_without_the_lock():
    both.wait()  # The waiter has looked.
    flag.set()
    with condition:
        condition.notify_all()
    both.wait()


setter = threading.Thread(target=set_without_the_lock)
setter.start()
assert not flag.is_set()
both.wait()
both.wait()  # The setter has notified, and no thread was asleep.
with condition:
    woken = condition.wait(LIMIT)
setter.join()
print(f"  flag beside the lock: woken: {woken}, with the flag set: {flag.is_set()}")
assert not woken and flag.is_set()


def found_nothing(wait):
    """Two wait for one item, and both are woken; returns how many went on without one."""
    items, asleep, empty, condition = deque(), [], [], threading.Condition()

    def take():
        with condition:
            wait(condition, items, asleep)
            if items:
                items.popleft()
            else:
                empty.append(None)

    def put_when_asleep(times):
        # The lock is free only while the threads that were counted sleep.
        while True:
            with condition:
                if len(asleep) == times:
                    items.append("item")
                    return condition.notify_all()

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    put_when_asleep(2)
    if wait is with_while:
        # The one that found nothing has fallen asleep once more; now there is an item for it.
        put_when_asleep(3)
    for thread in threads:
        thread.join()
    return len(empty)


def with_if(condition, items, asleep):
    if not items:
        asleep.append(None)
        condition.wait()


def with_while(condition, items, asleep):
    # `condition.wait_for(lambda: items)` is this loop.
    while not items:
        asleep.append(None)
        condition.wait()


for wait in with_if, with_while:
    count = found_nothing(wait)
    print(f"  {wait.__name__.replace('_', ' ')}: {count} of them went on and found nothing")
    assert count == (wait is with_if)
