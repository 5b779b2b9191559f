//! `backsight templates`, driven as a user does: lists, shows, begins, validates and compares sets.

use serde_json::Value;

use super::sandbox::Sandbox;

const MANIFEST: &str = "\
name: mine
description: A note for each model.
version: \"1\"
inputs:
  properties:
    folder: {type: string, default: notes, description: Where to.}
    level: {type: integer, minimum: 1, description: How loud.}
  required: [level]
outputs:
  - template: note.py.j2
    path: \"{{ inputs.folder }}/{{ model.slug }}.py\"
  - {template: all.json.j2, path: all.json, many_to_one: true}
verify:
  forbid: [random-metric]
example:
  inputs: {level: 2}
  model: {id: org/name, layers: 3}
";
const NOTE: &str = "LEVEL = {{ inputs.level }}\nLAYERS = {{ model.layers }}\n";
const ALL: &str = "{{ items | map(attribute='model.id') | list | json }}\n";

fn with_set(manifest: &str, note: &str, all: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("sets/mine/templates.yml", manifest);
    sandbox.write("sets/mine/note.py.j2", note);
    sandbox.write("sets/mine/all.json.j2", all);
    sandbox
}

#[test]
fn sets_are_listed_with_where_they_lie() {
    let sandbox = with_set(MANIFEST, NOTE, ALL);
    sandbox.write(
        "sets/broken/templates.yml",
        "verson: \"1\"\nname: broken\ndescription: b\noutputs: [{template: a, path: a}]\n",
    );
    sandbox.write("node_modules/foreign/templates.yml", MANIFEST);
    let told = sandbox.run(&["templates", "list"]);
    assert_eq!(told.code, 0, "{told:?}");
    let line = |name: &str| told.stdout.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert!(
        line("mine ").contains("sets/mine ") && line("mine ").ends_with(" A note for each model."),
        "{}",
        told.stdout
    );
    assert!(line("pytest-model ").contains("built in"), "{}", told.stdout);
    assert!(
        line("broken ").contains("cannot be used: unknown key `verson`, did you mean `version`?"),
        "{}",
        told.stdout
    );
    assert!(!told.stdout.contains("foreign"));
    let told = sandbox.run(&["templates", "list", "sets", "--format", "json"]);
    let rows: Vec<Value> = serde_json::from_str(&told.stdout).unwrap();
    let mine = rows.iter().find(|row| row["name"] == "mine").unwrap();
    assert_eq!(mine["origin"]["path"], "sets/mine");
    assert_eq!(rows.iter().filter(|row| row["origin"]["kind"] == "built-in").count(), 7);
    sandbox.run(&["templates", "list", "nowhere"]).says(2, &["nowhere: there is no such folder"]);
}

#[test]
fn a_set_is_shown_by_its_name_and_by_its_folder() {
    let sandbox = with_set(MANIFEST, NOTE, ALL);
    let told = sandbox.run(&["templates", "show", "mine"]);
    for words in [
        "mine 1\nA note for each model.",
        "folder (string, default \"notes\")\n    Where to.",
        "level (integer, required)\n    How loud.",
        "{{ inputs.folder }}/{{ model.slug }}.py\n    from note.py.j2\n",
        "all.json\n    from all.json.j2, one file for all",
        "forbid   [\"random-metric\"]",
    ] {
        assert!(told.stdout.contains(words), "{words}\n{}", told.stdout);
    }
    let told = sandbox.run(&["templates", "show", "sets/mine", "--format", "json"]);
    let shown: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(shown["inputs"][0]["default"], "notes");
    assert_eq!(shown["files"], serde_json::json!(["all.json.j2", "note.py.j2"]));
    assert_eq!(shown["sha256"].as_str().unwrap().len(), 64);
    sandbox
        .run(&["templates", "show", "pytest-modle"])
        .says(2, &["no template set `pytest-modle`, did you mean `pytest-model`?"]);
    sandbox.run(&["templates", "show", "./mine"]).says(2, &["templates.yml: there is no such file"]);
    sandbox.write("sets/mine/templates.yml", "name: [mine]\n");
    sandbox.run(&["templates", "show", "sets/mine"]).says(2, &["`name` wants text, found a list", "templates.yml:1:8"]);
}

