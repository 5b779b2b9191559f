//! The template sets that come with Backsight, rendered with their examples and with hostile names; what they become is
//! read by the real counterparts: CPython, PyTest, cargo, GitHub's and GitLab's schemas and linters, a reader of Markdown,
//! and `backsight convert`.

use std::process::Command;

use backsight::pipeline::{Model, read_as};
use backsight::plan::{Facts, Template};
use backsight::templating::{Inputs, built_in, describe};
use minijinja::value::Serde;
use serde_json::{Map, Value, json};

use super::sandbox::Sandbox;

/// Ids that would like to be something else.
const HOSTILE: [&str; 12] = [
    "org/plain-model",
    "a\"\"\"\nimport os\nos.system('false')\n\"\"\"",
    "a'''\n'''",
    "\\",
    "a\\",
    "x: y\n  - run: evil",
    "${{ secrets.TOKEN }} $HOME $(id) `id` $$",
    "[x](http://host.example) <img src=x> @name | a ** b",
    "*/ --> #} coding: utf-7 \u{202e}\u{2028}",
    "def class 模型 🤗",
    "{{ 7 * 7 }}{% raw %}",
    "a*b?{c}!",
];

/// What the set makes of a model and inputs: paths and texts.
fn rendered(name: &str, model: &Value, given: Value) -> Vec<(String, String)> {
    let set = built_in(name).unwrap();
    let model: Model = serde_json::from_value(model.clone()).unwrap();
    let seen = Template::new(&Facts::default(), "step", Some(&model), "cpu");
    let mut one = seen.values().as_object().unwrap().clone();
    let mut inputs = given;
    Inputs::compile(set.manifest.inputs.as_ref().unwrap()).unwrap().check(&mut inputs).unwrap();
    one.insert("inputs".into(), inputs.clone());
    let all = json!({ "project": "p", "inputs": inputs, "items": [one.clone(), one.clone()] });
    let engine = set.engine().unwrap();
    let mut made = Vec::new();
    for output in &set.manifest.outputs {
        let values = if output.many_to_one { all.clone() } else { Value::Object(one.clone()) };
        let path = engine.render_str(&output.path, Serde(&values)).unwrap();
        let template = engine.get_template(&output.template).unwrap();
        made.push((path, template.render(Serde(&values)).unwrap_or_else(|error| panic!("{}", describe(&error)))));
    }
    made
}

fn model(id: &str) -> Value {
    json!({
        "id": id, "family": id, "task": id, "path": format!("models/{id}.onnx"),
        "model_type": "bert", "hidden_size": 8, "note": id, id: {"nested": [id, null, 1.5]},
    })
}

/// Runs a program in the workspace; `None`, with a word on it, where there is no such program here.
fn asked(sandbox: &Sandbox, program: &str, args: &[&str]) -> Option<super::sandbox::Outcome> {
    if Command::new(program).arg("--version").output().is_err() {
        eprintln!("{program} is not installed here, and was not asked");
        return None;
    }
    Some(sandbox.finish(&mut sandbox.command_of(program, args)))
}

#[track_caller]
fn passes(sandbox: &Sandbox, program: &str, args: &[&str]) {
    if let Some(told) = asked(sandbox, program, args) {
        assert_eq!(told.code, 0, "{program} {args:?}: {}{}", told.stdout, told.stderr);
    }
}

/// What a module says, imported with nothing but the standard library, by the names of its constants.
fn constants(sandbox: &Sandbox, file: &str, names: &[&str]) -> Value {
    let script = "import json, runpy, sys\n\
                  said = runpy.run_path(sys.argv[1])\n\
                  print(json.dumps([said['__doc__']] + [said[name] for name in sys.argv[2:]]))";
    let args: Vec<&str> = ["-I", "-S", "-c", script, file].into_iter().chain(names.iter().copied()).collect();
    let told = sandbox.finish(&mut sandbox.command_of("python3", &args));
    assert_eq!(told.code, 0, "{}\n{}", told.stderr, sandbox.read(file));
    serde_json::from_str(&told.stdout).unwrap()
}

