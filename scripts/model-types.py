#!/usr/bin/env python3
"""Renews src/pipeline/model_types.tsv: which model types there are, and which task an architecture is for.

Reads the tables of the transformers wheel (Apache-2.0) as text; neither torch nor transformers is imported. Run it with
the wheel's version when a new one is out: scripts/model-types.py 5.23.0
"""

import ast
import pathlib
import subprocess
import sys
import tempfile
import zipfile

OUT = pathlib.Path(__file__).resolve().parent.parent / "src/pipeline/model_types.tsv"


def literal(node):
    """A constant table: OrderedDict([...]), {...}, or nothing for what is computed."""
    if isinstance(node, ast.Call) and node.args:
        node = node.args[0]
    try:
        return dict(ast.literal_eval(node))
    except (ValueError, TypeError):
        return {}


def tables(source):
    """Names to constant tables, with what `NAME.update({...})` adds."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, {}).update(literal(node.value))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            call = node.value.func
            if isinstance(call, ast.Attribute) and call.attr == "update" and isinstance(call.value, ast.Name):
                found.setdefault(call.value.id, {}).update(literal(node.value))
    return found


def tasks(source):
    """Names of automatic classes to the task that they are for."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "SUPPORTED_TASKS"):
            continue
        for task, entry in zip(node.value.keys, node.value.values):
            for name in ast.walk(entry):
                if isinstance(name, ast.Name) and name.id.startswith("AutoModel"):
                    found.setdefault(name.id, task.value)
    return found


def main():
    version = sys.argv[1] if len(sys.argv) > 1 else sys.exit("which version of transformers? scripts/model-types.py 5.23.0")
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, f"transformers=={version}"]
        subprocess.run(pip, check=True)
        wheel = zipfile.ZipFile(next(pathlib.Path(folder).glob("*.whl")))

        def read(name):
            return wheel.read(f"transformers/{name}").decode()

        auto = {}
        for name in ("auto_mappings", "configuration_auto", "modeling_auto"):
            for table, entries in tables(read(f"models/auto/{name}.py")).items():
                auto.setdefault(table, {}).update(entries)
        classes = tasks(read("pipelines/__init__.py"))
        # `AutoModelForCausalLM = auto_class_update(...)` stands for MODEL_FOR_CAUSAL_LM_MAPPING: find it by its body.
        mappings = {}
        for node in ast.parse(read("models/auto/modeling_auto.py")).body:
            if isinstance(node, ast.ClassDef):
                for line in node.body:
                    if isinstance(line, ast.Assign) and line.targets[0].id == "_model_mapping" and isinstance(line.value, ast.Name):
                        mappings[node.name.lstrip("_")] = line.value.id
    families = auto["SPECIAL_MODEL_TYPE_TO_MODULE_NAME"]
    lines = [f"# The model types and architectures of transformers {version} (Apache-2.0); renewed by scripts/model-types.py"]
    for kind in sorted(auto["CONFIG_MAPPING_NAMES"] | {"gpt-sw3": ""}):
        lines.append(f"type\t{kind}\t{families.get(kind, kind.replace('-', '_'))}")
    architectures = {}
    # A class that several tasks take is told by the more special one: feature extraction takes them all.
    for name, task in sorted(classes.items(), key=lambda entry: entry[1] == "feature-extraction"):
        for entry in auto.get(mappings.get(name, "") + "_NAMES", {}).values():
            for architecture in entry if isinstance(entry, (tuple, list)) else (entry,):
                architectures.setdefault(architecture, task)
    # What no pipeline of the package serves is called as its table is; the Hub has another name for one of them.
    for table, entries in auto.items():
        if not (table.startswith("MODEL_FOR_") and table.endswith("_MAPPING_NAMES")):
            continue
        task = table.removeprefix("MODEL_FOR_").removesuffix("_MAPPING_NAMES").lower().replace("_", "-")
        task = {"seq-to-seq-causal-lm": "text2text-generation"}.get(task, task)
        if task in ("pretraining", "backbone", "image", "text-encoding", "retrieval", "multimodal-lm"):
            continue
        for entry in entries.values():
            for architecture in entry if isinstance(entry, (tuple, list)) else (entry,):
                architectures.setdefault(architecture, task)
    lines += [f"architecture\t{name}\t{task}" for name, task in sorted(architectures.items()) if name]
    OUT.write_text("\n".join(lines) + "\n")
    print(f"{len(auto['CONFIG_MAPPING_NAMES'])} model types, {len(architectures)} architectures")


main()
