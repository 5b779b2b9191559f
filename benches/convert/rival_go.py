"""The least that a Python reader of Go's benchmark text does: one pattern a line, then each pair of value and unit."""

import re
import sys

LINE = re.compile(r"^(Benchmark\S+?)(-\d+)?\s+(\d+)\s+(.+)$")
found = []
with open(sys.argv[1], encoding="utf-8") as file:
    for line in file:
        match = LINE.match(line)
        if match:
            words = match[4].split()
            for value, unit in zip(words[::2], words[1::2]):
                found.append((match[1], float(value), unit, int(match[3])))
print(len(found))
