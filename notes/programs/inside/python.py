"""asyncio's core in sixty lines: the queue, Future, Task. The names are asyncio's own."""

from collections import deque

ready = deque()                               # BaseEventLoop._ready

def call_soon(callback, *args):
    ready.append((callback, args))            # asyncio wraps the two into a Handle

def run_until_complete(task):
    while not task.done:
        callback, args = ready.popleft()      # asyncio asks its selector between two batches
        callback(*args)
    return task.value

class Future:
    def __init__(self):
        self.done, self.value, self.callbacks = False, None, []

    def add_done_callback(self, callback):
        self.callbacks.append(callback)

    def set_result(self, value):
        self.done, self.value = True, value
        for callback in self.callbacks:
            call_soon(callback, self)         # nothing runs here: it stands in the queue

    def __await__(self):
        if not self.done:
            yield self                        # up through every frame, to Task.step
        return self.value

class Task(Future):                           # a Task is a Future: it can be awaited
    def __init__(self, coroutine):
        super().__init__()
        self.coroutine = coroutine
        call_soon(self.step)

    def step(self):
        try:
            future = self.coroutine.send(None)
        except StopIteration as end:
            self.set_result(end.value)        # wakes the tasks that await this one
        else:
            future.add_done_callback(self.wakeup)

    def wakeup(self, future):
        self.step()

log = []

async def inner(promise):
    return await promise                      # two frames deep

async def waits(promise):
    log.append("waits")
    log.append(f"has {await inner(promise)}")

async def fulfils(promise):
    log.append("fulfils")
    promise.set_result(12)
    log.append("the task has not run yet")

async def main():
    promise = Future()
    first, second = Task(waits(promise)), Task(fulfils(promise))
    await first
    await second

run_until_complete(Task(main()))
assert log == ["waits", "fulfils", "the task has not run yet", "has 12"]
