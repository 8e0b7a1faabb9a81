"""Fork: one process becomes two. The counterpart is `handloom lab fork`.

Memory is copied: at one address each process has a value of its own. An open file is shared: what the child reads
moves the parent's place in it. A child that has ended is a zombie until its parent waits for it.
"""

import os

CODE, PART = 7, 4

value = [1]
file = open("/proc/self/exe", "rb", buffering=0)
childs_turn, childs_bell = os.pipe()
print(f"I am {os.getpid()}. Value {value[0]}, place in the file {file.tell()}", flush=True)

child = os.fork()
if child == 0:
    os.read(childs_turn, 1)
    print(f"  child:  fork returned 0; I am {os.getpid()}, my parent {os.getppid()}", flush=True)
    value[0] = 2
    file.read(PART)
    print(f"  child:  I set the value at {id(value):#x} to {value[0]} and read {PART} bytes", flush=True)
    # Not `exit`: that would run what the parent has registered for its own end, a second time.
    os._exit(CODE)

print(f"  parent: fork returned {child}", flush=True)
os.write(childs_bell, b"x")
# Waits for the end, and leaves the child in the table.
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
with open(f"/proc/{child}/stat") as stat:
    state = stat.read().rsplit(") ")[1][0]
print(f"  parent: my value at {id(value):#x} is {value[0]}; my place in the file is {file.tell()}")
_, status = os.waitpid(child, 0)
print(f"  parent: its state was {state}; wait gave code {os.WEXITSTATUS(status)}; still known: {os.path.exists(f'/proc/{child}')}")

assert value == [1] and file.tell() == PART
assert state == "Z" and os.WEXITSTATUS(status) == CODE and not os.path.exists(f"/proc/{child}")
