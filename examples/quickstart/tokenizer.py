"""A small tokenizer: splits text, counts words, learns byte-pair merges and packs ids.

As a command: `python3 tokenizer.py count FILE` prints the most frequent words.
"""

import array
import collections
import os
import re
import sys

__version__ = "1.2.0"

# A word, possibly with an apostrophe inside, or a single mark that is neither word nor space.
TOKEN = re.compile(r"\w+(?:'\w+)*|[^\w\s]")

# Families whose models were trained on lower-case text.
UNCASED = {"bert"}


class Locked(Exception):
    """Another writer holds the vocabulary file."""


def split(text, family=None):
    """The tokens of a text, in order; lower-case for families that know no capitals."""
    if family in UNCASED:
        text = text.lower()
    return TOKEN.findall(text)


def count(tokens):
    """How often each token occurs; the most frequent first, equal ones by the alphabet."""
    counts = collections.Counter(tokens)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def most_frequent_pair(words):
    """The neighbouring symbols that occur most often; `words` maps tuples of symbols to counts."""
    pairs = collections.Counter()
    for symbols, times in words.items():
        for pair in zip(symbols, symbols[1:]):
            pairs[pair] += times
    # The smallest of equals, so that learning gives the same result everywhere.
    return min(pairs, key=lambda pair: (-pairs[pair], pair)) if pairs else None


def merge(symbols, pair):
    """The symbols with each occurrence of the pair made one, from the left."""
    merged, at = [], 0
    while at < len(symbols):
        if tuple(symbols[at : at + 2]) == pair:
            merged.append(symbols[at] + symbols[at + 1])
            at += 2
        else:
            merged.append(symbols[at])
            at += 1
    return tuple(merged)


def learn(text, steps, family=None):
    """Up to `steps` merges, learned from the text in the order of their frequency."""
    words = {tuple(word): times for word, times in count(split(text, family))}
    merges = []
    for _ in range(steps):
        pair = most_frequent_pair(words)
        if pair is None:
            break
        merges.append(pair)
        joined = collections.Counter()
        for symbols, times in words.items():
            joined[merge(symbols, pair)] += times
        words = joined
    return merges


def encode(word, merges):
    """The parts of a word under learned merges."""
    symbols = tuple(word)
    for pair in merges:
        symbols = merge(symbols, pair)
    return list(symbols)


def pack(ids, vocabulary_size):
    """The ids as bytes, in the smallest width that holds the whole vocabulary (2 or 4 bytes each)."""
    for number in ids:
        if not 0 <= number < vocabulary_size:
            raise ValueError(f"id {number} is outside the vocabulary of {vocabulary_size}")
    return array.array("H" if vocabulary_size <= 0x10000 else "I", ids).tobytes()


def unpack(data, vocabulary_size):
    """The ids that `pack` was given."""
    ids = array.array("H" if vocabulary_size <= 0x10000 else "I")
    ids.frombytes(data)
    return ids.tolist()


def save(path, words):
    """Writes a vocabulary file, one word a line, holding a lock file while it does."""
    lock = f"{path}.lock"
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        raise Locked(f"{lock} is held by another writer") from None
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{word}\n" for word in words)
    finally:
        os.remove(lock)


def main(arguments):
    if arguments == ["--version"]:
        print(f"tokenizer {__version__}")
        return 0
    if len(arguments) == 2 and arguments[0] == "count":
        with open(arguments[1], encoding="utf-8") as file:
            for word, times in count(split(file.read()))[:10]:
                print(f"{times:8} {word}")
        return 0
    print("usage: tokenizer.py --version | count FILE", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
