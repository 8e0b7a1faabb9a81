import asyncio
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

try:
    import aiohttp
except ModuleNotFoundError:
    aiohttp = None

PAGES = {"a": 0.9, "b": 0.3, "c": 0.6}        # how long each page takes

class Site(BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(PAGES[self.path[1:]])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass

def one_after_another(address, log):
    for page in PAGES:
        log.append(f"{page} started")
        with urllib.request.urlopen(f"{address}/{page}") as response:
            log.append(f"{page} received {response.status}")

async def at_once(address, log):
    if aiohttp is None:
        await asyncio.gather(*(fetch(address, page, log, get) for page in PAGES))
    else:
        async with aiohttp.ClientSession() as session:
            async def with_session(url):
                async with session.get(url) as response:
                    return response.status
            await asyncio.gather(*(fetch(address, page, log, with_session) for page in PAGES))

async def fetch(address, page, log, get):
    log.append(f"{page} started")
    status = await get(f"{address}/{page}")
    log.append(f"{page} received {status}")

async def get(url):                            # where aiohttp is not installed
    _, _, host, path = url.split("/")
    reader, writer = await asyncio.open_connection(*host.split(":"))
    writer.write(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    response = await reader.read()
    writer.close()
    return int(response.split()[1])

site = ThreadingHTTPServer(("127.0.0.1", 0), Site)
threading.Thread(target=site.serve_forever, daemon=True).start()
address = "http://%s:%d" % site.server_address

row, together = [], []
one_after_another(address, row)
asyncio.run(at_once(address, together))
print("at once by", "aiohttp" if aiohttp else "asyncio's streams: aiohttp is not installed")
for left, right in zip(row, together):
    print(f"{left:20}{right}")
assert row == ["a started", "a received 200", "b started", "b received 200", "c started", "c received 200"]
assert together == ["a started", "b started", "c started", "b received 200", "c received 200", "a received 200"]
