//! The floors of the house: reads their order out of `src/lib.rs` and holds every file against it.
//!
//! The rules stand in `architecture/rules.rs` and work on any set of files, so the second half of this file plants
//! each kind of mistake in a small made-up crate and sees it found, with its file and line.

#![allow(clippy::unwrap_used, reason = "a test may stop where its own files cannot be read")]

#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/source.rs"]
mod source;

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder that end so, as paths below the root.
fn files(folder: &str, end: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(root().join(folder)) else { return found };
    for entry in entries {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&path, end));
        } else if path.ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn source_tree() -> Vec<(String, String)> {
    let paths = files("src", ".rs");
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(root().join(path)).unwrap())).collect()
}

fn assert_clean(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn each_file_keeps_to_the_rules() {
    let tree = source_tree();
    assert!(tree.len() > 20, "the source was not found");
    assert_clean(&rules::check(&tree));
}

/// One format, one place in code, tests and docs. Parts that formats share are marked `(shared)` where
/// `src/harness/mod.rs` declares them.
#[test]
fn each_harness_has_fixtures_and_a_page() {
    let module = fs::read_to_string(root().join("src/harness/mod.rs")).unwrap();
    let formats = source::read(&module).unwrap().declared;
    let mut findings = Vec::new();
    for format in formats.iter().filter(|format| !format.test && !format.doc.trim_start().starts_with("(shared)")) {
        let name = &format.name;
        // A format is called as on the command line, in kebab case.
        let dashed = name.replace('_', "-");
        let page = format!("docs/harness/{dashed}.md");
        if !root().join(&page).is_file() {
            findings.push(format!("src/harness/mod.rs:1: {name} has no page {page}"));
        }
        let is_fixture = |path: &String| {
            Path::new(path).parent().into_iter().flat_map(Path::components).any(|part| {
                let part = part.as_os_str().to_string_lossy();
                part.starts_with(name.as_str()) || part.starts_with(&dashed)
            })
        };
        if !files("tests/fixtures", "").iter().any(is_fixture) {
            findings.push(format!("src/harness/mod.rs:1: {name} has no folder of fixtures below tests/fixtures"));
        }
    }
    assert_clean(&findings);
}

#[test]
fn each_dependency_has_its_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let reasons = fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let mut listed = false;
    let mut findings = Vec::new();
    for (number, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            listed = line.ends_with("dependencies]");
        } else if let Some((name, _)) = line.split_once('=').filter(|_| listed) {
            let name = name.trim();
            if !reasons.contains(&format!("| `{name}` |")) {
                findings.push(format!("Cargo.toml:{}: {name} is not in docs/dependencies.md", number + 1));
            }
        }
    }
    assert_clean(&findings);
}

const LIB: &str = "//! Lib.\n\n/// (p) Nouns.\npub mod nouns;\n/// (p) Sums.\npub mod sums;\n/// World.\npub mod world;\n\
                   /// Line.\npub mod line;\n";

/// The findings for a small crate with these files beside its `lib.rs`.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let mut all = vec![("src/lib.rs".to_owned(), LIB.to_owned())];
    for module in ["nouns", "sums", "world", "line"] {
        let path = format!("src/{module}/mod.rs");
        if files.iter().all(|(given, _)| *given != path) {
            all.push((path, "//! Empty.\n".to_owned()));
        }
    }
    all.extend(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    rules::check(&all)
}

#[track_caller]
fn finds(files: &[(&str, &str)], want: &str) {
    let found = found(files);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with(want), "{}", found[0]);
}

#[test]
fn a_planted_import_of_a_later_module_is_found() {
    let upward = "src/sums/mod.rs:3: sums uses world, which stands above it";
    finds(&[("src/sums/mod.rs", "//! S.\n\nuse crate::world::X;\n")], upward);
    finds(&[("src/sums/mod.rs", "//! S.\n\nuse super::world::X;\n")], upward);
    finds(&[("src/sums/mod.rs", "//! S.\nuse crate::{\n    world::X,\n    nouns::Y,\n};\n")], upward);
    finds(&[("src/sums/mod.rs", "//! S.\nfn f() {\n    let _ = crate::world::g(1);\n}\n")], upward);
    finds(
        &[("src/sums/part.rs", "//! S.\nmod inner { use super\n::mean; fn f() { crate::line::main() } }\n")],
        "src/sums/part.rs:3: sums uses line",
    );
    assert_clean(&found(&[("src/line/mod.rs", "//! L.\nuse crate::{nouns::N, world::{self, X}};\n")]));
}

#[test]
fn a_planted_import_in_the_real_source_is_found() {
    let mut tree = source_tree();
    let (path, text) = tree.iter_mut().find(|(path, _)| path == "src/results/exit.rs").unwrap();
    let line = text.lines().count() + 1;
    text.push_str("use crate::cli::main;\n");
    let want = format!("{path}:{line}: results uses cli, which stands above it in src/lib.rs");
    assert!(rules::check(&tree).contains(&want));
}

