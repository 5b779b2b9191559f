//! Generations by the real binary: what is repeated for, the lock file and what it tells apart, protected regions, the
//! rungs of verification, and all that can be wrong with them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use backsight::results::{Document, GenerationState, Outcome, StepStatus};

use crate::sandbox::{Sandbox, step, wait_for};

const TWO: &str = "version: 1\nmodels: [{ id: org/one, size: 1 }, { id: org/two, size: 2 }]\ngenerations:\n  - name: pages\n    \
                   for_each: models\n    template: page.j2\n    output: out/{{ model.slug }}.txt\n";

fn two() -> Sandbox {
    let sandbox = Sandbox::with(TWO);
    sandbox.write("page.j2", "{{ model.id }} has {{ model.size }}\n");
    sandbox
}

/// Each file's state, and why.
fn states(document: &Document) -> BTreeMap<String, (GenerationState, String)> {
    let code = |generation: &backsight::results::Generation| {
        generation.reason.as_ref().map(|reason| reason.code.clone()).unwrap_or_default()
    };
    document.generations.iter().map(|one| (one.output.clone(), (one.state, code(one)))).collect()
}

#[track_caller]
fn is(document: &Document, output: &str, state: GenerationState, code: &str) {
    let states = states(document);
    assert_eq!(states.get(output), Some(&(state, code.to_owned())), "{output} in {states:#?}");
}

#[test]
fn the_lock_file_tells_apart_what_happened_to_a_file() {
    use GenerationState::{Drifted, Edited, Missing, Unchanged};
    let sandbox = two();
    sandbox.run(&["generate"]).says(0, &["2 written"]);
    assert_eq!(sandbox.read("out/org_one.txt"), "org/one has 1\n");
    let lock = sandbox.read("backsight.lock");
    assert_eq!(lock.lines().count(), 3, "{lock}");
    sandbox.run(&["generate", "--check"]).says(0, &["2 unchanged"]);
    assert_eq!(sandbox.read("backsight.lock"), lock);

    sandbox.write("backsight.yml", TWO.replace("size: 2", "size: 3"));
    sandbox.run(&["generate", "--check"]).says(1, &["STALE  out/org_two.txt", "+org/two has 3", "-org/two has 2"]);
    is(&sandbox.document(), "out/org_one.txt", Unchanged, "");
    is(&sandbox.document(), "out/org_two.txt", Drifted, "context_changed");
    sandbox.write("page.j2", "{{ model.id }} holds {{ model.size }}\n");
    sandbox.run(&["generate", "--check"]).says(1, &[]);
    is(&sandbox.document(), "out/org_one.txt", Drifted, "template_changed");
    is(&sandbox.document(), "out/org_two.txt", Drifted, "template_and_context_changed");

    sandbox.write("out/org_one.txt", "mine\n");
    fs::remove_file(sandbox.path("out/org_two.txt")).unwrap();
    sandbox.run(&["generate", "--check"]).says(1, &["EDITED  out/org_one.txt", "MISSING  out/org_two.txt"]);
    is(&sandbox.document(), "out/org_one.txt", Edited, "hand_edited");
    is(&sandbox.document(), "out/org_two.txt", Missing, "");
    assert_eq!(sandbox.read("backsight.lock"), lock, "a check writes nothing");

    // What was changed by hand is never overwritten, unless that is asked for.
    sandbox.run(&["run"]).says(1, &["EDITED  out/org_one.txt", "--force"]);
    assert_eq!(
        (sandbox.read("out/org_one.txt"), sandbox.read("out/org_two.txt")),
        ("mine\n".into(), "org/two holds 3\n".into())
    );
    sandbox.run(&["generate", "--force"]).says(0, &["1 written, 1 unchanged"]);
    assert_eq!(sandbox.read("out/org_one.txt"), "org/one holds 1\n");
    sandbox.run(&["generate", "--check"]).says(0, &[]);
}

