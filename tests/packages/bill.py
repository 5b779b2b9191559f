"""Holds a bill of materials against CycloneDX's schema and against the lock file.

    bill.py backsight.cdx.json Cargo.lock
"""

import json
import pathlib
import re
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

text, lock = (pathlib.Path(path).read_text() for path in sys.argv[1:3])
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
if error:
    sys.exit(f"not CycloneDX 1.6: {error}")
bill = json.loads(text)
components = bill["components"]
names = {one["name"] for one in components}
locked = set(re.findall(r'^name = "(.*)"$', lock, re.MULTILINE))
strangers = names - locked - {"uplot"}
missing = {"serde", "minijinja", "tree-sitter-yaml", "libsqlite3-sys", "uplot"} - names
tests_only = {"insta", "comrak"} & names
unlicensed = [one["name"] for one in components if not one.get("licenses")]
references = [one["bom-ref"] for one in components] + [bill["metadata"]["component"]["bom-ref"]]
if strangers or missing or tests_only or unlicensed or len(references) != len(set(references)):
    sys.exit(f"strangers {strangers}, missing {missing}, only in tests {tests_only}, without a licence {unlicensed}")
linked = sum(one["scope"] == "required" for one in components)
print(f"   bill of materials: {len(components)} components, {linked} of them in the binary")
