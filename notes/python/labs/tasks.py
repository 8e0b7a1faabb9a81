"""Two sleeps, together and in a row. The counterparts: `handloom lab tasks`, `notes/tokio/src/labs/tasks.rs`.

`nap()` makes a coroutine and runs nothing; `create_task` gives it to the loop; `await` waits for it.
"""

import asyncio
import sys
import time

NAP = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0


async def nap(name, begun):
    print(f"  {time.monotonic() - begun:6.3f} s  {name}: sleeps {NAP:g} s", flush=True)
    await asyncio.sleep(NAP)
    print(f"  {time.monotonic() - begun:6.3f} s  {name}: woke", flush=True)


async def main():
    print("Together: create_task a, create_task b, then await both")
    begun = time.monotonic()
    a = asyncio.create_task(nap("a", begun))
    b = asyncio.create_task(nap("b", begun))
    await a
    await b
    together = time.monotonic() - begun

    print("In a row: await a, then await b")
    begun = time.monotonic()
    await nap("a", begun)
    await nap("b", begun)
    in_a_row = time.monotonic() - begun
    print(f"Together {together:.3f} s, in a row {in_a_row:.3f} s")
    assert NAP <= together < 2 * NAP <= in_a_row


asyncio.run(main())
