import select
import socket

listener = socket.create_server(("127.0.0.1", 0))
clients = [socket.create_connection(listener.getsockname()) for _ in range(3)]
for number, client in enumerate(clients):
    client.sendall(b"hello from %d\n" % number)

open_sockets, answered = [], 0
while answered < len(clients):
    ready, _, _ = select.select([listener, *open_sockets], [], [])
    for sock in ready:
        if sock is listener:
            newcomer, _ = listener.accept()
            open_sockets.append(newcomer)
        elif message := sock.recv(100):
            sock.sendall(message.upper())
            answered += 1
        else:                                    # no bytes: the client has closed
            open_sockets.remove(sock)
            sock.close()
assert [client.recv(100) for client in clients] == [b"HELLO FROM 0\n", b"HELLO FROM 1\n", b"HELLO FROM 2\n"]
