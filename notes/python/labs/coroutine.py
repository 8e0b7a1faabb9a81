"""Running totals as a coroutine, twice: by `send`, and by `async`. The counterpart is `handloom lab coroutine`.

A generator gives values out. With `send` values go in, so it waits in its middle for the next one. `async def` is the
same with a loop that does the sending, and it can also wait inside of a function that it calls.
"""

import asyncio

NUMBERS = [3, 1, 4, 1, 5]


def totals():
    total = 0
    number = yield
    while True:
        total += number
        number = yield total


async def async_totals(numbers, results):
    total = 0
    while (number := await next_number(numbers)) is not None:
        total += number
        await results.put(total)
    await results.put(None)


async def next_number(numbers):
    """The wait is here, inside of a call. A generator would need `yield from` in each function on the way."""
    return await numbers.get()


async def main():
    numbers, results = asyncio.Queue(1), asyncio.Queue(1)
    adding = asyncio.create_task(async_totals(numbers, results))

    async def feed():
        for number in [*NUMBERS, None]:
            await numbers.put(number)
            await asyncio.sleep(0.01)

    feeding = asyncio.create_task(feed())
    taken = []
    while (total := await results.get()) is not None:
        taken.append(total)
    await asyncio.gather(adding, feeding)
    return taken


coroutine = totals()
next(coroutine)  # Runs on to the first `yield`, where it can take a number.
by_send = [coroutine.send(number) for number in NUMBERS]
by_await = asyncio.run(main())
print(f"  by send:  {by_send}")
print(f"  by await: {by_await}")
assert by_send == by_await == [3, 4, 8, 9, 14]