#[test]
fn tests_of_models_can_be_imported_by_python_alone_and_collected() {
    let sandbox = Sandbox::new();
    for (index, id) in HOSTILE.into_iter().enumerate() {
        let made = rendered("pytest-model", &model(id), json!({}));
        let file = format!("tests/test_m{index}.py");
        sandbox.write(&file, &made[0].1);
        let said = constants(&sandbox, &file, &["MODEL_TYPE", "CONFIG", "REDUCED"]);
        assert!(said[0].as_str().unwrap().starts_with(&format!("Tests of {id}, built small")), "{said}");
        assert_eq!((&said[1], &said[2]["note"], &said[3]), (&json!("bert"), &json!(id), &json!({"hidden_size": 32})));
        assert_eq!(said[2][id], json!({"nested": [id, null, 1.5]}));
    }
    if let Some(told) = asked(&sandbox, "pytest", &["--collect-only", "-q", "tests"]) {
        assert_eq!(told.code, 0, "{}", told.stdout);
        assert!(
            told.stdout.contains("tests/test_m1.py::test_configuration_has_each_size[hidden_size]"),
            "{}",
            told.stdout
        );
    }
    // Where the library is not installed each test says so, and none passes for nothing.
    if let Some(told) = asked(&sandbox, "pytest", &["-q", "-rs", "tests/test_m0.py"]) {
        assert_eq!(told.code, 0, "{}", told.stdout);
        assert!(
            told.stdout.contains("could not import 'transformers'") || told.stdout.contains(" passed"),
            "{}",
            told.stdout
        );
    }
}

#[test]
fn golden_tests_can_be_imported_by_python_alone_and_collected() {
    let sandbox = Sandbox::new();
    for (index, id) in HOSTILE.into_iter().enumerate() {
        for (kind, inputs) in [("file", json!({"sizes": {id: 3}})), ("export", json!({"factory": "nets:make"}))] {
            let made = rendered("onnx-golden", &model(id), inputs);
            let file = format!("tests/test_{kind}{index}.py");
            sandbox.write(&file, &made[0].1);
            let said = constants(&sandbox, &file, &["MODEL", if kind == "file" { "SIZES" } else { "FACTORY" }]);
            assert_eq!(said[1], id);
            assert_eq!(said[2], if kind == "file" { json!({id: 3}) } else { json!("nets:make") });
        }
    }
    if let Some(told) = asked(&sandbox, "pytest", &["--collect-only", "-q", "tests"]) {
        assert_eq!(told.code, 0, "{}", told.stdout);
        assert!(
            told.stdout.contains("tests/test_export1.py::test_answers_are_those_of_the_original"),
            "{}",
            told.stdout
        );
    }
}

#[test]
fn a_workflow_is_right_for_github_and_its_linters() {
    for id in HOSTILE {
        let sandbox = Sandbox::new();
        let inputs = json!({"per_model": true, "runners": {"cpu": "ubuntu-24.04", "cuda": ["self-hosted", id]}});
        let made = rendered("github-workflow", &model(id), inputs);
        assert_eq!(made[0].0, ".github/workflows/backsight.yml");
        let workflow = read_as::<Map<String, Value>>(&made[0].1, "a workflow").unwrap().value;
        let legs = workflow["jobs"]["backsight"]["strategy"]["matrix"]["include"].as_array().unwrap();
        assert_eq!(legs.len(), 4);
        let plain = |text: &Value| text.as_str().unwrap().replace("${{ '${{' }}", "${{");
        assert_eq!(plain(&legs[0]["leg"]), format!("cpu: {id}"));
        assert_eq!(plain(&legs[3]["runner"][1]), id);
        assert!(!made[0].1.contains("${{ secrets"), "{}", made[0].1);
        sandbox.write(&made[0].0, &made[0].1);
        let file = made[0].0.as_str();
        passes(&sandbox, "check-jsonschema", &["--builtin-schema", "vendor.github-workflows", file]);
        if id == HOSTILE[0] || id == HOSTILE[6] {
            // A label that no runner has is a finding, and rightly so.
            passes(&sandbox, "actionlint", &["-ignore", "label .* is unknown", file]);
            passes(&sandbox, "zizmor", &["--offline", "--pedantic", "--quiet", ".github/workflows"]);
        }
    }
}

