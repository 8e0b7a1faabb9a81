class Totals:                                  # an iterator
    def __init__(self, numbers):
        self.numbers, self.total = iter(numbers), 0

    def __iter__(self):
        return self

    def __next__(self):
        self.total += next(self.numbers)       # its StopIteration is ours
        return self.total

def totals(numbers):                           # a generator
    total = 0
    for number in numbers:
        total += number
        yield total

assert list(Totals([3, 5, 10, 2])) == list(totals([3, 5, 10, 2])) == [3, 8, 18, 20]
made = totals([3, 5])                          # nothing has run
assert next(made) == 3
