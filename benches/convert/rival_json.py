"""The least that a Python reader of Google Benchmark's JSON does: parse, then pick each name, time and unit."""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    report = json.load(file)
found = [(run["name"], run["real_time"], run["time_unit"], run["iterations"]) for run in report["benchmarks"]]
print(len(found))
