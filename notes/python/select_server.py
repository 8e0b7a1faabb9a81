"""The Python course's server on `select`, with generators. The counterpart is `src/generator/` and `src/calc/generators.rs`.

`yield 'read', sock` says: do not run me again before there is something to read. So the loop knows which coroutine waits for
what, and one thread serves all. A third value is a time limit; what `yield` returns tells whether the socket was
ready before it. The course's version has neither this limit nor the sending of what did not go out at once.

select(2) knows descriptors below 1,024 only, and looks at all of them each time: `selectors` (epoll) does not.
"""

import signal
import socket
import time
from collections import deque
from select import select

from calculator import LINGER, READ_BYTES, Session, arguments, listen

tasks = deque()
to_read = {}
to_write = {}
# When the wait of a socket in one of the two is over.
deadlines = {}


def server(listener, options):
    while True:
        yield 'read', listener
        client, _ = listener.accept()
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tasks.append((serve_client(client, options), None))


def serve_client(client, options):
    session = Session(options.op, options.max_message)
    with client:
        try:
            while not session.closed:
                limit = options.pause if session.partial else None
                if (yield 'read', client, limit):
                    data = client.recv(READ_BYTES)
                    replies = session.feed(data) if data else session.end()
                else:
                    replies = session.pause()
                for reply in replies:
                    yield from send_all(client, reply)
            yield from hang_up(client)
        except OSError:
            pass  # A broken connection ends that connection.


def send_all(client, data):
    """A generator that another one calls: `yield from` hands its waits up to the loop."""
    while data:
        yield 'write', client
        data = data[client.send(data):]


def hang_up(client):
    """Closes from this side, and reads on, into nothing, until the client has closed too."""
    client.shutdown(socket.SHUT_WR)
    deadline = time.monotonic() + LINGER
    while (yield 'read', client, deadline - time.monotonic()):
        if not client.recv(READ_BYTES):
            return


def event_loop():
    while tasks or to_read or to_write:
        while not tasks:
            wait()
        task, woken = tasks.popleft()
        try:
            why, sock, *limit = task.send(woken)
        except StopIteration:
            continue
        if limit and limit[0] is not None:
            deadlines[sock] = time.monotonic() + limit[0]
        if why == 'read':
            to_read[sock] = task
        if why == 'write':
            to_write[sock] = task


def wait():
    """Asks the kernel which sockets are ready, and finds the coroutines whose time is up."""
    limit = max(0, min(deadlines.values()) - time.monotonic()) if deadlines else None
    ready_to_read, ready_to_write, _ = select(to_read, to_write, [], limit)
    for sock in ready_to_read:
        deadlines.pop(sock, None)
        tasks.append((to_read.pop(sock), True))
    for sock in ready_to_write:
        tasks.append((to_write.pop(sock), True))
    now = time.monotonic()
    for sock in [sock for sock, deadline in deadlines.items() if deadline <= now]:
        del deadlines[sock]
        tasks.append((to_read.pop(sock), False))


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    options = arguments()
    tasks.append((server(listen(options.addr), options), None))
    event_loop()


if __name__ == "__main__":
    main()
