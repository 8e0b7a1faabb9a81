"""Task 1: a thread for each client. The counterpart is `src/calc/threads.rs`.

Every wait blocks its own thread and no other. The GIL does not matter here: a thread releases it before it waits.
"""

import signal
import socket
import threading
import time

from calculator import LINGER, READ_BYTES, Session, arguments, listen


def serve_client(client, options):
    session = Session(options.op, options.max_message)
    with client:
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not session.closed:
                for reply in receive(client, session, options.pause):
                    client.sendall(reply)
            hang_up(client)
        except OSError:
            pass  # A broken connection ends that connection.


def receive(client, session, pause):
    """Waits for bytes, for the pause of an open message, or for the end."""
    client.settimeout(pause if session.partial else None)
    try:
        data = client.recv(READ_BYTES)
    except socket.timeout:
        return session.pause()
    finally:
        client.settimeout(None)
    return session.feed(data) if data else session.end()


def hang_up(client):
    """Closes from this side, and reads on, into nothing, until the client has closed too."""
    client.shutdown(socket.SHUT_WR)
    deadline = time.monotonic() + LINGER
    while time.monotonic() < deadline:
        client.settimeout(LINGER)
        if not client.recv(READ_BYTES):
            return


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    options = arguments()
    listener = listen(options.addr)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve_client, args=(client, options), daemon=True).start()


if __name__ == "__main__":
    main()
