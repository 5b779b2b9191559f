"""Counts words: wordcount.py [--repeat N] FILE, or wordcount.py --version."""

import sys


def count(text):
    """How often each word is there, in lower case."""
    words = {}
    for word in text.lower().split():
        word = word.strip(".,;:!?\"'()")
        if word:
            words[word] = words.get(word, 0) + 1
    return words


def main(arguments):
    if arguments == ["--version"]:
        print("wordcount 1.0")
        return
    times = 1
    if arguments[:1] == ["--repeat"]:
        times, arguments = int(arguments[1]), arguments[2:]
    with open(arguments[0], encoding="utf-8") as file:
        text = file.read()
    for _ in range(times):
        words = count(text)
    print(f"{sum(words.values())} words, {len(words)} of them different")


if __name__ == "__main__":
    main(sys.argv[1:])
