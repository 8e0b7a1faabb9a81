import socket
import threading

def serve(listener):
    while True:
        client, _ = listener.accept()
        threading.Thread(target=converse, args=(client,), daemon=True).start()

def converse(client):
    client.settimeout(5)                            # a client that is silent for 5 s is closed
    with client, client.makefile("r") as lines:
        for line in lines:
            if line == "close\n":
                break
            first, second = line.split()
            client.sendall(f"{int(first) + int(second)}\n".encode())

listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve, args=(listener,), daemon=True).start()

with socket.create_connection(listener.getsockname(), timeout=5) as client:
    client.sendall(b"5 7\nclose\n")
    reply = b""
    while piece := client.recv(100):                # until the server closes
        reply += piece
assert reply == b"12\n"
