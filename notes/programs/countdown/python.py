from collections import deque

def count(name, steps, heard):                 # a coroutine, written as a generator
    for left in range(steps, 0, -1):
        heard.append(f"{name}{left}")
        yield                                  # "let the others run first"

def run(*coroutines):                          # the smallest event loop
    tasks = deque(coroutines)
    while tasks:
        task = tasks.popleft()
        try:
            next(task)
        except StopIteration:
            continue
        tasks.append(task)

heard = []
run(count("a", 2, heard), count("b", 3, heard))
assert heard == ["a2", "b3", "a1", "b2", "b1"]
