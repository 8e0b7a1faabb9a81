"""A race: two threads add to one counter, and additions are lost. The counterpart is `handloom lab race`.

The GIL does not help: it protects each step, and the race is between two steps. A barrier stands at the bad place, so that
the bad order comes each time and not by luck.
"""

import threading

ROUNDS = 100

counter = 0
both = threading.Barrier(2)


def add():
    global counter
    for _ in range(ROUNDS):
        seen = counter
        both.wait()  # Both have loaded.
        counter = seen + 1
        both.wait()  # Both have stored.


threads = [threading.Thread(target=add) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"  load, add, store: {counter} of {2 * ROUNDS}")
assert counter == ROUNDS
