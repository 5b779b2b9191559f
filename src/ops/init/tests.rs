//! Small repositories of each kind, and what is proposed for them.

use std::fs;
use std::path::Path;

use super::{FILE_NAME, InitError, propose, write};

fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("project-").tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// What is proposed where nothing that runs tests was recognised: a step that passes and asks to be replaced.
const NOTHING: &str = "version: 1\ntests:\n  - name: replace-me\n    run: \"true\"";

/// The lines of the proposal without comments and the head.
fn proposed(files: &[(&str, &str)]) -> String {
    let folder = repository(files);
    let text = propose(folder.path()).unwrap().text;
    let is_step =
        |line: &&str| !line.trim_start().starts_with('#') && !line.starts_with("project:") && !line.is_empty();
    text.lines().filter(is_step).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_empty_folder_gets_a_test_to_replace_and_benchmarks_as_comments() {
    let text = propose(repository(&[]).path()).unwrap().text;
    assert!(text.contains("put your command here") && text.contains("\n# benchmarks:\n"), "{text}");
    assert_eq!(proposed(&[]), NOTHING);
}

#[test]
fn a_cargo_workspace_with_nextest_criterion_and_a_program() {
    let found = proposed(&[
        ("Cargo.toml", "[workspace]\nmembers = [\"app\"]\n"),
        (".config/nextest.toml", "[profile.ci.junit]\npath = \"junit.xml\" # here\n"),
        ("app/src/main.rs", ""),
        (
            "app/Cargo.toml",
            "[package]\nname = \"app\"\n[dependencies]\nclap = \"4\"\n[dev-dependencies]\ncriterion = \"0.7\"\n\
             [[bench]]\nname = \"parse\"\nharness = false\n[[bench]]\nname = \"plain\"\n",
        ),
    ]);
    let want = r#"version: 1
tests:
  - name: cargo
    timeout: 30m
    junit: target/nextest/ci/junit.xml
    env: { CARGO_TARGET_DIR: target }
    run: [cargo, nextest, run, --profile, ci, --workspace]
benchmarks:
  - name: criterion
    build: cargo bench --workspace --bench parse --no-run
    harness: libtest
    timeout: 30m
    run: [cargo, bench, --workspace, --bench, parse, --, --output-format, bencher]
  - name: start
    build: cargo build --release --bin app
    env: { CARGO_TARGET_DIR: target }
    run: [./target/release/app, --help]
gate:
  regression: 2%"#;
    assert_eq!(found, want);
}

#[test]
fn plain_cargo_is_judged_by_its_exit_code() {
    let found = proposed(&[("Cargo.toml", "[package]\nname = \"x\"\n"), ("src/main.rs", "")]);
    assert_eq!(found, "version: 1\ntests:\n  - name: cargo\n    timeout: 30m\n    run: [cargo, test]");
}

#[test]
fn pytest_with_its_benchmarks_in_a_folder() {
    let found = proposed(&[
        ("server/pyproject.toml", "[dependency-groups]\ndev = [\"pytest-benchmark>=5\"]\n"),
        ("server/uv.lock", ""),
        ("server/tests/test_a.py", "import pytest\n"),
    ]);
    let want = r#"version: 1
tests:
  - name: pytest
    working_dir: server
    timeout: 30m
    run: uv run python -m pytest -q --benchmark-disable --junitxml="$BACKSIGHT_JUNIT"
benchmarks:
  - name: pytest-benchmark
    working_dir: server
    harness: pytest-benchmark
    output: ".benchmarks/backsight.json"
    timeout: 30m
    run: mkdir -p .benchmarks && uv run python -m pytest -q --benchmark-only --benchmark-json=.benchmarks/backsight.json
gate:
  regression: 2%"#;
    assert_eq!(found, want);
}

#[test]
fn unittest_where_there_is_no_pytest() {
    let found = proposed(&[("tests/test_a.py", "import unittest\n")]);
    assert!(found.ends_with("run: [python3, -m, unittest, discover, -s, tests]"), "{found}");
    let top = proposed(&[("setup.py", ""), ("test_a.py", "")]);
    assert!(top.ends_with("run: [python3, -m, unittest, discover]"), "{top}");
}

#[test]
fn each_javascript_runner_gets_its_reporter() {
    let step = |package: &str, lock: &str| {
        let found = proposed(&[("package.json", package), (lock, "")]);
        found.lines().filter(|line| line.contains("run: ")).map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        step(r#"{"devDependencies": {"vitest": "3"}}"#, "pnpm-lock.yaml"),
        [r#"run: pnpm exec vitest run --reporter=default --reporter=junit --outputFile.junit="$BACKSIGHT_JUNIT""#]
    );
    assert_eq!(step(r#"{"devDependencies": {"jest": "30"}}"#, "yarn.lock"), ["run: yarn test"]);
    assert_eq!(
        step(r#"{"devDependencies": {"jest": "30", "jest-junit": "16", "@playwright/test": "1"}}"#, "x"),
        [
            r#"run: PLAYWRIGHT_JUNIT_OUTPUT_NAME="$BACKSIGHT_JUNIT" npx --no-install playwright test --reporter=list,junit"#,
            r#"run: JEST_JUNIT_OUTPUT_FILE="$BACKSIGHT_JUNIT" npx --no-install jest --ci --reporters=default --reporters=jest-junit"#,
        ]
    );
    let mocha = r#"{"scripts": {"test": "mocha"}, "devDependencies": {"mocha": "11"}}"#;
    assert_eq!(
        step(mocha, "x"),
        [r#"run: npx --no-install mocha --reporter xunit --reporter-option output="$BACKSIGHT_JUNIT""#]
    );
    let nothing = [r#"run: "true""#];
    assert_eq!(step(r#"{"scripts": {"test": "echo \"Error: no test specified\" && exit 1"}}"#, "x"), nothing);
    assert_eq!(step(r#"{"scripts": {"test": "node --test test/; rm -rf x"}}"#, "x"), ["run: npm test"]);
    assert_eq!(step("[", "x"), nothing);
    assert_eq!(step(r#"{"scripts": 3, "devDependencies": null}"#, "x"), nothing);
}

#[test]
fn go_cmake_and_make() {
    let go = proposed(&[("go.mod", "module x\n\ntool gotest.tools/gotestsum\n")]);
    assert!(go.ends_with(r#"run: go tool gotestsum --junitfile "$BACKSIGHT_JUNIT" ./..."#), "{go}");
    assert!(proposed(&[("go.mod", "module x\n")]).ends_with("run: [go, test, ./...]"));
    let cmake = proposed(&[("CMakeLists.txt", "project(x)\nInclude(CTest)\n")]);
    assert!(cmake.contains("run: |\n      cmake -S . -B build\n"), "{cmake}");
    assert_eq!(proposed(&[("CMakeLists.txt", "project(x)\n")]), NOTHING);
    assert!(proposed(&[("Makefile", "test := x\ncheck: all\n\ttrue\n")]).ends_with("run: [make, check]"));
    assert!(!proposed(&[("Makefile", "test:\n"), ("go.mod", "module x")]).contains("make"));
}

#[test]
fn what_was_found_is_told_with_its_consequence() {
    let folder = repository(&[("go.mod", "module x\n"), ("a_test.go", "func BenchmarkX("), (".gitlab-ci.yml", "")]);
    let found = propose(folder.path()).unwrap().found;
    let places: Vec<&str> = found.iter().map(|found| found.place.as_str()).collect();
    assert_eq!(places, ["go.mod", "a_test.go", ".gitlab-ci.yml"]);
}

#[test]
fn hostile_names_and_contents_stay_out() {
    let found = proposed(&[
        ("x\n- run: evil/Cargo.toml", "[package]\nname = \"a\"\n"),
        ("Cargo.toml", "[package]\nname = \"a; rm -rf /\"\n[dependencies]\nclap = \"4\"\n"),
        ("src/main.rs", ""),
        (".config/nextest.toml", "[profile.x; y.junit]\npath = \"../../etc\"\n[profile.ci.junit]\npath = \"a b\"\n"),
    ]);
    assert_eq!(found, "version: 1\ntests:\n  - name: cargo\n    timeout: 30m\n    run: [cargo, nextest, run]");
}

#[test]
fn other_peoples_projects_inside_are_passed_over() {
    let found = proposed(&[
        ("node_modules/x/package.json", r#"{"scripts": {"test": "x"}}"#),
        ("tests/fixtures/Cargo.toml", "[package]"),
        ("a/b/c/d/e/go.mod", ""),
    ]);
    assert_eq!(found, NOTHING);
}

#[test]
fn a_file_is_never_replaced_unasked() {
    let folder = repository(&[(FILE_NAME, "mine")]);
    let proposal = propose(folder.path()).unwrap();
    let refused = write(folder.path(), &proposal, false).unwrap_err();
    assert!(refused.to_string().contains("use --force"), "{refused}");
    assert_eq!(fs::read_to_string(folder.path().join(FILE_NAME)).unwrap(), "mine");
    let path = write(folder.path(), &proposal, true).unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), proposal.text);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_link_is_replaced_not_followed() {
    let folder = repository(&[("other", "precious")]);
    std::os::unix::fs::symlink("other", folder.path().join(FILE_NAME)).unwrap();
    let proposal = propose(folder.path()).unwrap();
    assert!(matches!(write(folder.path(), &proposal, false), Err(InitError::Exists { .. })));
    write(folder.path(), &proposal, true).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("other")).unwrap(), "precious");
}

#[test]
fn a_missing_folder_is_named() {
    let error = propose(Path::new("/no/such/folder")).unwrap_err();
    assert!(error.to_string().starts_with("/no/such/folder cannot be read"), "{error}");
}
