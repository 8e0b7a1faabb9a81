import threading

counter, lock, ready = 0, threading.Lock(), threading.Event()

def add(times):
    global counter
    ready.wait()
    for _ in range(times):
        with lock:                  # load, add, store: no other thread comes between
            counter += 1

threads = [threading.Thread(target=add, args=(10_000,)) for _ in range(2)]
for thread in threads:
    thread.start()
ready.set()
for thread in threads:
    thread.join()
assert counter == 20_000