#[test]
fn a_file_that_nobody_generated_is_left_alone() {
    let sandbox = two();
    sandbox.write("out/org_one.txt", "somebody's\n");
    sandbox.run(&["generate"]).says(1, &["EDITED  out/org_one.txt", "was not generated here"]);
    is(&sandbox.document(), "out/org_one.txt", GenerationState::Edited, "unknown_file");
    assert_eq!(sandbox.read("out/org_one.txt"), "somebody's\n");
    // The same content is no conflict: a project that generated its files before there was a lock file.
    sandbox.write("out/org_one.txt", "org/one has 1\n");
    sandbox.run(&["generate"]).says(0, &["2 unchanged"]);
}

#[test]
fn what_is_made_by_nothing_any_more_is_an_orphan() {
    let sandbox = two();
    sandbox.run(&["generate"]).says(0, &[]);
    sandbox.write("backsight.yml", TWO.replace(", { id: org/two, size: 2 }", ""));
    sandbox.run(&["generate", "--check"]).says(1, &["ORPHANED  out/org_two.txt", "--prune"]);
    sandbox.run(&["generate"]).says(0, &["`out/org_two.txt` is made by nothing any more"]);
    assert!(sandbox.path("out/org_two.txt").exists());
    sandbox.write("out/org_two.txt", "changed\n");
    sandbox.run(&["generate", "--prune"]).says(1, &["ORPHANED  out/org_two.txt", "changed by hand"]);
    sandbox.write("out/org_two.txt", "org/two has 2\n");
    sandbox.run(&["generate", "--prune"]).says(0, &[]);
    assert!(!sandbox.path("out/org_two.txt").exists());
    assert!(!sandbox.read("backsight.lock").contains("org_two"));
    // A step that is called otherwise now owns its files; one that is gone leaves orphans.
    sandbox.write("backsight.yml", TWO.replace("name: pages", "name: sheets"));
    sandbox.run(&["generate"]).says(0, &["1 written, 1 unchanged"]);
    sandbox.run(&["generate", "--check"]).says(0, &[]);
    sandbox.write("backsight.yml", TWO.replace("name: pages", "name: other").replace("out/", "new/"));
    sandbox.run(&["generate"]).says(0, &["are made by nothing any more"]);
    sandbox.run(&["generate", "--prune"]).says(0, &[]);
    assert!(!sandbox.path("out/org_one.txt").exists() && sandbox.path("new/org_one.txt").exists());
}

#[test]
fn a_step_that_is_not_chosen_keeps_its_lines() {
    let sandbox = two();
    let more = format!("{TWO}  - {{ name: index, template: page.j2, output: i.txt, env: {{}} }}\n");
    sandbox.write("page.j2", "x\n");
    sandbox.write("backsight.yml", &more);
    sandbox.run(&["generate"]).says(0, &[]);
    let lock = sandbox.read("backsight.lock");
    fs::remove_file(sandbox.path("i.txt")).unwrap();
    sandbox.run(&["generate", "-k", "pages"]).says(0, &["2 unchanged"]);
    assert_eq!(sandbox.read("backsight.lock"), lock);
    assert!(!sandbox.path("i.txt").exists());
}

#[test]
fn files_of_another_branch_are_ours_too() {
    let sandbox = two();
    sandbox.run(&["generate"]).says(0, &[]);
    let (lock, template) = (sandbox.read("backsight.lock"), sandbox.read("page.j2"));
    sandbox.write("page.j2", "another branch: {{ model.id }}\n");
    sandbox.run(&["generate"]).says(0, &["2 written"]);
    // Back again: the generated files are not in git, the lock file and the template are.
    sandbox.write("backsight.lock", &lock);
    sandbox.write("page.j2", &template);
    sandbox.run(&["generate"]).says(0, &["2 written"]);
    assert_eq!(sandbox.read("backsight.lock"), lock);
}

