//! Files as data: what is read, and what is said of wrong ones.

use super::{Command, parse};

fn errors(text: &str) -> Vec<String> {
    let told = |found: Vec<super::Diagnostic>| {
        found
            .iter()
            .map(|error| {
                let (line, column) = error.position(text);
                format!("{line}:{column} {}", error.message)
            })
            .collect()
    };
    parse(text).map_or_else(told, |_| Vec::new())
}

#[test]
fn the_smallest_useful_file_is_three_lines() {
    let parsed = parse("version: 1\nbenchmarks:\n  - run: ./app\n").unwrap();
    assert_eq!(parsed.pipeline.benchmarks[0].common.name, "app");
    assert_eq!(parsed.positions.of("benchmarks", 0), Some(27..37));
}

#[test]
fn all_mistakes_are_told_at_once_with_their_places() {
    let text = "version: 1\nbenchmark:\n  - run: x\ntests:\n  - run: 3\n    timeout: 10\n    retris: 1\n  - name: b\n";
    assert_eq!(
        errors(text),
        [
            "2:1 unknown key `benchmark` in a pipeline, did you mean `benchmarks`?",
            "5:10 `run` wants text or a list of texts, found 3",
            "6:14 `timeout` wants a duration such as 30s, 10m or 1h, found 10",
            "7:5 unknown key `retris` in a test, did you mean `retries`?",
            "8:5 `run` is missing in a test",
        ]
    );
}

#[test]
fn values_of_env_are_text_as_written() {
    let parsed =
        parse("version: 1\nenv: {PORT: 8080, ON: true, E:}\ntests:\n  - run: x\n    env: {V: 1.10}\n").unwrap();
    let env = &parsed.pipeline.env;
    assert_eq!((env["PORT"].as_str(), env["ON"].as_str()), ("8080", "true"));
    assert_eq!(parsed.pipeline.tests[0].common.env["V"], "1.10");
}

#[test]
fn a_shell_string_is_never_a_template() {
    let found =
        parse("version: 1\nmodels: [{id: a}]\ntests:\n  - {run: 'x {{ model.id }}', for_each: models}\n").unwrap_err();
    assert!(found[0].help.as_deref().unwrap().contains("$BACKSIGHT_MODEL_ID"));
    let list =
        parse("version: 1\nmodels: [{id: a}]\ntests:\n  - {run: [x, '{{ model.id }}'], for_each: models}\n").unwrap();
    assert!(matches!(list.pipeline.tests[0].run, Command::Args(_)));
}

#[test]
fn sense_is_checked_after_shape() {
    for (text, want) in [
        ("tests:\n  - {name: a, run: x, needs: [b]}", "there is no step `b`"),
        (
            "tests:\n  - {name: a, run: x, needs: [c]}\n  - {name: c, run: x, needs: [a]}",
            "the steps need each other in a circle: tests/a → tests/c → tests/a",
        ),
        ("tests:\n  - {name: a, run: x}\n  - {name: a, run: y}", "two tests are called `a`"),
        (
            "tests:\n  - {name: \"a\\nb\", run: x}",
            "a name cannot hold control characters, `/`, `[` or `]`, which separate the parts of an id",
        ),
        ("tests:\n  - {run: x, targets: [cudda]}", "unknown target `cudda`, did you mean `cuda`?"),
        ("tests:\n  - {run: x, for_each: models}", "there are no models to repeat this for"),
        ("tests:\n  - {run: [x, '{{ model.id }}']}", "the template of `run` does not see `model`"),
        ("tests:\n  - {run: [x, '{{ modle }}']}", "the template of `run` does not see `modle`"),
        (
            "tests:\n  - {run: [x, '{{ target']}",
            "`run` is no template: unexpected end of input, expected end of variable block",
        ),
        ("tests:\n  - {run: x, if: brunch == 'x'}", "`if` does not know `brunch`, did you mean `branch`?"),
        ("tests:\n  - {run: x, if: 'a and'}", "`if` is no condition: unexpected end of input, expected expression"),
        ("tests:\n  - {run: x, working_dir: ../x}", "`working_dir` leaves the workspace by `..`"),
        (
            "tests:\n  - {run: x, working_dir: /x}",
            "`working_dir` is an absolute path; it is relative to the pipeline file",
        ),
        ("tests:\n  - {run: x, secrets: [KEY]}", "secret `KEY` is not declared"),
        ("tests:\n  - {run: x, retries: 11}", "`retries` wants a whole number from 0 to 10, found 11"),
        ("tests:\n  - {run: ''}", "`run` is empty"),
        (
            "benchmarks:\n  - {run: x, output: y.json}",
            "`output` says where a harness reports, but there is no `harness`",
        ),
        ("benchmarks:\n  - {run: x, harness: libtests}", "`harness` cannot be `libtests`, did you mean `libtest`?"),
        ("benchmarks:\n  - {run: x, regression: 2}", "`regression` wants a share such as 2%, found 2"),
        ("tests: []", "there is nothing to run"),
        (
            "tests: [{run: x}]\nrules: [{when: {famly: b}, then: skip, code: c, reason: r}]",
            "no model has `famly`, did you mean `family`?",
        ),
    ] {
        let found = errors(&format!("version: 1\n{text}\n"));
        assert!(found.iter().any(|error| error.ends_with(want)), "{text}\n{found:#?}");
    }
}

#[test]
fn versions_are_asked_for() {
    assert_eq!(errors("version: 2\ntests: [{run: x}]\n"), ["1:10 version 2 of the format is not known"]);
    assert_eq!(errors("tests: [{run: x}]\n"), ["1:1 `version` is missing in a pipeline"]);
    assert_eq!(errors(""), ["1:1 the file is empty"]);
}

#[test]
fn no_text_makes_it_panic() {
    let text = include_str!("../../examples/quickstart/backsight.yml");
    parse(text).unwrap();
    for end in 0..text.len() {
        if let Some(part) = text.get(..end) {
            let _ = parse(part);
        }
    }
    let mut bytes = text.as_bytes().to_vec();
    for at in (0..bytes.len()).step_by(7) {
        for junk in [b'{', b'\0', b'&', b'*', b'-', b'\t'] {
            let kept = std::mem::replace(&mut bytes[at], junk);
            if let Ok(text) = std::str::from_utf8(&bytes) {
                let _ = parse(text);
            }
            bytes[at] = kept;
        }
    }
}
