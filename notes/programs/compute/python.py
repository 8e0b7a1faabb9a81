import sys
import threading
import time

def compute(results):
    total = 0
    for number in range(1_000_000):
        total += number
    results.append(total)

def timed(count):
    results = []
    began = time.perf_counter()
    threads = [threading.Thread(target=compute, args=(results,)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [499_999_500_000] * count
    return time.perf_counter() - began

print(f"one thread: {timed(1):.3f} s, two threads: {timed(2):.3f} s")
print(f"switch interval: {sys.getswitchinterval()} s")
