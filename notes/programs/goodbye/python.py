import asyncio

class Connection:
    def __init__(self, log):
        self.log = log

    async def __aenter__(self):
        await asyncio.sleep(0)                # the handshake waits
        self.log.append("open")
        return self

    async def __aexit__(self, kind, error, trace):
        await asyncio.sleep(0)                # the goodbye waits too
        self.log.append(f"goodbye after {kind.__name__ if kind else 'a good end'}")

async def use(log, pause):
    async with Connection(log):
        await asyncio.sleep(pause)

async def main():
    log = []
    await use(log, 0)
    task = asyncio.create_task(use(log, 3600))
    await asyncio.sleep(0.01)
    task.cancel()                             # an exception at its await
    try:
        await task
    except asyncio.CancelledError:
        pass
    return log

assert asyncio.run(main()) == ["open", "goodbye after a good end", "open", "goodbye after CancelledError"]
