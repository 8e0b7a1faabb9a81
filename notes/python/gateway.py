"""The gateway: `GET /weather?city=...` asks an upstream for every city at once. The counterpart is `src/weather/`.

`python3 gateway.py --upstream URL [--addr A] [--appid KEY]`. Server and client are written by hand on asyncio's
streams, since the standard library has neither; in practice `aiohttp` is used for both. One request to a connection.
"""

import argparse
import asyncio
import json
import signal
import urllib.parse

from calculator import address, listen
from fetch import read_body, read_fields

PATIENCE = 10


async def weather(city, upstream, appid):
    """A status, and what is said of a city."""
    try:
        status, body = await asyncio.wait_for(ask(city, upstream, appid), PATIENCE)
        if status == 404:
            return 200, {"city": city, "weather": None, "reason": "no such city"}
        if status != 200:
            raise ValueError(f"status {status}")
        return 200, {"city": city, "weather": json.loads(body)["weather"][0]["main"]}
    except asyncio.TimeoutError:
        return 504, {"city": city, "weather": None, "reason": f"no answer within {PATIENCE}s", "status": 504}
    except (OSError, ValueError, LookupError, EOFError) as error:
        return 502, {"city": city, "weather": None, "reason": f"upstream: {error}", "status": 502}


async def ask(city, upstream, appid):
    parts = urllib.parse.urlsplit(upstream)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        query = urllib.parse.urlencode({"q": city, "APPID": appid})
        target = f"{parts.path.rstrip('/')}/data/2.5/weather?{query}"
        writer.write(f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        status = int((await reader.readline()).split()[1])
        return status, await read_body(reader, await read_fields(reader))
    finally:
        writer.close()


async def answer(method, target, options):
    """A status, and what is said."""
    parts = urllib.parse.urlsplit(target)
    if parts.path != "/weather":
        return 404, {"error": "there is /weather?city=... and nothing else"}
    if method != "GET":
        return 405, {"error": "only GET"}
    cities = urllib.parse.parse_qs(parts.query, keep_blank_values=True).get("city", [])
    if not cities:
        return 400, {"error": "expected city=..., once or more"}
    # All at once; the results stand in the order of the cities.
    known = await asyncio.gather(*[weather(city, options.upstream, options.appid) for city in cities])
    # An error of one of many is in its entry alone.
    return known[0] if len(known) == 1 else (200, [entry for _, entry in known])


async def serve_client(reader, writer, options):
    try:
        method, target, _ = (await reader.readline()).decode("latin-1").split()
        await read_fields(reader)
        status, said = await answer(method, target, options)
        body = (json.dumps(said, ensure_ascii=False) + "\n").encode()
        allow = "Allow: GET\r\n" if status == 405 else ""
        writer.write(
            f"HTTP/1.1 {status} \r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"{allow}Connection: close\r\n\r\n".encode() + body
        )
        await writer.drain()
    except (OSError, ValueError):
        pass  # A broken connection, or no HTTP: that connection ends.
    finally:
        writer.close()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--addr", default="127.0.0.1:8003", type=address)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--appid", default="")
    options = parser.parse_args()
    server = await asyncio.start_server(
        lambda reader, writer: serve_client(reader, writer, options),
        sock=listen(options.addr), backlog=4096,
    )
    await server.serve_forever()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(main())