#[test]
fn protected_regions_survive() {
    let sandbox = Sandbox::with("version: 1\ngenerations: [{ name: a, template: t.j2, output: a.py }]\n");
    sandbox.write("t.j2", "# version 1\n# backsight:keep imports\n# yours\n# backsight:end\n");
    sandbox.run(&["generate"]).says(0, &[]);
    sandbox.write("a.py", sandbox.read("a.py").replace("# yours", "import mine"));
    sandbox.run(&["generate", "--check"]).says(0, &["1 unchanged"]);
    sandbox.write("t.j2", "# version 2\n# backsight:keep imports\n# yours\n# backsight:end\n");
    sandbox.run(&["generate"]).says(0, &["1 written"]);
    assert_eq!(sandbox.read("a.py"), "# version 2\n# backsight:keep imports\nimport mine\n# backsight:end\n");
    sandbox.write("t.j2", "# version 3\n");
    sandbox.run(&["generate"]).says(1, &["no protected region `imports`", "--force"]);
    assert!(sandbox.read("a.py").contains("import mine"));
    sandbox.write("a.py", sandbox.read("a.py").replace("backsight:end", "gone"));
    sandbox.run(&["generate"]).says(1, &["line 2", "backsight:end"]);
    sandbox.run(&["generate", "--force"]).says(0, &[]);
    assert_eq!(sandbox.read("a.py"), "# version 3\n");
}

#[test]
fn files_are_repeated_for_models_targets_a_matrix_and_rows() {
    let sandbox = Sandbox::with(
        "version: 1\nmodels: [{ id: a }, { id: b }]\ngenerations:\n  - name: cells\n    for_each: models\n    matrix: { opset: [17, \
         18], kind: [x, y] }\n    rows: rows.csv\n    data: { limits: limits.toml, more: more.yml, list: list.json }\n    \
         when: not (matrix.kind == 'y' and model.id == 'b')\n    template: cell.j2\n    output: out/{{ model.id }}-{{ \
         matrix.opset }}{{ matrix.kind }}-{{ row.name }}.txt\n  - name: index\n    for_each: models\n    needs: [cells]\n    \
         many_to_one: true\n    template: index.j2\n    output: index.txt\n",
    );
    sandbox.write("rows.csv", "name,text\nr1,\"a, b\"\nr2,\"say \"\"hi\"\"\"\n");
    sandbox.write("limits.toml", "[limit]\nopset = 18\n");
    sandbox.write("more.yml", "words: [one, two]\n");
    sandbox.write("list.json", "[1, 2]");
    sandbox.write(
        "cell.j2",
        "{{ number }} {{ row.text }} {{ data.limits.limit.opset }} {{ data.more.words[1] }} {{ data.list[0] }}\n",
    );
    let index = "{% for item in items %}{{ item.model.id }};{% endfor %}\n{% for file in generated.cells %}{{ file.output }}\n{% endfor %}";
    sandbox.write("index.j2", index);
    sandbox.run(&["generate"]).says(0, &["12 written, 4 skipped", "1 written"]);
    assert_eq!(sandbox.read("out/a-17x-r2.txt"), "2 say \"hi\" 18 two 1\n");
    assert!(!sandbox.path("out/b-17y-r1.txt").exists());
    let index = sandbox.read("index.txt");
    assert!(index.starts_with("a;b;\nout/a-17x-r1.txt\nout/a-17x-r2.txt\nout/a-17y-r1.txt\n"), "{index}");
    assert_eq!(index.lines().count(), 13);
    let document = sandbox.document();
    let skipped = document.generations.iter().find(|one| one.output == "out/b-17y-r1.txt").unwrap();
    assert_eq!(skipped.state, GenerationState::Skipped);
    assert_eq!(skipped.context.as_deref(), Some("model b, opset 17, kind y, row 1"));
    let checked = sandbox.run(&["check"]);
    assert!(checked.stdout.contains("→ 12 files, 4 left out"), "{}", checked.stdout);
}

