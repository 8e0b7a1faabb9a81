"""Running totals as an iterator and as a generator. The counterparts: `handloom lab iterator` and `lab generator`.

An iterator is an object with `__next__`; it keeps its place in its fields. A generator is a function that stops at each
`yield`; it keeps its place in its frame. `f` is the function; `f()` makes the generator and runs no line of it.
"""

import inspect

NUMBERS = [3, 1, 4, 1, 5]


class Totals:
    def __init__(self, numbers):
        self.numbers = iter(numbers)
        self.total = 0

    def __iter__(self):
        return self

    def __next__(self):
        # Its StopIteration is ours.
        self.total += next(self.numbers)
        return self.total


def totals(numbers):
    total = 0
    for number in numbers:
        total += number
        yield total


by_iterator = list(Totals(NUMBERS))
generator = totals(NUMBERS)
places = [inspect.getgeneratorstate(generator)]
by_generator = []
for total in generator:
    by_generator.append(total)
    places.append(inspect.getgeneratorstate(generator))
places.append(inspect.getgeneratorstate(generator))
print(f"  iterator:  {by_iterator}")
print(f"  generator: {by_generator}")
print(f"  it stood:  {places[0]}, {len(NUMBERS)} times {places[1]}, {places[-1]}")
assert by_iterator == by_generator == [3, 4, 8, 9, 14]
assert places == ["GEN_CREATED"] + ["GEN_SUSPENDED"] * len(NUMBERS) + ["GEN_CLOSED"]
# The end stays the end.
assert next(generator, None) is None
