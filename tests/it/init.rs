//! `backsight init`: what it proposes is a pipeline that the product's own parser takes.

use std::fs;
use std::path::Path;

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
