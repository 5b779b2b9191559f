"""Measures splitting and joining: `python3 benches/shards/measure.py target/release/backsight`.

Ten thousand steps are planned with stored times for all of them; 16, 64 and 256 legs of a thousand tests each are joined,
and 256 of four thousand. Prints a table
for docs/measurements/shards.md: median, least and most of the rounds, and the peak of resident memory.
"""

import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = int(os.environ.get("ROUNDS", "10"))


def run(words, folder, codes=(0,)):
    """Seconds and peak memory in MiB."""
    began = time.perf_counter()
    with open(os.devnull, "w") as nothing:
        child = subprocess.Popen(words, cwd=folder, stdout=nothing, stderr=subprocess.PIPE)
        text = child.stderr.read().decode()
        _, status, usage = os.wait4(child.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in codes:
        raise SystemExit(f"{words}: exit {code}\n{text[-2000:]}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def told(name, rounds):
    times = [seconds for seconds, _ in rounds]
    memory = max(peak for _, peak in rounds)
    print(
        f"| {name} | {statistics.median(times):.3f} s ({min(times):.3f} to {max(times):.3f}), n = {len(times)} | {memory:.0f} MiB |",
        flush=True,
    )


def planned(program, folder, times):
    """A pipeline with a step for each of these times, which are in its store as those of one run."""
    steps = "\n".join(f"  - {{ name: t{at}, run: 'true' }}" for at in range(len(times)))
    (folder / "one.yml").write_text("version: 1\nproject: many\ntests: [{ name: t0, run: 'true' }]\n")
    run([program, "run", "one.yml"], folder)
    results = next((folder / ".backsight/runs").iterdir()) / "results.json"
    document = json.loads(results.read_text())
    step = document["steps"][0]
    document["steps"] = [
        {**step, "id": f"tests/t{at}", "name": f"t{at}", "duration_ns": int(seconds * 1e9) + 1} for at, seconds in enumerate(times)
    ]
    document["run"]["id"] = "01a00000-0000-7000-8000-000000000000"
    (folder / "big.json").write_text(json.dumps(document))
    # Taken in as any shared run: put on a shelf, and read from there.
    (folder / "shelf").mkdir()
    (folder / "backsight.yml").write_text(
        "version: 1\nproject: many\nbaseline: { store: file, folder: shelf }\ntests:\n" + steps + "\n"
    )
    run([program, "baseline", "push", "big.json"], folder)
    run([program, "baseline", "pull"], folder)


def split(program, folder, shards):
    words = [program, "plan", "--shards", str(shards), "--no-pull", "--format", "json", "--output", "plan.json"]
    rounds = [run(words, folder) for _ in range(ROUNDS)]
    times = json.loads((folder / "plan.json").read_text())["times"]
    return rounds, times["longest_seconds"] / times["bound_seconds"]


def plan(program, folder):
    """Ten thousand steps, many short and a few long."""
    rng = random.Random(7)
    planned(program, folder, [0.2 * rng.expovariate(1) ** 2.5 for _ in range(10_000)])
    told("plan of 10,000 steps in 64 shards", split(program, folder, 64)[0])


def recorded(program, folder):
    """The tests of this project as one run of them took."""
    times = [float(line) for line in (pathlib.Path(__file__).parent / "recorded.txt").read_text().split()]
    planned(program, folder, times)
    for shards in (2, 4, 8, 16, 32):
        print(f"  {len(times)} recorded steps in {shards} shards: longest over bound {split(program, folder, shards)[1]:.4f}")


def merge(program, folder, legs, tests=1000):
    (folder / "backsight.yml").write_text(
        "version: 1\nproject: many\ntests:\n" + "".join(f"  - {{ name: t{at}, run: 'true' }}\n" for at in range(legs))
    )
    run([program, "plan", "--shards", str(legs), "--output", "plan.json"], folder)
    planned = json.loads((folder / "plan.json").read_text())
    run([program, "run", "--shard", "1", "--plan", "plan.json"], folder)
    results = next((folder / ".backsight/runs").iterdir()) / "results.json"
    document = json.loads(results.read_text())
    step, case = document["steps"][0], document["cases"][0]
    for shard in planned["shards"]:
        index, name = shard["index"], shard["steps"][0]
        document["run"]["id"] = f"01a00000-0000-7000-8000-{index:012x}"
        document["run"]["shard"].update(index=index, error_share=shard["error_share"])
        document["steps"] = [{**step, "id": name, "name": name.split("/")[1]}]
        document["cases"] = [
            {**case, "step": name, "name": f"test_{at}_of_a_suite_with_a_usual_name", "class": f"package.module_{index}.Class", "duration_ns": 1_000_000 + at}
            for at in range(tests)
        ]
        document["counts"].update(tests=tests, passed=tests)
        at = folder / f"legs/leg-{index}"
        at.mkdir(parents=True)
        (at / "results.json").write_text(json.dumps(document))
    words = [program, "merge", "--plan", "plan.json", "legs", "--no-push"]
    told(f"merge of {legs} shards of {tests:,} tests", [run(words, folder) for _ in range(ROUNDS)])


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    print("| what | time | peak memory |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        plan(program, pathlib.Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        recorded(program, pathlib.Path(folder))
    for legs, tests in ((16, 1000), (64, 1000), (256, 1000), (256, 4000)):
        with tempfile.TemporaryDirectory() as folder:
            merge(program, pathlib.Path(folder), legs, tests)


main()