#[test]
fn names_at_the_crates_root_are_found() {
    finds(&[("src/sums/mod.rs", "//! S.\nuse crate::Result;\n")], "src/sums/mod.rs:2: crate::Result is no module");
    finds(&[("src/sums/mod.rs", "//! S.\nuse super::*;\n")], "src/sums/mod.rs:2: crate::* is no module");
}

#[test]
fn climbing_twice_is_found() {
    finds(&[("src/sums/a.rs", "//! S.\n\nuse super::super::nouns::N;\n")], "src/sums/a.rs:3: super::super");
    assert_clean(&found(&[("src/sums/a.rs", "//! S.\n#[cfg(test)]\nmod tests { use super::mean; }\n")]));
}

#[test]
fn an_impure_pure_module_is_found() {
    for touch in [
        "std::fs::read(p)",
        "std::env::args()",
        "::std::process::exit(1)",
        "std::time::Instant::now()",
        "std::thread::spawn(f)",
        "jiff::Timestamp::now()",
        "io::stdout()",
        "rustix::system::uname()",
    ] {
        finds(&[("src/sums/mod.rs", &format!("//! S.\nfn f() {{\n    {touch};\n}}\n"))], "src/sums/mod.rs:3: ");
    }
    finds(&[("src/sums/mod.rs", "//! S.\nuse std::{fmt, net};\n")], "src/sums/mod.rs:2: std::net");
    finds(&[("src/sums/mod.rs", "//! S.\nuse std::time::{Duration, SystemTime};\n")], "src/sums/mod.rs:2: std::time");
    let swapped = LIB.replace("/// (p) Nouns.", "/// Nouns.");
    let low = [
        ("src/lib.rs".to_owned(), swapped),
        ("src/sums/mod.rs".to_owned(), "//! S.\nuse crate::nouns::N;\n".to_owned()),
    ];
    assert_eq!(rules::check(&low), ["src/sums/mod.rs:2: sums is pure and uses nouns, which is not"]);
}

#[test]
fn tests_of_pure_modules_may_touch_files() {
    let text = "//! S.\nuse std::io::Read;\nuse std::time::Duration;\n#[cfg(test)]\nmod tests {\n use std::fs;\n}\n\
                #[cfg(test)]\n#[path = \"a_tests.rs\"]\nmod other;\n#[cfg(test)]\nmod more;\n";
    let test = "//! T.\nuse std::fs::read;\n";
    assert_clean(&found(&[("src/sums/mod.rs", text), ("src/sums/a_tests.rs", test), ("src/sums/more.rs", test)]));
}

#[test]
fn a_file_without_a_header_is_found() {
    finds(&[("src/sums/a.rs", "// S.\n")], "src/sums/a.rs:1: the file does not open with a //! header");
}

#[test]
fn a_name_that_says_nothing_is_found() {
    finds(&[("src/sums/utils.rs", "//! S.\n")], "src/sums/utils.rs:1: the name utils says nothing");
    finds(&[("src/sums/common/a.rs", "//! S.\n")], "src/sums/common/a.rs:1: the name common says nothing");
}

#[test]
fn a_circle_of_parts_is_found_through_the_folders_front() {
    let front = "//! S.\nmod a;\nmod b;\npub use a::A;\npub use b::B;\n";
    let a = "//! A.\nuse super::B;\npub struct A(B);\n";
    let b = "//! B.\n\nuse super::a::A;\npub struct B(Option<Box<A>>);\n";
    finds(
        &[("src/sums/mod.rs", front), ("src/sums/a.rs", a), ("src/sums/b.rs", b)],
        "src/sums/a.rs:2: imports in a circle: src/sums/a.rs -> src/sums/b.rs -> src/sums/a.rs",
    );
    assert_clean(&found(&[
        ("src/sums/mod.rs", front),
        ("src/sums/a.rs", a),
        ("src/sums/b.rs", "//! B.\npub struct B;\n"),
    ]));
    let joins = "//! S.\nmod a;\nuse a::A;\npub struct S(A);\n";
    assert_clean(&found(&[("src/sums/mod.rs", joins), ("src/sums/a.rs", "//! A.\nuse super::S;\n")]));
}

#[test]
fn main_calls_the_last_floor_only() {
    assert_clean(&found(&[("src/main.rs", "//! M.\nfn main() { backsight::line::main() }\n")]));
    finds(&[("src/main.rs", "//! M.\nfn main() { backsight::world::f() }\n")], "src/main.rs:2: main reaches past");
}

#[test]
fn what_is_no_rust_is_found() {
    finds(&[("src/sums/a.rs", "//! S.\nfn f( {\n")], "src/sums/a.rs:1: no Rust");
}
