import heapq
import time
from collections import deque


def run(*coroutines):
    tasks, sleepers, count = deque(coroutines), [], 0
    while tasks or sleepers:
        while not tasks:
            time.sleep(max(0, sleepers[0][0] - time.monotonic()))
            while sleepers and sleepers[0][0] <= time.monotonic():
                tasks.append(heapq.heappop(sleepers)[2])
        task = tasks.popleft()
        try:
            reason, seconds = next(task)
        except StopIteration:
            continue
        count += 1
        heapq.heappush(sleepers, (time.monotonic() + seconds, count, task))
