import os
import subprocess

child = subprocess.run(
    ["sh", "-c", 'echo "$GREETING, $1"; exit 7', "sh", "world"],
    env={**os.environ, "GREETING": "hello"},
    capture_output=True,
)
assert child.stdout == b"hello, world\n"
assert child.returncode == 7
