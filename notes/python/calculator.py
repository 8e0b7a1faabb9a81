"""The calculator's wire, without a socket: what the three servers beside this file share.

The counterpart is `src/calc/session.rs`: bytes come in, cut anywhere, and replies go out. Numbers are
`decimal.Decimal`, which is exact as long as nothing is rounded; so the context below has room for all digits.
Nothing but the standard library is needed, from Python 3.8 on.
"""

import argparse
import decimal
import re
import socket

BLANK = b" \t\n\r\f"
# `[0-9]+(\.[0-9]*)?` and not `[0-9]+\.?[0-9]*`: the latter can part the same digits in many ways, and would try
# them all on a long message that is no number.
NUMBER = re.compile(rb"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?([0-9]+))?")
PAIR = re.compile(rb"([^ \t\n\r\f,]+)(?:[ \t\n\r\f]*,[ \t\n\r\f]*|[ \t\n\r\f]+)([^ \t\n\r\f,]+)")
MAX_EXPONENT = 10_000
SHOWN_BYTES = 40
# Replies that may wait to be sent before the next message is looked at.
OUT_HIGH_WATER = 64 * 1024
READ_BYTES = 16 * 1024
# How long a closed connection is still read from, so that bytes after a `close` do not turn into a reset that
# destroys the last replies on their way.
LINGER = 1.0

EXACT = decimal.Context(
    prec=decimal.MAX_PREC, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=[decimal.Inexact]
)


class Session:
    """One client's conversation. `feed`, `pause` and `end` give replies, in batches."""

    def __init__(self, op="sum", max_message=1024 * 1024):
        self.operation = EXACT.add if op == "sum" else EXACT.multiply
        self.max_message = max_message
        # The message that has partly come; the connection waits for its pause while there is one.
        self.partial = bytearray()
        # A pause has completed a message: an empty line that comes next is that message's late ending.
        self.late_ending = False
        self.closed = False

    def feed(self, data):
        """Takes bytes as they came."""
        *lines, rest = data.split(b"\n")
        out = bytearray()
        for line in lines:
            out += self.complete(line)
            if self.closed:
                break
            # A generator: no further message is answered before these replies are out.
            if len(out) >= OUT_HIGH_WATER:
                yield out
                out = bytearray()
        if not self.closed:
            self.partial += rest
            # The last byte may be the first half of a line's ending.
            if len(self.partial) - self.partial.endswith(b"\r") > self.max_message:
                out += self.refuse()
        if out:
            yield out

    def complete(self, line):
        """Answers a message whose line ending has come."""
        line = bytes(self.partial + line)
        self.partial.clear()
        late_ending, self.late_ending = self.late_ending, False
        if line.endswith(b"\r"):
            line = line[:-1]
        if len(line) > self.max_message:
            return self.refuse()
        if late_ending and not line.strip(BLANK):
            return b""
        return self.answer(line)

    def pause(self):
        """The client has paused: an open message counts as complete."""
        if self.partial:
            line = bytes(self.partial)
            self.partial.clear()
            self.late_ending = True
            if line.strip(BLANK):
                yield self.answer(line)

    def end(self):
        """The client sends no more: like a pause, and then it is over."""
        yield from self.pause()
        self.closed = True

    def refuse(self):
        self.partial.clear()
        self.closed = True
        unit = "byte" if self.max_message == 1 else "bytes"
        return f"error: message longer than {self.max_message} {unit}\n".encode()

    def answer(self, line):
        line = line.strip(BLANK)
        if line == b"close":
            self.closed = True
            return b""
        try:
            return f"{shown(self.operation(*numbers(line)))}\n".encode()
        except ValueError as error:
            return f"error: {error}\n".encode()


def numbers(line):
    """The two numbers of a message."""
    if not line:
        raise ValueError("empty message, expected two numbers")
    pair = PAIR.fullmatch(line)
    if not pair:
        raise ValueError(f"expected two numbers parted by white space or one comma, came {quoted(line)}")
    return [number(piece) for piece in pair.groups()]


def number(piece):
    found = NUMBER.fullmatch(piece)
    if not found:
        raise ValueError(f"not a number: {quoted(piece)}")
    # As text first: an exponent of a million digits must not become a number.
    exponent = (found[1] or b"").lstrip(b"0")
    if len(exponent) > 5 or int(exponent or b"0") > MAX_EXPONENT:
        raise ValueError(f"exponent beyond {MAX_EXPONENT} in {quoted(piece)}")
    return decimal.Decimal(piece.decode())


def shown(value):
    """In lowest form: no exponent, no needless zero, no minus before a zero."""
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def quoted(piece):
    """Bytes between quotes: printable ASCII, and cut short."""
    named = {0x09: r"\t", 0x0A: r"\n", 0x0D: r"\r", 0x22: r"\"", 0x27: r"\'", 0x5C: r"\\"}
    cut = piece[:SHOWN_BYTES]
    text = "".join(named.get(b) or (chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}") for b in cut)
    return f'"{text}{"..." if len(cut) < len(piece) else ""}"'


def arguments():
    """What a server can be told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--addr", default="127.0.0.1:8888", type=address)
    parser.add_argument("--op", default="sum", choices=("sum", "product"))
    parser.add_argument("--max-message", default=1024 * 1024, type=int)
    parser.add_argument("--pause-ms", dest="pause", default=0.1, type=lambda text: int(text) / 1000)
    return parser.parse_args()


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def listen(where):
    """A listener whose address can be used again at once after a restart."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(where)
    listener.listen(4096)
    host, port = listener.getsockname()
    print(f"listening on {host}:{port}", flush=True)
    return listener
