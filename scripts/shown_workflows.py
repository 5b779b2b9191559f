"""Writes the workflows that a page of the documentation shows into a folder.

    shown_workflows.py docs/github.md FOLDER

A block that begins with `name:` or with a comment and `name:` is a workflow; one that begins with a comment and a step is more
steps of the workflow before. Blocks marked `yml` are parts and are left out.
"""

import re
import sys
from pathlib import Path

text, folder = Path(sys.argv[1]).read_text(), Path(sys.argv[2])
workflows = []
for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
    lines = [line for line in block.splitlines(keepends=True) if not line.startswith("#")]
    if lines[0].startswith("name:"):
        workflows.append("".join(lines))
    else:
        workflows[-1] += "".join(lines)
folder.mkdir(parents=True)
for number, workflow in enumerate(workflows):
    (folder / f"{number}.yml").write_text(workflow)