#[test]
fn a_new_set_works_and_nothing_is_overwritten() {
    let sandbox = Sandbox::new();
    let told = sandbox.run(&["templates", "new", "my-tests"]);
    told.says(0, &["backsight templates validate templates/my-tests"]);
    assert_eq!(told.stdout, "templates/my-tests/templates.yml\ntemplates/my-tests/model.txt.j2\n");
    sandbox.run(&["templates", "validate", "templates/my-tests"]).says(0, &["right", "generated/org_name.txt"]);
    let before = sandbox.all_files();
    sandbox
        .run(&["templates", "new", "my-tests"])
        .says(2, &["templates/my-tests: it is there already; nothing was written"]);
    sandbox
        .run(&["templates", "new", "My Tests"])
        .says(2, &["`My Tests` is no name of a set", "for example `my-tests`"]);
    sandbox.run(&["templates", "new", "../x"]).says(2, &["no name of a set"]);
    sandbox.run(&["templates", "new", "x", "--from", "model-pag"]).says(2, &["did you mean `model-page`?"]);
    assert_eq!(sandbox.all_files(), before);
}

#[test]
fn a_set_begins_as_a_copy_of_another_and_can_be_compared_with_it() {
    let sandbox = Sandbox::new();
    for name in ["pytest-model", "onnx-golden", "github-workflow", "gitlab-job", "rust-integration-test", "model-page"]
    {
        let copy = format!("my-{name}");
        sandbox.run(&["templates", "new", &copy, "--from", name, "--in", "sets"]).says(0, &[]);
        sandbox.run(&["templates", "validate", &copy]).says(0, &["right"]);
    }
    let told = sandbox.run(&["templates", "diff", "model-page", "my-model-page"]);
    assert_eq!(told.code, 1);
    for line in [
        "--- model-page/templates.yml",
        "+++ sets/my-model-page/templates.yml",
        "-name: model-page",
        "+name: my-model-page",
        "+<!-- Generated by Backsight from the template set my-model-page: change the set or the pipeline, not this file. -->",
    ] {
        assert!(told.stdout.lines().any(|found| found == line), "{line}\n{}", told.stdout);
    }
    std::fs::remove_file(sandbox.path("sets/my-model-page/page.md.j2")).unwrap();
    sandbox.write("sets/my-model-page/new.j2", "new\n");
    let told = sandbox.run(&["templates", "diff", "model-page", "./sets/my-model-page"]);
    assert!(told.stdout.contains("+++ /dev/null") && told.stdout.contains("--- /dev/null"), "{}", told.stdout);
    sandbox.run(&["templates", "diff", "model-page", "model-page"]).says(0, &["the sets are the same"]);
    sandbox.run(&["templates", "diff", "model-page", "gone"]).says(2, &["no template set `gone`"]);
}

#[test]
fn a_set_that_is_right_is_rendered() {
    let sandbox = with_set(MANIFEST, NOTE, ALL);
    let told = sandbox.run(&["templates", "validate", "mine", "--into", "look"]);
    told.says(0, &["mine: right; its example becomes 2 files", "notes/org_name.py (21 bytes, from note.py.j2)"]);
    assert_eq!(sandbox.read("look/notes/org_name.py"), "LEVEL = 2\nLAYERS = 3\n");
    assert_eq!(sandbox.read("look/all.json"), "[\"org/name\"]\n");
    // Without names: all that there are in folders.
    sandbox.run(&["templates", "validate"]).says(0, &["sets/mine: right"]);
    Sandbox::new()
        .run(&["templates", "validate"])
        .says(2, &["no folder with a templates.yml", "backsight templates new"]);
    let without = MANIFEST.split("example:").next().unwrap();
    with_set(without, NOTE, ALL).run(&["templates", "validate", "mine"]).says(0, &["the set has no `example`"]);
}

