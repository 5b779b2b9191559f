//! Planning by example: a pipeline as JSON in, ids and decisions out.

use serde_json::{Value, json};

use crate::plan::testing::planned;
use crate::plan::{Facts, Invocation, Plan, PlanError, Selection, Work};
use crate::results::Kind;

fn facts() -> Facts {
    Facts { targets: vec!["cpu".into()], today: "2026-11-23".into(), run_id: "r1".into(), ..Facts::default() }
}

fn plan_with(file: Value, selection: &Selection) -> Result<Plan, PlanError> {
    planned(file, &facts(), selection)
}

fn plan(file: Value) -> Plan {
    plan_with(file, &Selection::default()).unwrap()
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.items.iter().map(|item| item.id.as_str()).collect()
}

fn select(kinds: &[Kind], keep: &[&str], skip: &[&str]) -> Selection {
    let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    Selection::new(kinds.to_vec(), &owned(keep), &owned(skip)).unwrap()
}

#[test]
fn steps_repeat_for_models_and_targets_and_say_why_they_are_skipped() {
    let plan = plan(json!({
        "models": [{"id": "a", "family": "whisper"}, {"id": "b"}],
        "benchmarks": [{"name": "encode", "run": ["x", "{{ model.id }}"], "for_each": "models", "targets": ["cpu", "cuda"]}],
        "rules": [{"when": {"family": "whisper", "target": "c*a"}, "then": "skip", "code": "unsupported_op", "reason": "no Einsum"}],
    }));
    let told: Vec<_> =
        plan.items.iter().map(|item| (item.id.as_str(), item.skip.as_ref().map(|why| why.code.as_str()))).collect();
    assert_eq!(
        told,
        [
            ("benchmarks/encode[model=a,target=cpu]", None),
            ("benchmarks/encode[model=a,target=cuda]", Some("unsupported_op")),
            ("benchmarks/encode[model=b,target=cpu]", None),
            ("benchmarks/encode[model=b,target=cuda]", Some("no_device")),
        ]
    );
    let Work::Benchmark(measure) = &plan.items[0].work else { panic!("a benchmark") };
    assert_eq!(measure.run, Invocation::Args(vec!["x".into(), "a".into()]));
}

/// Each precision is a step of its own, with a file of its own.
#[test]
fn a_model_with_several_files_is_repeated_for_each() {
    let models = json!([
        {"id": "a", "path": "a.onnx", "onnx": {"files": {"int8": "{{ model.id }}/q.onnx", "fp32": "a/f.onnx"}}},
        {"id": "b", "path": "b.onnx"}
    ]);
    let file =
        |onnx: Value| json!({"models": models, "benchmarks": [{"name": "l", "for_each": "models", "onnx": onnx}]});
    let told = |plan: &Plan| -> Vec<(String, String)> {
        let of = |work: &Work| match work {
            Work::Benchmark(measure) => measure.run.display(),
            _ => panic!("{work:?}"),
        };
        let last = |command: String| command.rsplit(' ').next().unwrap().to_owned();
        plan.items.iter().map(|item| (item.id.clone(), last(of(&item.work)))).collect()
    };
    let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(id, path)| (format!("benchmarks/l[model={id}]"), (*path).to_owned())).collect()
    };
    let all = plan(file(json!({"threads": [1, 2]})));
    assert_eq!(told(&all), own(&[("a,precision=fp32", "a/f.onnx"), ("a,precision=int8", "a/q.onnx"), ("b", "b.onnx")]));
    let Work::Benchmark(measure) = &all.items[1].work else { panic!("a benchmark") };
    assert!(measure.run.display().contains("--precision int8 --threads 1,2"), "{}", measure.run.display());
    let named = plan(file(json!({"model": "{{ model.path }}"})));
    assert_eq!(told(&named), own(&[("a", "a.onnx"), ("b", "b.onnx")]), "one file that the step names wins");
    let error = plan_with(file(json!({"precisions": ["fp16"]})), &Selection::default()).unwrap_err().to_string();
    assert!(error.contains("the model `a` has no file of the precision `fp16` (it has fp32, int8)"), "{error}");
    let own_files = json!({"benchmarks": [{"name": "l", "onnx": {"files": {"fp32": "x.onnx", "int8": "y.onnx"}, "precisions": ["int8"]}}]});
    let chosen = plan(own_files);
    assert_eq!(ids(&chosen), ["benchmarks/l[precision=int8]"]);
}