#[test]
fn rules_decide_which_pairs_are_made() {
    let sandbox = Sandbox::with(&format!(
        "{}    output: out/{{{{ model.slug }}}}-{{{{ target }}}}.txt\n    targets: [cpu, wasm]\nrules:\n  - {{ when: {{ model: \
         org/two, target: cpu }}, then: skip, code: unsupported_op, reason: no Einsum }}\n",
        TWO.replace("    output: out/{{ model.slug }}.txt\n", "")
    ));
    sandbox.write("page.j2", "{{ model.id }} {{ target }}\n");
    sandbox.run(&["generate"]).says(0, &[]);
    let document = sandbox.document();
    is(&document, "out/org_two-cpu.txt", GenerationState::Skipped, "unsupported_op");
    assert!(sandbox.path("out/org_one-cpu.txt").exists() && !sandbox.path("out/org_two-cpu.txt").exists());
    let junit = fs::read_to_string(sandbox.newest().join("junit.xml")).unwrap();
    assert!(junit.contains("no Einsum"), "{junit}");
}

#[test]
fn two_contexts_never_write_one_file() {
    let clash = |models: &str| {
        let sandbox =
            Sandbox::with(&TWO.replace("models: [{ id: org/one, size: 1 }, { id: org/two, size: 2 }]", models));
        sandbox.write("page.j2", "x\n");
        sandbox.run(&["generate"])
    };
    clash("models: [{ id: org/a.b }, { id: org/a-b }, { id: org/a_b }]")
        .says(2, &["`out/org_a_b.txt`", "for model org/a.b", "for model org/a-b", "for model org/a_b"]);
    let by_case = "version: 1\ngenerations:\n  - { name: a, template: t, output: Made.txt }\n  - { name: b, template: t, output: \
                   ./made.TXT }\n";
    let sandbox = Sandbox::with(by_case);
    sandbox.write("t", "x");
    sandbox.run(&["generate"]).says(2, &["generations/a (as `Made.txt`)", "generations/b"]);
}

#[test]
fn each_rung_is_a_case_and_the_first_that_fails_ends_it() {
    let sandbox = Sandbox::with(
        "version: 1\nmodels: [{ id: good }, { id: unparsed }, { id: mocked }, { id: unlinted }, { id: unrun }]\ngenerations:\n  - name: tests\n    for_each: models\n    template: t.j2\n    output: gen/test_{{ model.id \
         }}.py\n    verify:\n      parse: true\n      forbid: [mocked-subject, empty-test, random-metric, unconditional-skip]\n      \
         subjects: [json]\n      lint: [grep, -qv, unlinted, '{{ output }}']\n      compile: [python3, -m, py_compile, '{{ output \
         }}']\n      run: test \"$BACKSIGHT_MODEL_ID\" != unrun\n",
    );
    let template = "import json\nfrom unittest import mock\n\nMODEL = \"{{ model.id }}\"\n{% if model.id == 'unparsed' %}def broken(:\n    pass\n{% endif \
                    %}\n\ndef test_it():\n{% if model.id == 'mocked' %}    with mock.patch(\"json.loads\"):\n        pass\n{% endif %}    assert \
                    json.loads(\"1\") == 1\n";
    sandbox.write("t.j2", template);
    sandbox.run(&["generate"]).says(1, &["gen/test_unparsed.py:5:", "forbidden patterns", "gen/test_unrun.py"]);
    let document = sandbox.document();
    let rungs = |model: &str| -> Vec<(String, Outcome)> {
        let file = format!("gen/test_{model}.py");
        let ours = document.cases.iter().filter(|case| case.class.as_deref() == Some(file.as_str()));
        ours.map(|case| (case.name.clone(), case.outcome)).collect()
    };
    let passed = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), Outcome::Passed)).collect::<Vec<_>>();
    let failed = |names: &[&str], last: &str| [passed(names), vec![(last.to_owned(), Outcome::Failed)]].concat();
    assert_eq!(rungs("good"), passed(&["parses", "forbidden patterns", "lints", "compiles", "runs"]));
    assert_eq!(rungs("unparsed"), failed(&[], "parses"));
    assert_eq!(rungs("mocked"), failed(&["parses"], "forbidden patterns"));
    assert_eq!(rungs("unrun"), failed(&["parses", "forbidden patterns", "lints", "compiles"], "runs"));
    assert_eq!(step(&document, "generations/tests").status, StepStatus::Failed);
    let unparsed = document.cases.iter().find(|case| case.outcome == Outcome::Failed).unwrap();
    assert_eq!((unparsed.file.as_deref(), unparsed.line), (Some("gen/test_unparsed.py"), Some(5)));
}