/// What is replaced in the manifest, both templates, and what is said.
type Mistake = ((&'static str, &'static str), &'static str, &'static str, [&'static str; 2]);

const MISTAKES: [Mistake; 17] = [
    (("version: \"1\"", "version: 1"), NOTE, ALL, ["templates.yml:3:10", "quote it"]),
    (("path: all.json", "path: ../all.json"), NOTE, ALL, ["templates.yml:12:35", "without `..`"]),
    (("level: 2", "level: 0"), NOTE, ALL, ["templates.yml:16:12", "`level` wants at least 1, found 0"]),
    (("template: note.py.j2", "template: nte.py.j2"), NOTE, ALL, ["templates.yml:10:15", "did you mean `note.py.j2`?"]),
    (("inputs.folder", "inputs.foldr"), NOTE, ALL, ["templates.yml:11:15", "did you mean `folder`?"]),
    (("", ""), "x\n{% if %}", ALL, ["note.py.j2:2:7", "syntax error"]),
    (("", ""), "LEVEL = {{ inputs.levle }}", ALL, ["note.py.j2:1:12", "did you mean `level`?"]),
    (("", ""), "LEVEL = {{ inputs.level }}{{ modle }}", ALL, ["note.py.j2:1:30", "did you mean `model`?"]),
    (("", ""), NOTE, "{{ model.id | json }}", ["all.json.j2:1:4", "go through `items`"]),
    (("", ""), "{{ inputs.level }}{% include 'other.j2' %}", ALL, ["note.py.j2:1:31", "no file `other.j2`"]),
    (("", ""), "X = {{ inputs.level }}\n{{ model.layer }}", ALL, ["note.py.j2:2:4", "did you mean `model.layers`?"]),
    (("", ""), "X = {{ inputs.level | pyhton }}", ALL, ["note.py.j2:1:23", "did you mean `python`?"]),
    (("", ""), "X = ({{ inputs.level }}\nY = 1", ALL, ["notes/org_name.py (of the example):2:1", "no python"]),
    (
        ("", ""),
        "import random\naccuracy = random.random() # {{ inputs.level }}",
        ALL,
        ["notes/org_name.py (of the example):2:", "random-metric"],
    ),
    (("path: all.json", "path: \"{{ project }}/../../x\""), NOTE, ALL, ["templates.yml:12:36", "leaves the workspace"]),
    (
        ("", ""),
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}{{ inputs.level }}",
        ALL,
        ["note.py.j2:1:", "calls itself too deep"],
    ),
    (
        ("", ""),
        "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}{{ inputs.level }}",
        ALL,
        ["note.py.j2:1:", "loops too long"],
    ),
];

/// Each kind of mistake, with its file, its line and its column.
#[test]
fn what_is_wrong_is_said_with_its_place() {
    let mut wrong = Vec::new();
    for (manifest, note, all, want) in MISTAKES {
        let sandbox = with_set(&MANIFEST.replace(manifest.0, manifest.1), note, all);
        let told = sandbox.run(&["templates", "validate", "sets/mine"]);
        if told.code != 2 || want.iter().any(|words| !told.stderr.contains(words)) {
            wrong.push(format!("{want:?}, but it says ({}):\n{}", told.code, told.stderr));
        }
        let told = sandbox.run(&["templates", "validate", "sets/mine", "--format", "json"]);
        let trials: Value = serde_json::from_str(&told.stdout).unwrap();
        assert_eq!((told.code, &trials[0]["passed"]), (2, &Value::Bool(false)), "{want:?}");
        let finding = &trials[0]["findings"][0];
        let place = format!("{}:{}:{}", finding["file"].as_str().unwrap(), finding["line"], finding["column"]);
        if !place.contains(want[0]) {
            wrong.push(format!("{place}, not {want:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_input_that_nobody_asks_for_is_a_warning() {
    let sandbox = with_set(MANIFEST, "X = {{ model.layers }}\n", ALL);
    sandbox.run(&["templates", "validate", "mine"]).says(0, &["warning", "no template asks for the input `level`"]);
}

#[test]
fn sets_of_hostile_files_are_bounded() {
    let sandbox = with_set(MANIFEST, NOTE, ALL);
    sandbox.write("sets/mine/large.j2", vec![b'x'; (1 << 20) + 1]);
    sandbox.run(&["templates", "validate", "mine"]).says(2, &["large.j2", "larger than 1 MiB"]);
    sandbox.write("sets/mine/large.j2", [0xff, 0xfe, 0xfd]);
    sandbox.run(&["templates", "validate", "mine"]).says(2, &["large.j2", "no UTF-8"]);
    std::fs::remove_file(sandbox.path("sets/mine/large.j2")).unwrap();
    // A link out of the folder is no file of the set.
    sandbox.write("secret.j2", "SECRET");
    std::os::unix::fs::symlink(sandbox.path("secret.j2"), sandbox.path("sets/mine/link.j2")).unwrap();
    sandbox.write("sets/mine/note.py.j2", "{{ inputs.level }}{% include 'link.j2' %}{{ model.layers }}");
    let told = sandbox.run(&["templates", "validate", "mine"]);
    told.says(2, &["the set has no file `link.j2`"]);
    assert!(!told.stderr.contains("SECRET"));
    for index in 0..600 {
        sandbox.write(&format!("sets/mine/many/{index}.j2"), "x");
    }
    sandbox.run(&["templates", "validate", "mine"]).says(2, &["at most 500 templates"]);
}

#[test]
fn what_a_hostile_manifest_says_does_not_reach_the_terminal() {
    let manifest = MANIFEST.replace("A note for each model.", "\"\\u001b[31mred\\u202e\"");
    let sandbox = with_set(&manifest, NOTE, ALL);
    for action in
        [&["templates", "list"][..], &["templates", "show", "mine"], &["templates", "diff", "mine", "model-page"]]
    {
        let told = sandbox.run(action);
        assert!(!told.stdout.contains(['\u{1b}', '\u{202e}']), "{action:?}: {}", told.stdout);
    }
}
