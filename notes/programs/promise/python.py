import asyncio

async def waits(promise, log):
    log.append("waits")
    value = await promise                     # yields the future itself up to the loop
    log.append(f"has {value}")

async def main():
    log = []
    promise = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(waits(promise, log))
    await asyncio.sleep(0)                    # the task runs to its await
    log.append("fulfils")
    promise.set_result(12)                    # its done-callbacks go to the queue: call_soon
    log.append("the task has not run yet")
    await task
    return log

assert asyncio.run(main()) == ["waits", "fulfils", "the task has not run yet", "has 12"]
