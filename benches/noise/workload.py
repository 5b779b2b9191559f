"""A program in Python whose work is counted in units: `workload.py UNITS` (about 40 microseconds each)."""

import sys


def unit(number: int) -> int:
    words = {f"{number}-{step}": step for step in range(60)}
    return sum(len(word) * step for word, step in sorted(words.items()))


total = 0
for number in range(int(sys.argv[1])):
    total += unit(number)
if total < 0:
    sys.exit(1)
