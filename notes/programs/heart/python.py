import asyncio
import time

async def beat(beats, pause):
    for _ in range(beats):
        await asyncio.sleep(pause)
    return beats

async def main():
    began = time.monotonic()
    heart = asyncio.create_task(beat(3, 0.02))                # beats while main waits
    await asyncio.to_thread(time.sleep, 0.05)                 # a call that blocks has a thread
    assert await heart == 3
    return time.monotonic() - began

assert asyncio.run(main()) >= 0.06
