"""pytest-benchmark calls the checksum."""

import checksum


def test_checksum(benchmark):
    assert benchmark(checksum.run) == checksum.run()
