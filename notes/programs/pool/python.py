import threading
from concurrent.futures import ThreadPoolExecutor

class Greeter(threading.Thread):             # by inheritance
    def __init__(self, name):
        super().__init__(name=name)
        self.length = None

    def run(self):
        self.length = len(self.name)

def greet(name):                             # by passing a function
    return len(name)

one = Greeter("anna")
two = threading.Thread(target=greet, args=("bert",))
for thread in (one, two):
    thread.start()
for thread in (one, two):
    thread.join()
assert one.length == 4                       # the value that `greet` returned is lost

with ThreadPoolExecutor(max_workers=2) as pool:
    futures = [pool.submit(greet, name) for name in ("anna", "bert", "clemens")]
    assert [future.result() for future in futures] == [4, 4, 7]
