"""Tests of wordcount."""

import unittest

import wordcount


class Count(unittest.TestCase):
    def test_words_are_counted_in_lower_case(self):
        self.assertEqual(wordcount.count("The cat, the hat."), {"the": 2, "cat": 1, "hat": 1})

    def test_nothing_is_no_word(self):
        self.assertEqual(wordcount.count(" -- ... "), {"--": 1})


if __name__ == "__main__":
    unittest.main()
