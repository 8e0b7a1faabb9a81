from collections import deque

ready = deque()


def call_soon(callback, *args):
    ready.append((callback, args))


class Future:
    def __init__(self):
        self.done, self.value, self.callbacks = False, None, []

    def add_done_callback(self, callback):
        if self.done:
            callback(self)
        else:
            self.callbacks.append(callback)

    def set_result(self, value):
        self.done, self.value = True, value
        for callback in self.callbacks:
            callback(self)

    def __await__(self):
        if not self.done:
            yield self
        return self.value
