#!/usr/bin/env python3
"""Collects the tests of one file without running them, and fails if there are none: `collect.py FILE`."""

import importlib.util
import sys
import unittest


def main():
    path = sys.argv[1]
    spec = importlib.util.spec_from_file_location("collected", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    count = unittest.defaultTestLoader.loadTestsFromModule(module).countTestCases()
    print(f"{path}: {count} tests")
    return 0 if count else f"{path} holds no test"


if __name__ == "__main__":
    sys.exit(main())
