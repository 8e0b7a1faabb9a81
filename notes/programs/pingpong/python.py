try:
    from greenlet import greenlet             # pip install greenlet
except ModuleNotFoundError:
    raise SystemExit(print("greenlet is not installed"))

hits = []

def hit(name, other):
    hits.append(name)
    other().switch()                          # in a plain function, which `play` called

def play(name, other):
    for _ in range(3):
        hit(name, other)

ping = greenlet(lambda: play("ping", lambda: pong))
pong = greenlet(lambda: play("pong", lambda: ping))
ping.switch()
assert hits == ["ping", "pong", "ping", "pong", "ping", "pong"]