#[test]
fn a_models_name_never_becomes_shell_text() {
    let plan = plan(json!({
        "models": [{"id": "a; rm -rf /"}],
        "tests": [{"name": "t", "run": "check $BACKSIGHT_MODEL_ID", "for_each": "models"}],
    }));
    let Work::Test { run, .. } = &plan.items[0].work else { panic!("a test") };
    assert_eq!(run.argv(), ["sh", "-e", "-c", "check $BACKSIGHT_MODEL_ID"]);
    assert!(plan.items[0].env.contains(&("BACKSIGHT_MODEL_ID".into(), "a; rm -rf /".into())));
}

#[test]
fn what_is_needed_comes_first_and_is_pulled_in() {
    let file = json!({
        "generations": [{"name": "gen", "template": "t", "output": "o"}],
        "tests": [
            {"name": "late", "run": "x", "needs": ["early"]},
            {"name": "early", "run": "x", "needs": ["gen"]},
            {"name": "other", "run": "x"},
        ],
        "benchmarks": [{"name": "b", "run": "x", "needs": ["tests/early"]}],
    });
    let whole = plan(file.clone());
    assert_eq!(ids(&whole), ["generations/gen", "tests/early", "tests/late", "tests/other", "benchmarks/b"]);
    assert_eq!(whole.items[2].needs, [1]);
    let only = plan_with(file.clone(), &select(&[Kind::Benchmark], &[], &[])).unwrap();
    assert_eq!(ids(&only), ["generations/gen", "tests/early", "benchmarks/b"]);
    let without = plan_with(file, &select(&[], &[], &["gen"])).unwrap();
    assert_eq!(ids(&without)[0], "tests/early");
    assert_eq!(without.items[0].skip.as_ref().map(|why| why.code.as_str()), Some("needs_skipped"));
}

#[test]
fn a_circle_is_named() {
    let error = plan_with(
        json!({"tests": [{"name": "a", "run": "x", "needs": ["b"]}, {"name": "b", "run": "x", "needs": ["a"]}]}),
        &Selection::default(),
    );
    let text = error.unwrap_err().to_string();
    assert_eq!(text, "the steps need each other in a circle: tests/a -> tests/b -> tests/a");
}

#[test]
fn the_manner_of_a_benchmark_is_final_and_stays_inside() {
    let file = |stdin: &str| {
        json!({
            "models": [{"id": "a", "path": "../../etc/x"}],
            "benchmarks": [{
                "name": "b", "run": "x", "for_each": "models", "stdin": stdin,
                "prepare": ["rm", "{{ model.slug }}"], "cleanup": "sync", "pin": [1], "clean_env": true
            }],
        })
    };
    let planned = plan(file("in/{{ model.slug }}/../x"));
    let Work::Benchmark(measure) = &planned.items[0].work else { panic!("{planned:?}") };
    let told = measure.manner.display(&measure.metrics).join("; ");
    assert_eq!(told, "prepare: rm a; cleanup: sync; stdin: in/a/../x; pin: 1; clean environment");
    for outside in ["{{ model.path }}", "a/../../{{ target }}", "/{{ target }}"] {
        let error = plan_with(file(outside), &Selection::default()).unwrap_err().to_string();
        assert!(error.contains("stdin") && error.contains("leaves the workspace"), "{error}");
    }
}

#[test]
fn two_models_must_not_write_one_file() {
    let error = plan_with(
        json!({
            "models": [{"id": "A-b"}, {"id": "a.B"}],
            "generations": [{"name": "g", "template": "t", "output": "{{ model.slug }}.py", "for_each": "models"}],
        }),
        &Selection::default(),
    );
    assert!(error.unwrap_err().to_string().starts_with("two generations write `a_b.py`"));
}

#[test]
fn conditions_skip_and_rules_run_out() {
    let plan = plan(json!({
        "tests": [{"name": "a", "run": "x", "if": "ci"}, {"name": "b", "run": "x", "if": "not ci"}],
        "rules": [{"when": {"step": "b"}, "then": "skip", "code": "old", "reason": "was broken", "until": "2026-11-23"}],
        "require": ["cuda"],
    }));
    assert_eq!(plan.items[0].skip.as_ref().map(|why| why.code.as_str()), Some("condition_false"));
    assert_eq!(plan.items[1].skip, None);
    assert_eq!(plan.missing_targets, ["cuda"]);
    assert!(plan.remarks[0].contains("ended on 2026-11-23"), "{:?}", plan.remarks);
}
