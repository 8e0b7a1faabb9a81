"""A pipe: bytes from one process to another, through the kernel. The counterpart is `handloom lab pipe`.

It has no borders between messages, its end comes when every writing end is closed, it holds so much and no more, and a
write to a pipe that has no reader left is an error.
"""

import os

reader, writer = os.pipe()
child = os.fork()
if child == 0:
    # Else the child would wait for itself to write.
    os.close(writer)
    got = []
    while piece := os.read(reader, 100):
        got.append(piece)
    print(f"  child:  {len(got)} reads, {b''.join(got).decode()!r}, and the end", flush=True)
    os._exit(len(b"".join(got)))

os.close(reader)
for piece in "one ", "two ", "three":
    os.write(writer, piece.encode())
os.close(writer)
_, status = os.waitpid(child, 0)
print(f"  parent: the child left with the number of bytes: {os.WEXITSTATUS(status)}")
assert os.WEXITSTATUS(status) == len("one two three")

reader, writer = os.pipe()
os.close(reader)
try:
    # Python ignores SIGPIPE, so that it becomes an exception.
    os.write(writer, b"hello?")
    raise AssertionError("the write went through")
except BrokenPipeError as error:
    print(f"  a write without a reader: {error.strerror}")

reader, writer = os.pipe()
os.set_blocking(writer, False)
held = 0
try:
    while True:
        held += os.write(writer, bytes(4096))
except BlockingIOError:
    print(f"  a pipe that is not read holds {held} bytes")
assert held >= 4096
