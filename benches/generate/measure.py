#!/usr/bin/env python3
"""Many files from one template of 100 lines: Backsight against Python's Jinja2, in turns, on this machine.

    pip install jinja2
    cargo build --release
    python3 benches/generate/measure.py target/release/backsight --files 10000 --rounds 5

Both render the same template over the same rows of a CSV file and write the same files; the outputs are compared. Jinja2
has each template compiled once, all contexts read before, and writes plainly; Backsight works from its command line, with
its lock file, its notes and its documents.
"""

import argparse
import csv
import filecmp
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PIPELINE = """version: 1
project: measured
generations:
  - name: files
    rows: rows.csv
    template: page.py.j2
    output: out/{{ row.folder }}/test_{{ row.name }}.py
"""

LINES = '''"""Tests of {{ row.name }}, one of many."""

import json
import unittest

NAME = "{{ row.name }}"
FAMILY = "{{ row.family }}"
LAYERS = {{ row.layers }}
{% for size in range(1, 5) %}
{% if size % 2 == 0 %}
SIZE_{{ size }} = {{ size * 128 }}
{% else %}
SIZE_{{ size }} = {{ size * 64 + 1 }}
{% endif %}
{% endfor %}


def describe():
    return {
        "name": NAME,
        "family": FAMILY,
        "layers": LAYERS,
        "title": "{{ row.family | upper }} {{ row.name | replace("_", " ") | title }}",
    }


class {{ row.family | capitalize }}Tests(unittest.TestCase):
'''
CASE = '''    def test_layer_{{ LAYER }}(self):
        found = {"layer": {{ LAYER }}, "of": LAYERS}
        self.assertEqual(found["layer"], {{ LAYER }})
        self.assertIn("{{ row.name }}", json.dumps(describe()))
        self.assertEqual(describe()["family"], "{{ row.family | default("none") }}")

'''
END = '''

if __name__ == "__main__":
    unittest.main()
'''


DENSE = '''{% for layer in range(1, 13) %}
LAYER_{{ layer }} = {"name": "{{ row.name | upper }}", "of": "{{ row.family | default("none") }}", "size": {{ layer * 64 + loop.index }}}
{% if layer % 3 == 0 %}
THIRD_{{ layer }} = "{{ row.name | replace("_", " ") | title }} {{ layer }} of {{ row.layers }}"
{% elif layer % 2 == 0 %}
EVEN_{{ layer }} = "{{ row.family | lower }}-{{ loop.index0 }}-{{ row.folder }}"
{% endif %}
{% endfor %}
'''


def dense():
    """A template of 100 lines in which nearly every line has something to work out, most of them in loops."""
    text = LINES.split("class ")[0]
    while len((text + DENSE + END).splitlines()) <= 100:
        text += DENSE
    return text + "\n" * (100 - len((text + END).splitlines())) + END


def template():
    """A template of 100 lines, most of which stand as they are, as templates of tests do."""
    text = LINES
    for layer in range(100):
        case = CASE.replace("{{ LAYER }}", str(layer))
        if len((text + case + END).splitlines()) > 100:
            break
        text += case
    text += "\n" * (100 - len((text + END).splitlines()))
    return text + END


JINJA = """
import csv, os, sys
from jinja2 import Environment, FileSystemLoader, StrictUndefined
environment = Environment(loader=FileSystemLoader("."), undefined=StrictUndefined, keep_trailing_newline=True)
page = environment.get_template("page.py.j2")
path = environment.from_string("out/{{ row.folder }}/test_{{ row.name }}.py")
with open("rows.csv", newline="") as file:
    for row in csv.DictReader(file):
        output = path.render(row=row)
        os.makedirs(os.path.dirname(output), exist_ok=True)
        with open(output, "w") as out:
            out.write(page.render(row=row))
"""


def workspace(folder, files, text=None):
    folder.mkdir(parents=True)
    (folder / "backsight.yml").write_text(PIPELINE)
    (folder / "page.py.j2").write_text(text or template())
    with open(folder / "rows.csv", "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["folder", "name", "family", "layers"])
        families = ["bert", "gpt2", "llama", "whisper", "clip"]
        for number in range(files):
            writer.writerow([f"f{number % 100:02}", f"model_{number}", families[number % 5], number % 48 + 1])
    return folder


def timed(argv, cwd, expect=0):
    began = time.perf_counter()
    child = subprocess.Popen(argv, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    text = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    code = os.waitstatus_to_exitcode(status)
    if code != expect:
        sys.exit(f"{argv} ended with {code}: {text.decode(errors='replace')[-2000:]}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / 1024}


def same(one, other):
    count = 0
    for path in sorted(one.rglob("*.py")):
        if not filecmp.cmp(path, other / path.relative_to(one), shallow=False):
            sys.exit(f"{path} differs")
        count += 1
    return count


def told(name, runs):
    def figure(key, unit, digits):
        values = [run[key] for run in runs]
        return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f}) {unit}"

    return f"{name:28} wall {figure('wall', 's', 2)}   CPU {figure('cpu', 's', 2)}   peak {figure('peak', 'MiB', 0)}   n = {len(runs)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backsight", type=pathlib.Path)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dense", action="store_true", help="a template in which nearly every line is worked out")
    parser.add_argument("--grow", action="store_true", help="instead: peak memory for 1,000, 10,000 and 100,000 files")
    parser.add_argument("--folder", type=pathlib.Path, help="where to work; default: a temporary folder")
    args = parser.parse_args()
    program = str(args.backsight.resolve())
    root = pathlib.Path(tempfile.mkdtemp(dir=args.folder))
    try:
        if args.grow:
            for files in [1000, 10_000, 100_000]:
                place = workspace(root / str(files), files)
                first = timed([program, "-q", "generate"], place)
                again = timed([program, "-q", "generate", "--check"], place)
                print(told(f"{files} files, written", [first]))
                print(told(f"{files} files, checked", [again]))
            return
        # Nothing is removed before the end: ext4 looks for a while at every inode that was just freed.
        runs = {"backsight": [], "jinja2": [], "backsight, check": []}
        for number in range(args.rounds):
            text = dense() if args.dense else template()
            ours = workspace(root / f"ours{number}", args.files, text)
            theirs = workspace(root / f"theirs{number}", args.files, text)
            order = [("backsight", [program, "-q", "generate"], ours), ("jinja2", [sys.executable, "-c", JINJA], theirs)]
            for name, argv, place in order if number % 2 else reversed(order):
                runs[name].append(timed(argv, place))
            runs["backsight, check"].append(timed([program, "-q", "generate", "--check"], ours))
            count = same(ours / "out", theirs / "out")
            assert count == args.files, count
        for name, measured in runs.items():
            print(told(name, measured))
        ratios = [theirs["wall"] / ours["wall"] for ours, theirs in zip(runs["backsight"], runs["jinja2"])]
        cpu = [theirs["cpu"] / ours["cpu"] for ours, theirs in zip(runs["backsight"], runs["jinja2"])]
        print(f"jinja2 takes {statistics.median(ratios):.1f} times as long ({min(ratios):.1f} to {max(ratios):.1f}), "
              f"{statistics.median(cpu):.1f} times the CPU time ({min(cpu):.1f} to {max(cpu):.1f})")
        print(json.dumps({"files": args.files, "rounds": args.rounds, "processors": os.cpu_count(), "lines": len(text.splitlines())}))
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