#[test]
fn a_job_is_right_for_gitlab() {
    for id in HOSTILE {
        let sandbox = Sandbox::new();
        let inputs = json!({"per_model": true, "image": "rust:1", "tags": {"cpu": [], "cuda": [id]}});
        let made = rendered("gitlab-job", &model(id), inputs);
        let jobs = read_as::<Map<String, Value>>(&made[0].1, "a job").unwrap().value;
        let leg = jobs["backsight cuda"]["parallel"]["matrix"][0]["LEG"].as_str().unwrap();
        assert_eq!(leg.replace("$$", "$"), format!("cuda: {id}"));
        assert!(!leg.replace("$$", "").contains('$'), "{leg}");
        assert_eq!(jobs["backsight cuda"]["tags"], json!([id]));
        sandbox.write("job.yml", &made[0].1);
        passes(&sandbox, "check-jsonschema", &["--builtin-schema", "vendor.gitlab-ci", "job.yml"]);
    }
}

/// GitHub takes no expression where a workflow's name stands, so there is no way to write this one as a text.
#[test]
fn a_workflow_has_no_name_that_github_evaluates() {
    let set = built_in("github-workflow").unwrap();
    let inputs = Inputs::compile(set.manifest.inputs.as_ref().unwrap()).unwrap();
    for refused in [json!({"name": "a ${{ secrets.TOKEN }}"}), json!({"branches": ["${{ x }}"]})] {
        assert!(inputs.check(&mut refused.clone()).is_err(), "{refused}");
    }
    assert!(inputs.check(&mut json!({"name": "a $ {{ b }}: c"})).is_ok());
}

/// The globs of both mean just the steps of their model.
#[test]
fn a_job_of_one_model_keeps_the_steps_of_that_model() {
    let ids = ["org/a", "org/ab", "a*b?{c}!", "x\\d"];
    let models: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
    let pipeline = json!({
        "version": 1, "models": models,
        "tests": [{"name": "one", "for_each": "models", "run": "true"},
                  {"name": "two", "for_each": "models", "targets": ["cpu"], "run": "true"}],
    });
    let sandbox = Sandbox::with(&pipeline.to_string());
    for id in ids {
        let made = rendered("github-workflow", &json!({ "id": id }), json!({"per_model": true}));
        let workflow = read_as::<Map<String, Value>>(&made[0].1, "a workflow").unwrap().value;
        let keep = workflow["jobs"]["backsight"]["strategy"]["matrix"]["include"][0]["keep"].as_str().unwrap();
        let told = sandbox.run(&["check", "--keep", keep, "--format", "json"]);
        let checked: Value = serde_json::from_str(&told.stdout).unwrap();
        let steps: Vec<&str> = checked["steps"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|step| step["runs"] == true)
            .map(|step| step["id"].as_str().unwrap())
            .collect();
        assert_eq!(steps, [format!("tests/one[model={id}]"), format!("tests/two[model={id},target=cpu]")], "{keep}");
    }
}

