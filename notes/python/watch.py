"""Task 4: waits for a file that holds a string, and deletes it. The counterpart is `src/watch/threads.rs`.

`python3 watch.py FILE [NEEDLE [SECONDS]]`. Three functions, as the task has them: one looks for the file and then for
the string, sleeping when either is missing, closes the file and sets the event; one waits for the event and
deletes the file; one starts and joins both. What it says is what `handloom watch` says.

Between the last look at the name and `os.unlink` another program may put another file there; `src/watch/delete.rs` closes that
gap, and this does not.
"""

import json
import os
import sys
import threading
import time

CHUNK_BYTES = 64 * 1024


def main(path, needle="Wow!", pause="5"):
    found = threading.Event()
    seen = []
    deleting = threading.Thread(target=delete_found, args=(path, found, seen))
    finding = threading.Thread(target=find, args=(path, needle, float(pause), found, seen))
    deleting.start()
    finding.start()
    finding.join()
    deleting.join()


def find(path, needle, pause, found, seen):
    shown = json.dumps(needle, ensure_ascii=False)
    say(f"looks for {path} with {shown} in it, every {pause:g} s")
    try:
        while True:
            try:
                with open(path, "rb") as file:
                    at, size = search(file, needle.encode())
                    identity = which(os.fstat(file.fileno()))
            except FileNotFoundError:
                say(f"{path} is not there; looks again in {pause:g} s")
            else:
                if at is not None:
                    say(f"{path} has {shown} at byte {at}")
                    say(f"closed {path}; sets the event")
                    seen.append(identity)
                    return
                say(f"{path} has {size} bytes without {shown}; looks again in {pause:g} s")
            time.sleep(pause)
    finally:
        # However this ends, the other thread comes home.
        found.set()


def search(file, needle):
    """Where the needle begins, and how many bytes were looked at; two pieces of the file are held at a time."""
    tail, size = b"", 0
    while True:
        piece = file.read(CHUNK_BYTES)
        window = tail + piece
        at = window.find(needle)
        if at >= 0:
            return size - len(tail) + at, size
        size += len(piece)
        if not piece:
            return None, size
        # A needle may begin in one piece and end in the next.
        tail = window[max(0, len(window) - len(needle) + 1):]


def delete_found(path, found, seen):
    found.wait()
    if not seen:
        return
    say(f"the event has come; deletes {path}")
    try:
        if which(os.lstat(os.path.realpath(path))) != seen[0]:
            return say(f"{path} is another file now, and stays")
        os.unlink(os.path.realpath(path))
        say(f"deleted {path}")
    except FileNotFoundError:
        say(f"{path} is gone: another process was first")


def which(status):
    return status.st_dev, status.st_ino


def say(line):
    # One write for each line, so that two threads never mix theirs.
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 4:
        sys.exit("usage: watch.py FILE [NEEDLE [SECONDS]]")
    main(*sys.argv[1:])
