"""Writes a text of so many words, always the same: short words often, long ones seldom, as in a language.

    python3 tools/make_text.py FILE WORDS
"""

import os
import sys

SYLLABLES = ["ka", "to", "mi", "re", "su", "no", "la", "ven", "der", "is", "on", "ty"]


def words(number):
    state = 20_26
    for at in range(number):
        state = (state * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        rank = (state >> 11) ** 3 >> 46  # the third power, so that low ranks come more often
        word = ""
        while True:
            word += SYLLABLES[rank % len(SYLLABLES)]
            rank //= len(SYLLABLES)
            if rank == 0:
                break
        yield word.capitalize() if at % 12 == 0 else word
        yield ".\n" if at % 12 == 11 else " "


def main(path, number):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(words(number))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