#[test]
fn a_rule_of_ones_own_finds_what_its_query_says() {
    let rule = "version: 1\ngenerations:\n  - name: a\n    template: t.j2\n    output: a.py\n    verify:\n      forbid:\n        - { name: \
                no-print, language: python, query: '((call function: (identifier) @f) (#eq? @f \"print\"))', message: no printing }\n";
    let sandbox = Sandbox::with(rule);
    sandbox.write("t.j2", "x = 1\nprint(x)\n");
    sandbox.run(&["generate"]).says(1, &["a.py:2:1: no printing"]);
    sandbox.write("t.j2", "x = 1\n");
    sandbox.run(&["generate"]).says(0, &[]);
    sandbox.write("backsight.yml", rule.replace("(call function", "(cal function"));
    sandbox.run(&["generate"]).says(1, &["no-print", "cal"]);
}

#[test]
fn a_killed_run_is_completed_by_the_next() {
    let sandbox = Sandbox::with(
        "version: 1\ngenerations:\n  - name: many\n    matrix: { n: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] }\n    rows: rows.csv\n    template: \
         t.j2\n    output: out/{{ matrix.n }}/{{ row.name }}.txt\n",
    );
    let rows: String = (0..1000).map(|row| format!("row{row}\n")).collect();
    sandbox.write("rows.csv", format!("name\n{rows}"));
    sandbox.write("t.j2", "{% for line in range(200) %}{{ row.name }} {{ matrix.n }} {{ line }}\n{% endfor %}");
    let running = sandbox.start(&["generate"]);
    let some = || fs::read_dir(sandbox.path("out/1")).is_ok_and(|files| files.count() > 10);
    wait_for(some, "some files");
    running.kill();
    assert!(!sandbox.path("backsight.lock").exists(), "it was over too soon");
    let left = walk(&sandbox.path("out"));
    assert!(left.len() < 10_000, "it was over too soon");
    sandbox.write("t.j2", sandbox.read("t.j2") + "end\n");
    let told = sandbox.run(&["generate"]);
    told.says(0, &["10000 written"]);
    assert_eq!(walk(&sandbox.path("out")).len(), 10_000, "left over: {told:?}");
    sandbox.run(&["generate", "--check"]).says(0, &["10000 unchanged"]);
    let document = sandbox.document();
    assert_eq!(document.counts.generations, 10_000);
    assert_eq!(document.generations.len(), 1000, "the rest is counted");
    assert_eq!(document.unlisted_generations[0].files, 9000);
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn a_set_of_ones_own_checks_its_inputs() {
    let sandbox = Sandbox::with(
        "version: 1\nmodels: [{ id: a, layers: 2 }]\ngenerations:\n  - name: pages\n    for_each: models\n    set: sets/page\n    into: \
         docs\n    with: { title: 'Model {{ model.id }}', layers: 3 }\n",
    );
    sandbox.write(
        "sets/page/templates.yml",
        "name: page\ndescription: A page and an index.\nversion: '1'\ninputs:\n  type: object\n  properties:\n    title: { type: string \
         }\n    layers: { type: integer }\n    mood: { type: string, default: calm }\n  required: [title]\noutputs:\n  - { template: \
         page.md.j2, path: '{{ model.slug }}.md' }\n  - { template: index.md.j2, path: index.md, many_to_one: true }\n",
    );
    sandbox.write("sets/page/page.md.j2", "{% include 'head.j2' %}{{ inputs.mood }} {{ inputs.layers }}\n");
    sandbox.write("sets/page/head.j2", "# {{ inputs.title }}\n");
    sandbox.write("sets/page/index.md.j2", "{% for item in items %}- {{ item.output }}\n{% endfor %}");
    sandbox.run(&["generate"]).says(0, &["2 written"]);
    assert_eq!(sandbox.read("docs/a.md"), "# Model a\ncalm 3\n");
    assert_eq!(sandbox.read("docs/index.md"), "- docs/a.md\n");
    sandbox.write("backsight.yml", sandbox.read("backsight.yml").replace("layers: 3", "layers: three"));
    sandbox.run(&["generate"]).says(2, &["backsight.yml:4", "with: for model a", "layers"]);
    sandbox.write("backsight.yml", sandbox.read("backsight.yml").replace("sets/page", "pytest-modle"));
    sandbox.run(&["generate"]).says(2, &["there is no template set `pytest-modle`, did you mean `pytest-model`?"]);
}

#[test]
fn a_stale_file_is_in_the_report_with_its_diff() {
    let sandbox = two();
    sandbox.run(&["generate"]).says(0, &[]);
    sandbox.write("page.j2", "{{ model.id }} weighs {{ model.size }}\n");
    sandbox.run(&["run", "--check"]).says(1, &[]);
    let report = fs::read_to_string(sandbox.newest().join("report.md")).unwrap();
    for words in ["2 of 2", "out/org_one.txt", "the template changed", "-org/one has 1", "+org/one weighs 1"] {
        assert!(report.contains(words), "`{words}` is not in:\n{report}");
    }
    let html = fs::read_to_string(sandbox.newest().join("report.html")).unwrap();
    assert!(html.contains("org_one.txt"));
}

#[test]
fn what_is_wrong_with_data_says_where() {
    let with = |key: &str, file: &str, content: &str| {
        let sandbox = Sandbox::with(&format!(
            "version: 1\ngenerations:\n  - name: a\n    template: t\n    {key}\n    output: out/{{{{ number }}}}.txt\n"
        ));
        sandbox.write("t", "x");
        if !file.is_empty() {
            sandbox.write(file, content);
        }
        sandbox.run(&["generate"])
    };
    with("rows: r.csv", "r.csv", "a,b\n1\n").says(2, &["r.csv: 2: this row has 1 cells"]);
    with("rows: r.csv", "", "").says(2, &["r.csv", "there is no such file"]);
    with("rows: r.json", "r.json", "{\"a\": 1}").says(2, &["r.json", "this is no list"]);
    with("rows: r.jsonl", "r.jsonl", "{\"a\": 1}\n{\"a\": }\n").says(2, &["2:7"]);
    with("rows: r.txt", "r.txt", "a").says(2, &["its ending says nothing"]);
    with("data: { d: d.json }", "d.json", "{\n  \"a\": x\n}").says(2, &["d.json: 2:8"]);
    with("data: { d: d.toml }", "d.toml", "a = 1\nb = = 2\n").says(2, &["d.toml: 2:5"]);
    with("data: { d: d.yml }", "d.yml", "a: [1\n").says(2, &["d.yml:"]);
    with("matrix: { opset: [] }", "", "").says(2, &["backsight.yml:5:", "empty list"]);
    with("when: matrix.opset > 1", "", "").says(2, &["backsight.yml:5", "matrix"]);
}

#[test]
fn what_is_wrong_with_a_lock_file_says_where() {
    let sandbox = two();
    sandbox.run(&["generate"]).says(0, &[]);
    let lock = sandbox.read("backsight.lock");
    sandbox
        .write("backsight.lock", lock.replace("{\"output\":\"out/org_two", "<<<<<<< HEAD\n{\"output\":\"out/org_two"));
    sandbox.run(&["generate"]).says(1, &["backsight.lock:3: this is no line of a lock file", "merge"]);
    fs::remove_file(sandbox.path("backsight.lock")).unwrap();
    // The notes of the workspace still know what was written here.
    sandbox.run(&["generate"]).says(0, &["2 unchanged"]);
    assert_eq!(sandbox.read("backsight.lock"), lock);
}

#[test]
fn an_unwritable_folder_is_told_and_the_rest_goes_on() {
    let sandbox = two();
    sandbox.write("backsight.yml", TWO.replace("out/{{ model.slug }}", "in/{{ model.slug }}/x"));
    sandbox.write("in/org_one", "a file where a folder is wanted");
    sandbox.run(&["generate"]).says(1, &["FAILED  in/org_one/x.txt", "1 written, 1 failed"]);
    assert_eq!(sandbox.read("in/org_two/x.txt"), "org/two has 2\n");
    if rustix_is_root() {
        return;
    }
    let folder = sandbox.path("in/org_two");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    fs::remove_file(sandbox.path("in/org_one")).unwrap();
    sandbox.write("page.j2", "new\n");
    sandbox.run(&["generate"]).says(1, &["FAILED  in/org_two/x.txt", "ermission"]);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
}

fn rustix_is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn two_runs_at_once_do_not_mix() {
    let sandbox = Sandbox::with(
        "version: 1\ngenerations: [{ name: a, template: t, output: a.out, verify: 'touch begun; sleep 5' }]\n",
    );
    sandbox.write("t", "x");
    let running = sandbox.start(&["generate"]);
    wait_for(|| sandbox.path("begun").exists(), "the verification");
    sandbox.run(&["generate"]).says(1, &["another run generates files in this workspace now"]);
    running.kill();
    std::thread::sleep(Duration::from_millis(50));
}

/// All model types that transformers knows: a test file each, by the set that comes with Backsight. CPython's own parser takes
/// them all, and a Python without any package imports them all.
#[test]
fn every_model_type_gets_a_test_file_that_parses_and_imports() {
    let table = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/pipeline/model_types.tsv")).unwrap();
    let types: Vec<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("type\t")?.split('\t').next())
        .filter(|name| !name.is_empty())
        .collect();
    assert!(types.len() > 800, "{}", types.len());
    let sandbox = Sandbox::with(
        "version: 1\nmodels: [models.json]\ngenerations:\n  - { name: all, for_each: models, set: pytest-model, verify: { parse: true, \
         forbid: [mocked-subject, random-metric, empty-test, unconditional-skip], subjects: [transformers, torch] } }\n",
    );
    let model = |name: &&str| serde_json::json!({ "id": name, "family": name, "model_type": name, "hidden_size": 64, "vocab_size": 1000, "note": "a \"b\" \\ c" });
    let models: Vec<_> = types.iter().map(model).collect();
    sandbox.write("models.json", serde_json::to_string(&models).unwrap());
    let files = types.len();
    sandbox.run(&["generate"]).says(0, &[&format!("{files} written; {} of {} verified", 2 * files, 2 * files)]);
    let script = "import ast, glob, runpy, sys\n\
                  files = sorted(glob.glob('tests/models/*.py'))\n\
                  for file in files:\n    ast.parse(open(file).read(), file)\n    runpy.run_path(file)\n\
                  assert not {'transformers', 'torch', 'pytest', 'numpy'} & set(sys.modules)\n\
                  print(len(files))\n";
    let told = sandbox.finish(&mut sandbox.command_of("python3", &["-I", "-S", "-c", script]));
    assert_eq!((told.code, told.stdout.trim()), (0, files.to_string().as_str()), "{}", told.stderr);
}
