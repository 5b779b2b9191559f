#!/usr/bin/env python3
"""Writes a large benchmark report that looks like a real one: the same bytes for the same seed.

    generate.py google-benchmark OUT [--megabytes 100] [--seed 1] [--distinct]
    generate.py go OUT [--megabytes 100] [--seed 1] [--distinct]

Families with parameters, template arguments and threads; counters in one of three; repetitions with their aggregates
in one of four (Google Benchmark), `-count 10` (Go). With `--distinct`, each name stands in the file once, which is the
worst case for memory.
"""

import argparse
import random

VERBS = ["Parse", "Encode", "Decode", "Insert", "Lookup", "Erase", "Sort", "Merge", "Hash", "Compress", "Render", "Walk"]
NOUNS = ["Json", "Utf8", "Vector", "HashMap", "BTree", "Queue", "Arena", "String", "Matrix", "Graph", "Packet", "Index"]
TYPES = ["int", "double", "std::string", "uint64_t", "Point", "std::pair<int, int>"]


def names(rng, separator):
    """Names without an end, each once."""
    number = 0
    while True:
        number += 1
        verb, noun = rng.choice(VERBS), rng.choice(NOUNS)
        yield f"{verb}{noun}{separator}{number}", rng.choice([8, 64, 512, 4096, 32768, 262144])


HEAD = """{
  "context": {
    "date": "2026-11-20T08:15:42+00:00",
    "host_name": "build-17",
    "executable": "./bench/all_benchmarks",
    "num_cpus": 16,
    "mhz_per_cpu": 3600,
    "cpu_scaling_enabled": false,
    "caches": [
      {
        "type": "Data",
        "level": 1,
        "size": 32768,
        "num_sharing": 2
      },
      {
        "type": "Unified",
        "level": 3,
        "size": 33554432,
        "num_sharing": 16
      }
    ],
    "load_avg": [1.68408,1.73779,2.02783],
    "library_version": "v1.9.4",
    "library_build_type": "release",
    "json_schema_version": 1
  },
  "benchmarks": ["""


def entry(fields):
    """An entry as the library writes it: numbers with 17 digits, one field a line."""
    lines = []
    for key, value in fields:
        shown = f'"{value}"' if isinstance(value, str) else f"{value:.16e}" if isinstance(value, float) else str(value)
        lines.append(f'      "{key}": {shown}')
    return "    {\n" + ",\n".join(lines) + "\n    }"


def runs(rng, family, name, distinct):
    """A benchmark's entries: its repetitions, and what the library adds."""
    repetitions = 5 if not distinct and rng.random() < 0.25 else 1
    threads = rng.choice([1, 1, 1, 4])
    if threads > 1:
        name += f"/threads:{threads}"
    base = 10 ** rng.uniform(0.5, 6.5)
    counted = rng.random() < 0.33
    size = rng.choice([64, 4096, 65536])

    def fields(kind, time, own):
        found = [("name", own), ("family_index", family), ("per_family_instance_index", 0), ("run_name", name)]
        found += [("run_type", kind), ("repetitions", repetitions)]
        return found, [("real_time", time), ("cpu_time", time * 0.997), ("time_unit", "ns")]

    times = [base * rng.lognormvariate(0, 0.02) for _ in range(repetitions)]
    for index, time in enumerate(times):
        first, last = fields("iteration", time, name)
        first += [("repetition_index", index), ("threads", threads), ("iterations", max(1, int(7e8 / base)))]
        if counted:
            last += [("bytes_per_second", size * 1e9 / time), ("items_per_second", 1e9 / time), ("allocs", float(size % 7))]
        yield entry(first + last)
    if repetitions == 1:
        return
    mean = sum(times) / repetitions
    deviation = (sum((time - mean) ** 2 for time in times) / (repetitions - 1)) ** 0.5
    for kind, value in [("mean", mean), ("median", sorted(times)[repetitions // 2]), ("stddev", deviation)]:
        first, last = fields("aggregate", value, f"{name}_{kind}")
        first += [("threads", threads), ("aggregate_name", kind), ("aggregate_unit", "time"), ("iterations", repetitions)]
        yield entry(first + last)


def google_benchmark(rng, distinct):
    """Pieces of the JSON; `None` where it may end."""
    yield HEAD
    first = True
    for family, (name, parameter) in enumerate(names(rng, "_")):
        full = f"BM_{name}<{rng.choice(TYPES)}>/{parameter}"
        for one in runs(rng, family, full, distinct):
            yield ("\n" if first else ",\n") + one
            first = False
        yield None


def go(rng, distinct):
    """Pieces of the text; `None` where it may end."""
    yield "goos: linux\ngoarch: amd64\n"
    package = 0
    for number, (name, parameter) in enumerate(names(rng, "_")):
        if number % 200 == 0:
            if number:
                yield f"PASS\nok  \texample.com/project/internal/pkg{package}\t{rng.uniform(5, 60):.3f}s\n"
            package += 1
            yield f"pkg: example.com/project/internal/pkg{package}\ncpu: AMD EPYC 7B13\n"
        base = 10 ** rng.uniform(0.5, 6.5)
        rich, size = rng.random() < 0.5, rng.choice([64, 4096, 65536])
        for _ in range(1 if distinct else 10):
            time = base * rng.lognormvariate(0, 0.02)
            shown = f"{time:.4g}" if time < 1000 else f"{time:.0f}"
            line = f"Benchmark{name}/size={parameter}-16 \t{max(1, int(1e9 / base)):8d}\t{shown:>10} ns/op"
            if rich:
                line += f"\t{size / time * 1e3:8.2f} MB/s\t{size % 977:8d} B/op\t{size % 13:8d} allocs/op"
            yield line + "\n"
        yield None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("format", choices=["google-benchmark", "go"])
    parser.add_argument("out")
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--distinct", action="store_true")
    arguments = parser.parse_args()
    is_json = arguments.format == "google-benchmark"
    pieces = (google_benchmark if is_json else go)(random.Random(arguments.seed), arguments.distinct)
    written, limit = 0, arguments.megabytes * 1e6
    with open(arguments.out, "w", encoding="utf-8", newline="\n") as out:
        for piece in pieces:
            if piece is not None:
                written += out.write(piece)
            elif written >= limit:
                break
        out.write("\n  ]\n}\n" if is_json else "PASS\nok  \texample.com/project/internal/last\t12.345s\n")


if __name__ == "__main__":
    main()