#[test]
fn an_integration_test_is_compiled_and_run_by_cargo() {
    let mut cases = vec![
        json!({"name": "repeats what it reads", "stdin": "a\nb\n", "stdout": "a\nb\n"}),
        json!({"name": "repeats what it reads", "args": ["--code"], "code": 3, "stderr": ["three"]}),
        json!({"name": "repeats what it reads 2", "env": {"GREETING": "hello \"you\""}, "contains": ["hello \"you\""]}),
    ];
    for id in HOSTILE {
        cases.push(json!({"name": id, "args": [id], "stdin": id, "contains": [id]}));
    }
    let made = rendered("rust-integration-test", &model("a"), json!({"binary": "my-tool", "cases": cases}));
    let sandbox = Sandbox::new();
    sandbox
        .write("Cargo.toml", "[package]\nname = \"my-tool\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n");
    sandbox.write(
        "src/main.rs",
        "use std::io::Read;\nfn main() {\n    let args: Vec<String> = std::env::args().skip(1).collect();\n\
         if args == [\"--code\"] { eprintln!(\"three\"); std::process::exit(3) }\n\
         let mut text = String::new();\n    std::io::stdin().read_to_string(&mut text).unwrap();\n\
         print!(\"{text}{}{}\", args.concat(), std::env::var(\"GREETING\").unwrap_or_default());\n}\n",
    );
    sandbox.write(&made[0].0, &made[0].1);
    let mut cargo = sandbox.command_of("cargo", &["test", "--offline", "--quiet"]);
    // Where the toolchain is, and nothing else of the surroundings.
    for name in ["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
        cargo.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    let home = std::env::var_os("HOME").unwrap();
    cargo.env("HOME", home).env("RUSTFLAGS", "-D warnings");
    let told = sandbox.finish(&mut cargo);
    assert_eq!(told.code, 0, "{}{}\n{}", told.stdout, told.stderr, made[0].1);
    assert!(told.stdout.contains("15 passed"), "{}", told.stdout);
}

#[test]
fn pages_of_models_hold_names_and_nothing_else() {
    let mut options = comrak::Options::default();
    (options.extension.table, options.extension.autolink) = (true, true);
    options.render.r#unsafe = true;
    for id in HOSTILE {
        let made = rendered("model-page", &model(id), json!({}));
        let page = comrak::markdown_to_html(&made[0].1, &options);
        let index = comrak::markdown_to_html(&made[1].1, &options);
        for html in [&page, &index] {
            assert!(!html.contains("<img") && !html.contains("http://host.example\""), "{html}");
            assert_eq!(html.matches("<h1>").count(), 1, "{html}");
        }
        assert_eq!(page.matches("<a ").count(), 1, "{page}");
        assert_eq!(index.matches("<a ").count(), 2, "{index}");
        // The head, three rows (task, family, path), the note, the size, the type and the nested one.
        assert_eq!((page.matches("<table>").count(), page.matches("<tr>").count()), (2, 9), "{page}");
    }
}

#[test]
fn a_driver_measures_and_backsight_reads_it() {
    for id in HOSTILE {
        let sandbox = Sandbox::new();
        let inputs = json!({
            "function": "json:dumps", "arguments": [[1, id, null, {id: true}]],
            "parameters": [{}, {"indent": 2, "sort_keys": true}],
            "samples": 3, "sample_ms": 0.01, "per_call": {"items": 4},
        });
        let made = rendered("benchmark-driver", &model(id), inputs);
        sandbox.write("bench.py", &made[0].1);
        let told = sandbox.finish(&mut sandbox.command_of("python3", &["-I", "bench.py"]));
        assert_eq!(told.code, 0, "{}\n{}", told.stderr, made[0].1);
        sandbox.write("bench.json", &told.stdout);
        let read = sandbox.run(&["convert", "--harness", "backsight", "bench.json"]);
        assert_eq!(read.code, 0, "{}", read.stderr);
        let read: Value = serde_json::from_str(&read.stdout).unwrap();
        let found = read["benchmarks"].as_array().unwrap();
        assert_eq!((found.len(), &found[1]["parameters"]["indent"]), (2, &json!("2")));
        assert_eq!(found[0]["parameters"]["model"], id);
        let metrics: Vec<&str> =
            found[0]["metrics"].as_array().unwrap().iter().map(|one| one["metric"].as_str().unwrap()).collect();
        assert_eq!(metrics, ["wall_time", "items_rate"]);
        assert!(found[0]["metrics"][0]["value"].as_f64().unwrap() > 10.0, "{read}");
    }
}

/// A driver whose function is set up for a model: the time of the setup is not measured.
#[test]
fn a_driver_sets_up_once() {
    let sandbox = Sandbox::new();
    sandbox.write("work.py", "import time\nCALLS = []\ndef make(model, size):\n    time.sleep(0.2)\n    CALLS.append(model)\n    \
                              return [model] * size\ndef use(things, more):\n    assert CALLS == ['org/m']\n    return len(things) + more\n");
    let inputs = json!({"function": "work:use", "setup": "work:make", "arguments": [1], "parameters": [{"size": 3}],
                        "samples": 3, "sample_ms": 0.01});
    let made = rendered("benchmark-driver", &json!({"id": "org/m"}), inputs);
    sandbox.write("bench.py", &made[0].1);
    let told = sandbox.finish(&mut sandbox.command_of("python3", &["bench.py"]));
    assert_eq!(told.code, 0, "{}", told.stderr);
    let said: Value = serde_json::from_str(&told.stdout).unwrap();
    let samples = said["benchmarks"][0]["metrics"][0]["samples"].as_array().unwrap();
    assert!(samples.iter().all(|sample| sample.as_f64().unwrap() < 0.1e9), "{samples:?}");
    assert_eq!(said["benchmarks"][0]["parameters"], json!({"model": "org/m", "size": 3}));
}
