"""A lock: the cure for the race. The counterpart is `handloom lab lock`.

The same bad order is tried: the second thread comes while the first is between load and store, and does not get in.
Unlike Rust's, the lock does not hold the number, so nothing forces a thread to take it. And an exception inside of
`with` releases the lock and leaves no trace; a Rust lock remembers it (it is poisoned).
"""

import threading

ROUNDS = 100

counter = refused = 0
lock = threading.Lock()
both = threading.Barrier(2)


def first():
    global counter
    for _ in range(ROUNDS):
        with lock:
            seen = counter
            both.wait()
            both.wait()  # The other has tried.
            counter = seen + 1
        both.wait()  # The other has added: else we could be in again before it is.


def second():
    global counter, refused
    for _ in range(ROUNDS):
        both.wait()  # The other has loaded.
        refused += not lock.acquire(blocking=False)
        both.wait()
        with lock:
            counter += 1
        both.wait()


threads = [threading.Thread(target=body) for body in (first, second)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"  the second came between load and store {ROUNDS} times, and was refused {refused} times")
print(f"  the counter: {counter} of {2 * ROUNDS}")
assert (counter, refused) == (2 * ROUNDS, ROUNDS)
