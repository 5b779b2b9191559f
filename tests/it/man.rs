//! Manual pages, and the metadata that installers read.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn backsight(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_backsight")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn each_subcommand_that_is_shown_has_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("new/man1");
    assert!(backsight(&["man", "--output", pages.to_str().unwrap()]).status.success());
    let written: BTreeSet<String> =
        fs::read_dir(&pages).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let main = text(&backsight(&["man"]).stdout);
    assert_eq!(main, fs::read_to_string(pages.join("backsight.1")).unwrap());
    let named: BTreeSet<String> = main
        .lines()
        .filter_map(|line| line.strip_prefix("backsight\\-")?.strip_suffix("(1)"))
        .map(|name| format!("backsight-{}.1", name.replace("\\-", "-")))
        .collect();
    assert!(named.len() > 20 && named.is_subset(&written), "{named:?} are named, {written:?} are there");
    assert!(written.contains("backsight-runs-list.1") && !written.contains("backsight-devices.1"), "{written:?}");
    for page in &written {
        let page = fs::read_to_string(pages.join(page)).unwrap();
        assert!(page.contains(".TH backsight") && page.contains(".SH SYNOPSIS"), "{page}");
    }
}

#[test]
fn one_page_is_printed_by_its_name() {
    let page = text(&backsight(&["man", "runs", "list"]).stdout);
    assert!(page.contains(".TH backsight-runs-list 1"), "{page}");
    let unknown = backsight(&["man", "runs", "lost"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("`lost` is no subcommand"));
}

/// `scripts/package` names archives so; installers find them by this.
#[test]
fn installers_look_for_the_archives_that_are_made() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let package = &manifest["package"];
    let found = &package["metadata"]["binstall"];
    let url = found["pkg-url"].as_str().unwrap();
    assert_eq!(url, "{ repo }/releases/download/v{ version }/{ name }-{ version }-{ target }.tar.gz");
    assert_eq!(found["bin-dir"].as_str(), Some("{ name }-{ version }-{ target }/{ bin }{ binary-ext }"));
    assert!(package["repository"].as_str().unwrap().starts_with("https://github.com/"));
    let script = fs::read_to_string(root.join("scripts/package")).unwrap();
    assert!(script.contains("f\"backsight-{version()}-{arguments.target}\""));
}
