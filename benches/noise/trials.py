"""Live trials of the whole tool on this machine, under a load that it brings along.

    python3 benches/noise/trials.py equal  [--times 60] [--seconds 10] [--keep rows.jsonl]
    python3 benches/noise/trials.py slower [--times 60] [--seconds 30] [--keep rows.jsonl]
    python3 benches/noise/trials.py counts [--times 5]

`equal`: one commit built twice, in two working copies; five workloads in turn, `--times` times each: nothing may be
called regressed or improved. `slower`: a program bound by the processor that does exactly 1 % more work, with the limit at
0.5 %: it must be called regressed. `counts`: 0.5 % more work by counted instructions, two runs of each arm.

The programs are `workload.rs` and `workload.py` beside this file, put into a repository of their own; the load is
`workload load` with six processes on whatever processors there are (`--load 0` leaves it out). The documents are kept in `--keep`, one a
line: `backsight simulate --sensitivity --bank FILE` reads them. BACKSIGHT names the binary. Python's standard library only.
"""

import argparse
import collections
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BACKSIGHT = os.environ.get("BACKSIGHT", "backsight")
BUILD = "test -x workload || rustc -O --edition 2024 workload.rs -o workload"
EQUAL = {
    "cpu": ["./workload", "cpu", "1000"],
    "memory": ["./workload", "memory", "800"],
    "alloc": ["./workload", "alloc", "1800"],
    "fork": ["./workload", "fork", "300"],
    "python": [sys.executable, "-I", "-S", "workload.py", "1000"],
}


def git(folder, *words):
    who = ["-c", "user.name=trials", "-c", "user.email=trials@localhost"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def repository(folder, base_units=None, head_units=None):
    """A repository with the workloads; with units, HEAD does more of them than HEAD~1."""
    for name in ("workload.rs", "workload.py"):
        (folder / name).write_bytes((HERE / name).read_bytes())
    (folder / ".gitignore").write_text("workload\n")
    git(folder, "init", "-q", "-b", "main")
    for units in [base_units, head_units] if base_units else [None]:
        if units:
            # The same length, so that nothing but the number differs.
            (folder / "run.sh").write_text(f"exec ./workload cpu {units:07}\n")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "--allow-empty", "-m", str(units))


def bench(folder, command, *options):
    words = [BACKSIGHT, "--quiet", "bench", *options, "--build", BUILD, "--format", "json", "--", *command]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    if not done.stdout.strip():
        sys.exit(f"{' '.join(words)}: {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def rows(document):
    return (document.get("comparison") or {}).get("rows", [])


def told(row):
    interval = f"[{100 * row['low']:+.2f}, {100 * row['high']:+.2f}] %" if "low" in row and "high" in row else "no interval"
    return f"{row['metric']} {100 * row.get('change', 0):+.2f} % {interval} {row['verdict']}"


def trial(args, folder, number, name, command, *options):
    document = bench(folder, command, "--name", name, "--budget", f"{args.seconds}s", "--seed", str(number), *options)
    if args.keep:
        with open(args.keep, "a") as out:
            out.write(json.dumps(document) + "\n")
    print(f"{number:4} {name:7} n={rows(document)[0]['n'][0] if rows(document) else 0:4} ",
          "; ".join(told(row) for row in rows(document)), flush=True)
    return rows(document)


def summary(all_rows):
    for name, runs in all_rows.items():
        for metric in sorted({row["metric"] for run in runs for row in run}):
            own = [row for run in runs for row in run if row["metric"] == metric]
            verdicts = collections.Counter(row["verdict"] for row in own)
            seen = [100 * row["smallest_detectable"] for row in own if row.get("smallest_detectable")]
            seen = f"smallest detectable {statistics.median(seen):.2f} % (median)" if seen else ""
            print(f"{name:7} {metric:12} {len(own)} runs: {dict(verdicts)} {seen}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trial", choices=["equal", "slower", "counts"])
    parser.add_argument("--times", type=int)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--load", type=int, default=6)
    parser.add_argument("--first", type=int, default=1, help="number of the first trial, for a series in parts")
    parser.add_argument("--keep")
    args = parser.parse_args()
    args.times = args.times or {"equal": 60, "slower": 60, "counts": 5}[args.trial]
    args.seconds = args.seconds or {"equal": 10, "slower": 30, "counts": 5}[args.trial]
    all_rows = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        repository(folder, *{"equal": (None, None), "slower": (1000, 1010), "counts": (1000, 1005)}[args.trial])
        subprocess.run(["sh", "-c", BUILD], cwd=folder, check=True)
        busy = [str(folder / "workload"), "load", "86400", "1", str(args.load)]
        load = subprocess.Popen(busy, start_new_session=True) if args.load else None
        try:
            for number in range(args.first, args.first + args.times):
                if args.trial == "equal":
                    for name, command in EQUAL.items():
                        all_rows[name].append(trial(args, folder, number, name, command, "--against", "HEAD"))
                elif args.trial == "slower":
                    run = ["sh", "run.sh"]
                    all_rows["cpu"].append(
                        trial(args, folder, number, "cpu", run, "--against", "HEAD~1", "--limit", "0.5%"))
                else:
                    run = ["sh", "run.sh"]
                    all_rows["cpu"].append(
                        trial(args, folder, number, "cpu", run, "--against", "HEAD~1", "--limit", "0.4%",
                              "--metric", "instructions"))
        except KeyboardInterrupt:
            pass
        finally:
            if load:
                os.killpg(load.pid, 15)
    summary(all_rows)


main()
