"""Runs unittest files and writes JUnit XML to $BACKSIGHT_JUNIT (or to nowhere, where that is not set).

    python3 tools/junit_unittest.py FILE_OR_FOLDER...

Files are loaded by their path, so their names need not be module names.
"""

import importlib.util
import os
import pathlib
import re
import sys
import time
import unittest
import xml.etree.ElementTree as ET

# What XML 1.0 cannot hold.
UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Recorder(unittest.TextTestResult):
    """Notes the time and the end of each test."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.cases = []
        self.ends = {}

    def startTest(self, test):
        super().startTest(test)
        self.ends[test] = (time.perf_counter(), None)

    def note(self, test, kind, text, exception=None):
        # The long text ends with marks below the values that differ, so the short one comes from the exception.
        message = text if exception is None else f"{type(exception).__name__}: {exception}"
        end = (kind, message.strip().partition("\n")[0], text)
        if test in self.ends:
            self.ends[test] = (self.ends[test][0], end)
        else:  # a class or module that could not be set up
            self.cases.append((test, 0.0, end))

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.note(test, "failure", self._exc_info_to_string(error, test), error[1])

    def addError(self, test, error):
        super().addError(test, error)
        self.note(test, "error", self._exc_info_to_string(error, test), error[1])

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.note(test, "failure", self._exc_info_to_string(error, test), error[1])

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.note(test, "failure", "passed, though a failure was expected")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "skipped", reason)

    def stopTest(self, test):
        super().stopTest(test)
        began, end = self.ends.pop(test)
        self.cases.append((test, time.perf_counter() - began, end))


def load(paths):
    """One suite of all test files below the paths."""
    files = []
    for path in map(pathlib.Path, paths):
        files += sorted(path.glob("test_*.py")) if path.is_dir() else [path]
    suite = unittest.TestSuite()
    for file in files:
        name = re.sub(r"\W", "_", file.stem)
        spec = importlib.util.spec_from_file_location(name, file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        suite.addTests(unittest.defaultTestLoader.loadTestsFromModule(module))
    return suite


def write(path, cases):
    root = ET.Element("testsuites")
    suite = ET.SubElement(root, "testsuite", name="unittest", tests=str(len(cases)))
    for test, seconds, end in cases:
        names = test.id().split(".")
        case = ET.SubElement(suite, "testcase", classname=".".join(names[:-1]), name=names[-1], time=f"{seconds:.6f}")
        if end:
            kind, message, text = end
            told = ET.SubElement(case, kind, message=UNPRINTABLE.sub("?", message))
            told.text = None if kind == "skipped" else UNPRINTABLE.sub("?", text)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def main(paths):
    sys.path.insert(0, os.getcwd())
    suite = load(paths)
    result = unittest.TextTestRunner(resultclass=Recorder, verbosity=2).run(suite)
    if os.environ.get("BACKSIGHT_JUNIT"):
        write(os.environ["BACKSIGHT_JUNIT"], result.cases)
    if result.testsRun == 0:
        print("no tests were found", file=sys.stderr)
        return 1
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
