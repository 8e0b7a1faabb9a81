"""Writes the table of `notes/04-gil.md` from a run of the lab, which it reads from its standard input.

    handloom lab gil | python3 notes/pictures/gil_table.py

Run the lab on an idle machine. The script prints the rows, and fails if the lab printed something that it does not know.
"""

import re
import sys
from pathlib import Path

PAGE = Path(__file__).parent.parent / "04-gil.md"
HEAD = "| what | the model | CPython |\n| --- | --- | --- |\n"


def figures(text, section, setting):
    """The figures of the model and of CPython in a row of a section."""
    part = text[text.index(f"\n{section}"):]
    lines = part.splitlines()[1:]
    at = next(number for number, line in enumerate(lines) if line.strip().startswith(f"{setting}  "))
    pair = []
    for line, who in zip(lines[at:at + 2], ("model", "CPython")):
        words = line.split(f" {who} ", 1)[1]
        pair.append(re.findall(r"[\d.,]+(?: (?:s|ms|µs|ns)\b)?", words))
    return pair


def rows(text):
    """The rows of the page's table."""
    for words, setting in (("two threads, 5 ms: median, 90th percentile of a turn", "2 threads, 5 ms"),
                           ("three threads, 5 ms", "3 threads, 5 ms"),
                           ("two threads, interval 1 ms", "2 threads, 1 ms")):
        yield words, [", ".join(found[:2]) for found in figures(text, "Handing over", setting)]
    sleeps = [figures(text, "Waiting", setting) for setting in ("64 of 5 ms, 1 thread", "8 threads", "32 threads")]
    yield "64 sleeps of 5 ms on 1, 8, 32 threads", [", ".join(run[who][0] for run in sleeps) for who in (0, 1)]
    naps = [figures(text, "The convoy: short waits", setting) for setting in ("0.5 ms, alone", "beside 1 thread")]
    yield ("a sleep of 0.5 ms: alone, beside one thread that computes (medians)",
           [", ".join(run[who][1] for run in naps) for who in (0, 1)])
    for words, setting in (("`counter += 1`, two threads: lost of 1,000,000", "counter += 1"),
                           ("`counter += one()`", "counter += one()")):
        lost = [found[-1] for found in figures(text, "Lost updates", setting)]
        yield words, [f"{int(figure):,}" for figure in lost]


def main():
    table = "".join(f"| {words} | {model} | {python} |\n" for words, (model, python) in rows("\n" + sys.stdin.read()))
    print(table, end="")
    page = PAGE.read_text()
    start = page.index(HEAD) + len(HEAD)
    PAGE.write_text(page[:start] + table + page[page.index("\n\n", start) + 1:])


if __name__ == "__main__":
    main()
