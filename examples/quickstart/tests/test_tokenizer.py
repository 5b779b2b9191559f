"""Tests of the tokenizer. One of them is flaky and one is skipped, so that a report has something to show."""

import os
import sys
import tempfile
import unittest

import tokenizer


class Split(unittest.TestCase):
    def test_words_and_marks(self):
        self.assertEqual(tokenizer.split("Stop, please!"), ["Stop", ",", "please", "!"])

    def test_apostrophes_stay_inside(self):
        self.assertEqual(tokenizer.split("don't 'quote'"), ["don't", "'", "quote", "'"])

    def test_other_scripts(self):
        self.assertEqual(tokenizer.split("čaj за 日本"), ["čaj", "за", "日本"])

    def test_uncased_family(self):
        self.assertEqual(tokenizer.split("Stop IT", "bert"), ["stop", "it"])

    def test_nothing(self):
        self.assertEqual(tokenizer.split(" \n\t"), [])


class Count(unittest.TestCase):
    def test_most_frequent_first(self):
        self.assertEqual(tokenizer.count("b a b c b a".split()), [("b", 3), ("a", 2), ("c", 1)])

    def test_equal_ones_by_the_alphabet(self):
        self.assertEqual(tokenizer.count(["z", "a"]), [("a", 1), ("z", 1)])


class Merges(unittest.TestCase):
    TEXT = "low low low lower lower newest newest newest widest"

    def test_first_pair_is_the_most_frequent(self):
        self.assertEqual(tokenizer.learn(self.TEXT, 1), [("l", "o")])

    def test_overlaps_merge_from_the_left(self):
        self.assertEqual(tokenizer.merge("aaa", ("a", "a")), ("aa", "a"))

    def test_parts_make_the_word_again(self):
        merges = tokenizer.learn(self.TEXT, 12)
        for word in ("lowest", "newer", "unknown"):
            self.assertEqual("".join(tokenizer.encode(word, merges)), word)

    def test_learning_stops_where_nothing_is_left(self):
        self.assertEqual(len(tokenizer.learn("ab ab", 50)), 1)


class Pack(unittest.TestCase):
    def test_ids_come_back(self):
        self.assertEqual(tokenizer.unpack(tokenizer.pack([0, 7, 30521], 30522), 30522), [0, 7, 30521])

    def test_ids_outside_are_refused(self):
        with self.assertRaisesRegex(ValueError, "outside the vocabulary"):
            tokenizer.pack([5], 5)

    @unittest.skipUnless(sys.byteorder == "big", "needs a big-endian machine")
    def test_big_endian_layout(self):
        self.assertEqual(tokenizer.pack([1], 10), b"\x00\x01")


class Save(unittest.TestCase):
    def test_one_word_a_line(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "vocabulary.txt")
            tokenizer.save(path, ["a", "b"])
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.read(), "a\nb\n")

    def test_waits_for_nobody(self):
        """Flaky on purpose: another writer holds the lock at the first attempt and is done by the second."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "vocabulary.txt")
            if os.environ.get("BACKSIGHT_ATTEMPT") == "1":
                open(f"{path}.lock", "x").close()
            tokenizer.save(path, ["a"])
            self.assertTrue(os.path.exists(path))


if __name__ == "__main__":
    unittest.main()
