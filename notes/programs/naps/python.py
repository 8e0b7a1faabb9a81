import asyncio
import time

async def nap(name, pause, log):
    log.append(f"{name} sleeps")
    await asyncio.sleep(pause)
    log.append(f"{name} woke")

async def together(log):
    a = asyncio.create_task(nap("a", 0.2, log))               # runs from now on
    b = asyncio.create_task(nap("b", 0.1, log))
    await a
    await b

async def in_a_row(log):
    await nap("a", 0.2, log)
    await nap("b", 0.1, log)

def timed(program):
    log, began = [], time.monotonic()
    asyncio.run(program(log))
    return log, time.monotonic() - began

log, _ = timed(together)
assert log == ["a sleeps", "b sleeps", "b woke", "a woke"]
log, took = timed(in_a_row)
assert log == ["a sleeps", "a woke", "b sleeps", "b woke"] and took >= 0.3
