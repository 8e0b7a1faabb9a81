import asyncio

async def count(name, steps, heard):
    for left in range(steps, 0, -1):
        heard.append(f"{name}{left}")
        await asyncio.sleep(0)

async def main():
    heard = []
    a = asyncio.create_task(count("a", 2, heard))
    b = asyncio.create_task(count("b", 3, heard))
    await a
    await b
    return heard

assert asyncio.run(main()) == ["a2", "b3", "a1", "b2", "b1"]
