import asyncio

async def serve(reader, writer):
    line = b""
    while not line.endswith(b"\n"):
        line += await reader.read(100)                        # "5 ", then "7\n"
    first, second = line.split()
    writer.write(b"%d\n" % (int(first) + int(second)))
    await writer.drain()
    writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    for piece in (b"5 ", b"7\n"):
        writer.write(piece)
        await asyncio.sleep(0.02)
    reply = await reader.read()
    writer.close()
    return reply

assert asyncio.run(main()) == b"12\n"
