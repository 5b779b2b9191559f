//! `backsight init`: what it proposes is a pipeline that the product's own parser takes.

use std::fs;
use std::path::Path;
use std::process::Command;

use backsight::ops::init::{FILE_NAME, propose, write};

/// Small repositories, one for each kind of project and a mixed one.
const REPOSITORIES: &[&[(&str, &str)]] = &[
    &[],
    &[("Cargo.toml", "[package]\nname = \"x\"\n[dependencies]\nclap = \"4\"\n"), ("src/main.rs", "")],
    &[
        ("Cargo.toml", "[workspace]\n"),
        (".config/nextest.toml", "[profile.ci.junit]\npath = \"junit.xml\"\n"),
        ("a/Cargo.toml", "[dev-dependencies]\ncriterion = \"0.7\"\n[[bench]]\nname = \"b\"\nharness = false\n"),
    ],
    &[("server/pyproject.toml", "[tool.pytest]\n# pytest-benchmark\n"), ("server/tests/test_a.py", "")],
    &[("tests/test_a.py", "import unittest\n")],
    &[("package.json", r#"{"devDependencies": {"vitest": "3", "@playwright/test": "1"}}"#)],
    &[("package.json", r#"{"scripts": {"test": "node --test 'a b'"}}"#)],
    &[("go.mod", "module x\n"), ("web/package.json", r#"{"scripts": {"test": "x"}}"#), ("Makefile", "test:\n")],
    &[("CMakeLists.txt", "enable_testing()\n")],
    &[("it's: a #folder/go.mod", "module x\n")],
];

fn fill(folder: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
fn each_proposal_is_a_valid_pipeline() {
    for files in REPOSITORIES {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), files);
        let proposal = propose(folder.path()).unwrap();
        let pipeline = backsight::pipeline::parse(&proposal.text);
        assert!(pipeline.is_ok(), "{:?}\n{}", pipeline.err(), proposal.text);
    }
}

#[test]
fn the_written_file_is_the_proposal() {
    let folder = tempfile::tempdir().unwrap();
    let proposal = propose(folder.path()).unwrap();
    write(folder.path(), &proposal, false).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join(FILE_NAME)).unwrap(), proposal.text);
}

fn init(folder: &Path, more: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backsight"));
    let told = command.arg("init").arg(folder).args(more).output().unwrap();
    (told.status.code().unwrap(), String::from_utf8_lossy(&told.stderr).into_owned())
}

#[test]
fn workflows_are_written_beside_the_pipeline_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(".github/workflows").join(name)).unwrap();
    let (code, said) = init(folder.path(), &["--ci", "github"]);
    assert!(code == 0 && said.contains("Replace OWNER/backsight@0000"), "{said}");
    assert!(folder.path().join(FILE_NAME).exists());
    let mut names: Vec<_> = fs::read_dir(folder.path().join(".github/workflows")).unwrap().flatten().collect();
    names.sort_by_key(fs::DirEntry::file_name);
    let names: Vec<_> = names.iter().map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert_eq!(names, ["backsight-baseline.yml", "backsight-comment.yml", "backsight.yml"]);
    assert!(read("backsight.yml").contains("persist-credentials: false"));

    let own = folder.path().join(".github/workflows/backsight-comment.yml");
    fs::write(&own, "mine\n").unwrap();
    fs::remove_file(folder.path().join(".github/workflows/backsight.yml")).unwrap();
    let action = format!("octo/backsight@{}", "a".repeat(40));
    let (code, said) = init(folder.path(), &["--ci", "github", "--action", &action, "--force"]);
    assert!(code == 0 && said.contains("backsight-comment.yml is there already; it is left as it is"), "{said}");
    assert!(!said.contains("Replace") && read("backsight.yml").contains(&format!("uses: {action}\n")), "{said}");
    assert_eq!(read("backsight-comment.yml"), "mine\n");
    let (code, said) = init(folder.path(), &["--ci", "github", "--workflow", "sharded", "--workflow", "nightly"]);
    assert!(code == 0 && said.contains("backsight.yml is there already"), "{said}");
    assert!(
        read("backsight-sharded.yml").contains("command: merge") && read("backsight-nightly.yml").contains("--digest")
    );
}

#[test]
fn a_wrong_name_writes_nothing_and_a_link_is_not_followed() {
    for (more, words) in [
        (&["--ci", "github", "--workflow", "x"][..], "there is no ready file `x`; there are: pull-request, comment"),
        (&["--ci", "github", "--action", "o/r@v1\nrun: x"], "names no action"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (code, said) = init(folder.path(), more);
        assert!(code == 2 && said.contains(words), "{said}");
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
    }
    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::os::unix::fs::symlink(outside.path(), folder.path().join(".github")).unwrap();
    let (code, said) = init(folder.path(), &["--ci", "github"]);
    assert!(code == 2 && said.contains("is no folder of this project"), "{said}");
    assert!(fs::read_dir(outside.path()).unwrap().next().is_none());
}

#[test]
fn jobs_for_gitlab_are_written_to_be_included() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["--ci", "gitlab", "--workflow", "pipeline", "--workflow", "nightly"];
    let (code, said) = init(folder.path(), &words);
    assert!(code == 0 && said.contains("include: [{ local: .gitlab/backsight.yml }]"), "{said}");
    assert!(!said.contains("Replace"), "{said}");
    let nightly = fs::read_to_string(folder.path().join(".gitlab/backsight-nightly.yml")).unwrap();
    assert!(nightly.contains("history --digest"));
    let (_, said) = init(folder.path(), &words);
    assert!(said.contains("backsight.yml is there already"), "{said}");
    let (code, said) = init(folder.path(), &["--ci", "gitlab", "--workflow", "sharded"]);
    assert!(code == 2 && said.contains("pipeline, nightly, matrix, release"), "{said}");
}
