"""Several waits at once: the order of results and of ends, and what an error does to the others.

The counterparts: `handloom lab gather`, `notes/tokio/src/labs/gather.rs`. `gather` makes a task of each coroutine, so
after an error the others run on; a `TaskGroup` (from 3.11 on) cancels them, which is what a dropped future is in Rust.
"""

import asyncio

BEAT = 0.2
WAITS = ("a", 3), ("b", 1), ("c", 2)


async def wait(name, beats, ends, fails=None):
    await asyncio.sleep(BEAT * beats)
    ends.append(name)
    if name == fails:
        raise RuntimeError(f"{name} has failed")
    return name


async def main():
    ends = []
    results = await asyncio.gather(*[wait(name, beats, ends) for name, beats in WAITS])
    print(f"  results {results}, ends {ends}")
    assert results == ["a", "b", "c"] and ends == ["b", "c", "a"]

    ends = []
    try:
        await asyncio.gather(*[wait(name, beats, ends, "c") for name, beats in WAITS])
    except RuntimeError as error:
        print(f"  gather: {error}; had ended {ends}")
    await asyncio.sleep(2 * BEAT)
    print(f"  later, of tasks that were gathered: {ends}")
    assert ends == ["b", "c", "a"]

    if hasattr(asyncio, "TaskGroup"):
        ends = []
        try:
            async with asyncio.TaskGroup() as group:
                for name, beats in WAITS:
                    group.create_task(wait(name, beats, ends, "c"))
        except BaseException as errors:
            print(f"  TaskGroup: {errors.exceptions[0]}; had ended {ends}")
        await asyncio.sleep(2 * BEAT)
        print(f"  later, of tasks in a group: {ends}")
        assert ends == ["b", "c"]


asyncio.run(main())
