"""Task 2: the same links one after another, on threads, and on asyncio; three logs. The counterpart is `src/fetch/`.

`python3 fetch.py DIRECTORY URL ...`. The first two ways use `urllib.request`, which blocks. The third uses `aiohttp` where
it is installed. The standard library has no HTTP client for asyncio, so elsewhere this file speaks HTTP itself over
asyncio's streams: it keeps no connection, and understands only what it needs. The program says on stderr which ran.
"""

import asyncio
import http.client
import os
import socket
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

try:
    import aiohttp
except ModuleNotFoundError:
    aiohttp = None

AT_ONCE = 64
TIMEOUT = 60
REDIRECTS = 10
# Neither the proxies of the environment nor any scheme but http.
OPENER = urllib.request.OpenerDirector()
for handler in (urllib.request.HTTPHandler, urllib.request.HTTPDefaultErrorHandler,
                urllib.request.HTTPErrorProcessor, urllib.request.HTTPRedirectHandler):
    OPENER.add_handler(handler())


class Log:
    def __init__(self, directory, way):
        # Without a buffer: each line is one write, so that lines never mix.
        self.file = open(os.path.join(directory, f"fetch-{way}.log"), "wb", buffering=0)

    def line(self, text):
        stamp = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self.file.write(f"{stamp} {text}\n".encode())

    def started(self, url):
        self.line(f"request to {url} started")

    def received(self, url, status):
        self.line(f"response for {url} received with status {status}")
        return True

    def failed(self, url, error):
        self.line(f"request to {url} failed: {words(error)}")
        return False


def words(error):
    """In which phase it failed, and why."""
    if isinstance(error, urllib.error.URLError):
        error = error.reason
    error = getattr(error, "os_error", error)  # what aiohttp wraps
    if isinstance(error, socket.gaierror):
        return f"dns: {error.strerror}"
    if isinstance(error, (socket.timeout, asyncio.TimeoutError)):
        return f"timeout: head: not done within {TIMEOUT}s"
    if isinstance(error, ConnectionRefusedError):
        return "connect: connection refused"
    if isinstance(error, OSError):
        return f"io: head: {os.strerror(error.errno or 0).lower()}"
    return str(error)


def checked(url):
    """Refuses what is no address, or another scheme's, before a byte is sent."""
    if any(ord(character) <= 0x20 for character in url):
        raise ValueError("url: a character that no address has")
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "http":
        raise ValueError("scheme: only http is spoken here" if parts.scheme else "url: no scheme")
    if not parts.hostname:
        raise ValueError("url: no host")
    return parts


def fetch(url, log):
    """One link, by a call that blocks."""
    log.started(url)
    try:
        checked(url)
        with OPENER.open(url, timeout=TIMEOUT) as response:
            response.read()
            return log.received(url, response.status)
    except urllib.error.HTTPError as error:
        # An answer all the same.
        return log.received(url, error.code)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return log.failed(url, error)


def sequential(urls, log):
    return all([fetch(url, log) for url in urls])


def threads(urls, log):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return all(list(pool.map(lambda url: fetch(url, log), urls)))


async def fetch_async(url, log, room, status_of):
    """One link, by a coroutine."""
    async with room:
        log.started(url)
        try:
            return log.received(url, await asyncio.wait_for(status_of(url), TIMEOUT))
        except (OSError, ValueError, EOFError, asyncio.TimeoutError, *ERRORS_OF_AIOHTTP) as error:
            return log.failed(url, error)


ERRORS_OF_AIOHTTP = (aiohttp.ClientError,) if aiohttp else ()


async def by_aiohttp(session, url):
    checked(url)
    async with session.get(url, max_redirects=REDIRECTS + 1) as response:
        await response.read()
        return response.status


async def through_redirects(url):
    for _ in range(REDIRECTS + 1):
        status, location = await get(checked(url))
        if status not in (301, 302, 303, 307, 308) or location is None:
            return status
        url = urllib.parse.urljoin(url, location)
    raise ValueError(f"redirects: more than {REDIRECTS}")


async def get(parts):
    """One request and its response on a connection of its own."""
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        writer.write(f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        status = int((await reader.readline()).split()[1])
        fields = await read_fields(reader)
        await read_body(reader, fields)
        return status, fields.get("location")
    finally:
        writer.close()


async def read_fields(reader):
    fields = {}
    while (line := (await reader.readline()).decode("latin-1").strip()):
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip()
    return fields


async def read_body(reader, fields):
    if fields.get("transfer-encoding", "").lower() == "chunked":
        pieces = []
        while (size := int((await reader.readline()).split(b";")[0], 16)):
            pieces.append((await reader.readexactly(size + 2))[:-2])
        return b"".join(pieces)
    if "content-length" in fields:
        return await reader.readexactly(int(fields["content-length"]))
    return await reader.read()


async def on_asyncio(urls, log):
    if aiohttp is None:
        print("async: by asyncio's streams; aiohttp is not installed", file=sys.stderr)
        return await all_at_once(urls, log, through_redirects)
    print("async: by aiohttp", file=sys.stderr)
    async with aiohttp.ClientSession() as session:
        return await all_at_once(urls, log, lambda url: by_aiohttp(session, url))


async def all_at_once(urls, log, status_of):
    room = asyncio.Semaphore(AT_ONCE)
    return all(await asyncio.gather(*[fetch_async(url, log, room, status_of) for url in urls]))


def main(directory, urls):
    ways = {
        "sequential": sequential,
        "threads": threads,
        "async": lambda urls, log: asyncio.run(on_asyncio(urls, log)),
    }
    came = True
    for name, way in ways.items():
        begun = time.perf_counter()
        came &= way(urls, Log(directory, name))
        print(f"{name:10}  {time.perf_counter() - begun:.3f} s", flush=True)
    return 0 if came else 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: fetch.py DIRECTORY URL ...")
    sys.exit(main(sys.argv[1], sys.argv[2:]))
