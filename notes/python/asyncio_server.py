"""Task 5: the calculator on asyncio. The counterparts are `src/calc/asynchronous.rs` and `notes/tokio/src/calc.rs`.

The same lines as in `select_server.py`, with `await` where `yield 'read', sock` stands: the loop, the two maps and
the pieces of a reply that did not go out at once are asyncio's business now.
"""

import asyncio
import signal

from calculator import LINGER, READ_BYTES, Session, arguments, listen


async def serve_client(reader, writer, options):
    session = Session(options.op, options.max_message)
    try:
        while not session.closed:
            for reply in await receive(reader, session, options.pause):
                writer.write(reply)
                # Back-pressure: while the client does not read, nothing more is computed for it.
                await writer.drain()
        await hang_up(reader, writer)
    except OSError:
        pass  # A broken connection ends that connection.
    finally:
        writer.close()


async def receive(reader, session, pause):
    """Waits for bytes, for the pause of an open message, or for the end."""
    try:
        data = await asyncio.wait_for(reader.read(READ_BYTES), pause if session.partial else None)
    except asyncio.TimeoutError:
        return session.pause()
    return session.feed(data) if data else session.end()


async def hang_up(reader, writer):
    """Closes from this side, and reads on, into nothing, until the client has closed too."""
    async def drain():
        while await reader.read(READ_BYTES):
            pass

    writer.write_eof()
    try:
        await asyncio.wait_for(drain(), LINGER)
    except asyncio.TimeoutError:
        pass


async def main():
    options = arguments()
    server = await asyncio.start_server(
        lambda reader, writer: serve_client(reader, writer, options),
        sock=listen(options.addr), backlog=4096,
    )
    await server.serve_forever()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(main())
