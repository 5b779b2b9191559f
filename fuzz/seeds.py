#!/usr/bin/env python3
"""Writes the fixtures as seeds: `fuzz/seeds.py [FOLDER]`, by default `fuzz/corpus/adapters`.

The first byte of a seed is the place of its adapter in the table, which is in the order of the names; the
documentation's table has them all (both are tested). Folders that belong together become one seed.
"""

import re
import sys
from pathlib import Path

TREES = ["asv", "criterion"]
LARGEST = 32 << 10

root = Path(__file__).resolve().parent.parent
out = Path(sys.argv[1]) if len(sys.argv) > 1 else root / "fuzz/corpus/adapters"
table = (root / "docs/harness/README.md").read_text(encoding="utf-8")
names = sorted(re.findall(r"^\| \[`([a-z0-9-]+)`\]\(", table, re.MULTILINE))
fixtures = root / "tests/fixtures"
folders = [(fixtures / "junit", "junit")]
folders += [(folder, folder.name) for folder in sorted((fixtures / "harness").iterdir()) if folder.is_dir()]
out.mkdir(parents=True, exist_ok=True)
count = 0


def write(name, choice, content):
    global count
    (out / name).write_bytes(bytes([choice]) + content[:LARGEST])
    count += 1


for folder, name in folders:
    if name in names:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.name != "README.md":
                label = "-".join(file.relative_to(folder).parts)
                write(f"{name}-{label}", names.index(name), file.read_bytes())
    for tree in [path for path in sorted(folder.iterdir()) if path.is_dir()]:
        files = [path for path in sorted(tree.rglob("*")) if path.is_file()]
        parts = [part for path in files for part in (path.relative_to(tree).as_posix().encode(), path.read_bytes())]
        if name in TREES:
            write(f"tree-{name}-{tree.name}", len(names) + TREES.index(name), b"\0".join(parts))
asv = (fixtures / "harness/asv/recorded.json").read_bytes()
estimate = '{"confidence_interval":{"confidence_level":0.95,"lower_bound":9.5,"upper_bound":10.5},"point_estimate":10.0}'
criterion = {
    "g/a/new/benchmark.json": '{"full_id":"g/a","throughput":{"Bytes":64}}',
    "g/a/new/estimates.json": f'{{"mean":{estimate},"median":{estimate},"slope":{estimate}}}',
    "g/a/new/raw.csv": "group,function,value,throughput_num,throughput_type,sample_measured_value,unit,iteration_count\n"
    "g,a,,64,bytes,100.0,ns,10\n",
    "g/a/new/sample.json": '{"sampling_mode":"Linear","iters":[1.0,2.0],"times":[10.0,20.5]}',
}
for index, tree in enumerate([{"machine/0123abcd-env.json": asv}, {k: v.encode() for k, v in criterion.items()}]):
    parts = [part for path, content in tree.items() for part in (path.encode(), content)]
    write(f"tree-{TREES[index]}", len(names) + index, b"\0".join(parts))
print(f"{count} seeds for {len(names)} adapters and {len(TREES)} trees in {out}")
