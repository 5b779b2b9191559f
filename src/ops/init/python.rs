//! Python: pytest with JUnit, unittest by its exit code, and pytest-benchmark.

use super::draft::{Draft, Run, Step};
use super::look::{Look, folder_of};

pub(super) fn draft(look: &Look, draft: &mut Draft) {
    let Some((place, folder)) = project(look) else { return };
    let text = requirements(look, &folder);
    let python = runner(look, &folder);
    if uses_pytest(look, &text) {
        let benchmarks = ["pytest-benchmark", "pytest_benchmark"].iter().any(|name| text.contains(name));
        pytest(draft, &place, &folder, python, benchmarks);
    } else if let Some(test) = look.files().find(|path| is_test_file(path)) {
        draft.found(&place, "test step `unittest`: judged by its exit code");
        let step = Step {
            name: "unittest".to_owned(),
            why: vec!["One case for all: unittest writes no JUnit; pytest runs the same tests and does.".to_owned()],
            run: unittest(python, &folder, test),
            keys: vec![("timeout", "30m".to_owned())],
            env: Vec::new(),
        };
        draft.test(step.in_folder(&folder));
    }
}

/// Discovery does not enter folders that are no packages, so the folder of the tests is named.
fn unittest(python: &str, folder: &str, test: &str) -> Run {
    let inside = folder_of(test).strip_prefix(folder).unwrap_or_default().trim_start_matches('/');
    let mut words: Vec<&str> = python.split(' ').chain(["-m", "unittest", "discover"]).collect();
    if !inside.is_empty() {
        words.extend(["-s", inside]);
    }
    Run::args(&words)
}

/// The file that shows a Python project with tests, and the project's folder.
fn project(look: &Look) -> Option<(String, String)> {
    let manifests = ["pyproject.toml", "pytest.ini", "setup.cfg", "setup.py", "tox.ini"];
    let manifest =
        manifests.iter().filter_map(|name| look.named(name).next()).min_by_key(|path| path.matches('/').count());
    let test = || look.files().find(|path| is_test_file(path) || path.ends_with("conftest.py"));
    if let Some(path) = manifest {
        return Some((path.to_owned(), folder_of(path).to_owned()));
    }
    let path = test()?;
    // `server/tests/test_a.py` belongs to `server`.
    let folder =
        folder_of(path).rsplit_once("tests").map_or(folder_of(path), |(before, _)| before).trim_end_matches('/');
    Some((path.to_owned(), folder.to_owned()))
}

/// What the project says it needs, and how it configures its tools.
fn requirements(look: &Look, folder: &str) -> String {
    let here = |path: &&str| folder_of(path) == folder;
    let manifests = ["pyproject.toml", "pytest.ini", "setup.cfg", "setup.py", "tox.ini", "Pipfile"];
    let is_list = |path: &str| {
        path.rsplit('/')
            .next()
            .is_some_and(|name| name.starts_with("requirements") || name.starts_with("dev-requirements"))
    };
    let is_manifest = |path: &str| manifests.iter().any(|name| path.rsplit('/').next() == Some(name));
    look.files().filter(here).filter(|path| is_list(path) || is_manifest(path)).map(|path| look.text(path)).collect()
}

fn uses_pytest(look: &Look, text: &str) -> bool {
    text.contains("pytest")
        || look.named("pytest.ini").next().is_some()
        || look.named("conftest.py").next().is_some()
        || look.files().filter(|path| is_test_file(path)).take(20).any(|path| look.text(path).contains("import pytest"))
}

/// How the project's own Python is started.
fn runner(look: &Look, folder: &str) -> &'static str {
    let here = |name: &str| if folder.is_empty() { look.has(name) } else { look.has(&format!("{folder}/{name}")) };
    if here("uv.lock") {
        "uv run python"
    } else if here("poetry.lock") {
        "poetry run python"
    } else {
        "python3"
    }
}

fn pytest(draft: &mut Draft, place: &str, folder: &str, python: &str, benchmarks: bool) {
    // As tests, benchmarks run once and are not timed.
    let quiet = if benchmarks { " --benchmark-disable" } else { "" };
    draft.found(place, "test step `pytest`: each test is a case, through its JUnit file");
    let step = Step {
        name: "pytest".to_owned(),
        run: Run::Shell(format!("{python} -m pytest -q{quiet} --junitxml=\"$BACKSIGHT_JUNIT\"")),
        keys: vec![("timeout", "30m".to_owned())],
        ..Step::default()
    };
    draft.test(step.in_folder(folder));
    if !benchmarks {
        return;
    }
    draft.found(place, "benchmark step `pytest-benchmark`: its figures, through its JSON file");
    let step = Step {
        name: "pytest-benchmark".to_owned(),
        why: vec!["pytest-benchmark measures; backsight reads its figures.".to_owned()],
        run: Run::Shell(format!(
            "mkdir -p .benchmarks && {python} -m pytest -q --benchmark-only \
             --benchmark-json=.benchmarks/backsight.json"
        )),
        keys: vec![
            ("harness", "pytest-benchmark".to_owned()),
            ("output", ".benchmarks/backsight.json".to_owned()),
            ("timeout", "30m".to_owned()),
        ],
        env: Vec::new(),
    };
    draft.benchmark(step.in_folder(folder));
}

fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.ends_with("_test.py") || (name.starts_with("test_") && name.ends_with(".py"))
}
