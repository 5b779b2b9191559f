#!/usr/bin/env python3
"""Measures reading 100 MB of benchmark output against readers in Node and Python, in an order drawn anew each round, each
in a fresh process.

    measure.py BACKSIGHT READER [--rounds 7] [--megabytes 100]

BACKSIGHT is the command; READER is the program that `cargo bench --bench convert --no-run` names. CPU time, wall time
and peak memory come from the process's own accounts. Prints a Markdown table; Node's rows are left out without Node.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

here = Path(__file__).resolve().parent
options = argparse.ArgumentParser()
options.add_argument("backsight")
options.add_argument("reader")
options.add_argument("--rounds", type=int, default=7)
options.add_argument("--megabytes", type=int, default=100)
options = options.parse_args()


def cost(command):
    """CPU time and wall time in seconds, peak memory in MiB."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{command} failed")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - start, usage.ru_maxrss / 1024


shuffled = random.Random(1)
print("| file | reader | wall, s | CPU, s | our reading is faster by (wall; CPU) | peak memory, MiB |")
print("|---|---|---|---|---|---|")
with tempfile.TemporaryDirectory() as folder:
    for harness, rival in [("google-benchmark", "json"), ("go", "go")]:
        for distinct in [False, True]:
            path = os.path.join(folder, "output")
            generate = [sys.executable, here / "generate.py", harness, path, "--megabytes", str(options.megabytes)]
            subprocess.run(generate + ["--distinct"] * distinct, check=True)
            rows = {
                "ours, reading": [options.reader, harness, path],
                "ours, `convert` with its answer": [options.backsight, "convert", "--harness", harness, path],
                "Python": [sys.executable, here / f"rival_{rival}.py", path],
            }
            if shutil.which("node"):
                rows["Node"] = ["node", here / f"rival_{rival}.mjs", path]
            costs = {name: [] for name in rows}
            order = list(rows.items())
            for _ in range(options.rounds):
                # Whoever comes after a large process pays for memory that this one gave back.
                shuffled.shuffle(order)
                for name, command in order:
                    costs[name].append(cost(command))
            middle = {name: [statistics.median(column) for column in zip(*all)] for name, all in costs.items()}
            title = f"{harness}, {'each name once' if distinct else 'repetitions'}"
            for name, (cpu, wall, memory) in middle.items():
                low, high = min(one[1] for one in costs[name]), max(one[1] for one in costs[name])
                least, most = min(one[0] for one in costs[name]), max(one[0] for one in costs[name])
                reading = middle["ours, reading"]
                faster = f"{wall / reading[1]:.1f}; {cpu / reading[0]:.1f}"
                shown = f"{wall:.2f} ({low:.2f} to {high:.2f}) | {cpu:.2f} ({least:.2f} to {most:.2f})"
                print(f"| {title} | {name} | {shown} | {faster} | {memory:.0f} |", flush=True)
