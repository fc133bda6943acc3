"""Runs the test_*.py of folders under tests/ and says how each test went and how long it took.

Usage: python3 -m tests.support.run [--counts FILE] [-k WORD] FOLDER …
       python3 -m tests.support.run -k docker integration/clients

From the root of the project. A program that a test needs and that is missing is a failure, never
a reason to skip. FILE gets three numbers: passed, failed, skipped.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Result(unittest.TextTestResult):
    def startTest(self, test: unittest.TestCase) -> None:
        self._started = time.monotonic()
        super().startTest(test)

    def addSubTest(self, test, subtest, error) -> None:
        if error is not None:
            self.stream.writeln(f"  subtest failed: {subtest}")
        super().addSubTest(test, subtest, error)

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        self.stream.writeln(f"    {time.monotonic() - self._started:.1f} s")


def load(folder: str, words: list[str]) -> unittest.TestSuite:
    loader = unittest.TestLoader()
    if words:
        loader.testNamePatterns = [f"*{word}*" for word in words]
    path = ROOT / "tests" / folder
    if not path.is_dir():
        sys.exit(f"no such folder: tests/{folder}")
    suite = unittest.TestSuite()
    for module in sorted(path.glob("test_*.py")):
        suite.addTests(loader.loadTestsFromName(
            ".".join(module.relative_to(ROOT).with_suffix("").parts)))
    return suite


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", help="file for: passed failed skipped")
    parser.add_argument("-k", action="append", default=[], help="only tests with this in the name")
    parser.add_argument("folders", nargs="+")
    arguments = parser.parse_args()

    suite = unittest.TestSuite(load(folder, arguments.k) for folder in arguments.folders)
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result)
    result = runner.run(suite)
    failed = len({id(test) for test, _ in result.failures + result.errors})
    failed += len(result.unexpectedSuccesses)
    skipped = len(result.skipped)
    passed = max(0, result.testsRun - failed - skipped)
    if arguments.counts:
        pathlib.Path(arguments.counts).write_text(f"{passed} {failed} {skipped}\n")
    return 0 if result.wasSuccessful() and result.testsRun > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
